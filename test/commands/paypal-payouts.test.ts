import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { createGateway } from "../../src/client/gateway.ts";
import { economyRoutes } from "../../src/protocol/economy-api.ts";
import type { ItemStatus } from "../paypal-simulator/payouts.ts";
import { type BillingNetwork, billingNetwork, documentOf } from "../worlds/billing-network.ts";
import { paid } from "../worlds/paypal-flows.ts";

const soon = { timeout: 60_000, interval: 100 };
const model = "peerllm/demo:1.0.0";
const receiver = "producer@example.com";
/** Of $30: less the network's 5%, and PayPal's 3.49% and 49 cents. */
const earned = { usd: "26.96", cents: 2_696 };
const send = /POST \/v1\/payments\/payouts$/;
const show = /GET \/v1\/payments\/payouts\/[^/]+$/;
const payoutShape = z.looseObject({ usd: z.string(), state: z.string() });
const healthy = { copies: 1, isLossy: false, isReordering: false };

const slow = 300_000;
const ends: (() => Promise<void>)[] = [];
let network: BillingNetwork;
let producer: Awaited<ReturnType<BillingNetwork["join"]>>;

beforeAll(async () => {
  network = await billingNetwork("paypal", (end) => ends.unshift(end));
  producer = await network.join("producer");
  await producer.publish("--price", "30");
  // Beyond reach: only what is requested is paid.
  expect(await producer.run("payout", "settings", "--threshold", "1000")).toMatchObject({ code: 2 });
  await producer.run("payout", "settings", "--paypal", receiver, "--threshold", "1000");
});

afterAll(async () => {
  for (const end of ends) await end();
});

/** What commands would ask, without a process for each time it is asked. */
const gateway = () => createGateway({ url: network.url, apiKey: producer.apiKey });
const { signal } = new AbortController();
const earnings = () => gateway().call(economyRoutes.earnings, {}, signal);
const newest = async () => (await gateway().call(economyRoutes["payouts-list"], {}, signal)).payouts[0];

/** One sale is payable: what came back, or a new one. */
async function earn(): Promise<void> {
  if ((await earnings()).payable === earned.usd) return;
  const buyer = await network.member();
  expect(await paid(network.simulator, buyer.run, ["models", "buy", model])).toMatchObject({ code: 0 });
  expect(await earnings()).toMatchObject({ payable: earned.usd });
}

async function untilState(state: string): Promise<void> {
  await vi.waitUntil(async () => (await newest())?.state === state, soon);
}

function receivedCents(): number {
  return network.simulator.payouts.paid().get(receiver) ?? 0;
}

async function lastPayout(): Promise<unknown> {
  const listed = documentOf(await producer.run("payout", "list"), z.looseObject({ payouts: z.array(payoutShape) }));
  return listed.payouts[0];
}

describe("a payout that is requested", () => {
  test.each([
    ["SUCCESS", "SUCCESS", "paid", "0.25"],
    ["UNCLAIMED", "SUCCESS", "paid", "0.25"],
    ["ONHOLD", "SUCCESS", "paid", "0.25"],
    ["UNCLAIMED", "RETURNED", "returned", "0.00"],
    ["ONHOLD", "REFUNDED", "returned", "0.00"],
    ["BLOCKED", "BLOCKED", "returned", "0.00"],
    ["FAILED", "FAILED", "returned", "0.00"],
    ["DENIED", "DENIED", "returned", "0.00"],
    ["SUCCESS", "REVERSED", "returned", "0.25"],
  ] as const)(
    "and is %s, then %s, is %s",
    async (first, then, state, feeUsd) => {
      const { simulator } = network;
      await earn();
      const before = receivedCents();
      const isPending = (status: ItemStatus) => status === "UNCLAIMED" || status === "ONHOLD";
      simulator.payouts.nextStatus = first;
      documentOf(await producer.run("payout", "request"), payoutShape);
      if (isPending(first)) {
        await vi.waitUntil(async () => (await newest())?.paypalStatus === first, soon);
        expect(await lastPayout()).toMatchObject({ state: "sent", usd: earned.usd });
        expect(await earnings()).toMatchObject({ pending: earned.usd, payable: "0.00" });
      } else if (then !== first) await untilState("paid");
      if (then !== first) simulator.payouts.move(simulator.payouts.itemIds().at(-1) ?? "", then);
      await untilState(state);
      expect(await lastPayout()).toMatchObject({ state, usd: earned.usd, feeUsd, paypalStatus: then });
      expect(receivedCents() - before).toBe(state === "paid" ? earned.cents : 0);
      expect(await earnings()).toMatchObject({ pending: "0.00", payable: state === "paid" ? "0.00" : earned.usd });
      await vi.waitUntil(network.isEqual, soon);
    },
    slow,
  );
});

describe("a payout is sent once", () => {
  const reconcile = async () => void documentOf(await network.operate("network", "reconcile"), z.unknown());
  const restart = () => network.restart();
  const nothing = async () => {};

  test.each([
    ["after PayPal's 500 to sending it", { faults: [{ kind: "error", match: send }], code: 4, carryOn: restart }],
    ["after PayPal's 500 to showing it", { faults: [{ kind: "error", match: show }], code: 0, carryOn: restart }],
    ["though the answer was lost", { faults: [{ kind: "lost-answer", match: send }], code: 4, carryOn: nothing }],
    [
      "though the answer and every webhook was lost",
      { faults: [{ kind: "lost-answer", match: send }], webhooks: { isLossy: true }, code: 4, carryOn: reconcile },
    ],
    ["where webhooks are lost", { webhooks: { isLossy: true }, code: 0, carryOn: reconcile }],
    ["where webhooks come three times", { webhooks: { copies: 3 }, code: 0, carryOn: nothing }],
    ["where webhooks come late", { webhooks: { isReordering: true }, code: 0, carryOn: reconcile }],
  ] as const)(
    "%s",
    async (_what, trouble) => {
      const { simulator } = network;
      await earn();
      const before = receivedCents();
      simulator.payouts.nextStatus = "SUCCESS";
      simulator.faults.push(...("faults" in trouble ? trouble.faults : []));
      Object.assign(simulator.webhooks.faults, "webhooks" in trouble ? trouble.webhooks : {});
      expect(await producer.run("payout", "request")).toMatchObject({ code: trouble.code });
      expect(await producer.run("payout", "request")).toMatchObject({ code: 2 });
      await trouble.carryOn();
      await untilState("paid");
      expect(await lastPayout()).toMatchObject({ state: "paid", usd: earned.usd, feeUsd: "0.25" });
      Object.assign(simulator.webhooks.faults, healthy);
      simulator.webhooks.flush();
      await simulator.webhooks.settled();
      expect(simulator.faults).toEqual([]);
      await vi.waitUntil(network.isEqual, soon);
      expect(receivedCents() - before).toBe(earned.cents);
      expect((await earnings()).payable).toBe("0.00");
    },
    slow,
  );
});

test(
  "a payout by schedule is sent once to whoever has reached their threshold, and the day's comparison repairs",
  async () => {
    const { simulator } = network;
    await earn();
    const before = receivedCents();
    simulator.payouts.nextStatus = "SUCCESS";
    simulator.webhooks.faults.isLossy = true;
    const buyer = await network.member();
    const topup = documentOf(await paid(simulator, buyer.run, ["billing", "topup", "20"]), z.looseObject({}));
    expect(topup).toMatchObject({ state: "completed" });
    simulator.orders.refund(simulator.orders.completedCaptureIds().at(-1) ?? "", 500);
    await network.restart();
    await vi.waitUntil(network.isEqual, soon);
    expect(await buyer.available()).toBe("15.00");
    expect(receivedCents()).toBe(before);

    const changed = await producer.run("payout", "settings", "--threshold", "25");
    expect(changed.json()).toEqual({ receiver, thresholdUsd: "25.00" });
    await network.restart(1);
    await untilState("paid");
    await network.restart(2);
    await vi.waitUntil(network.isEqual, soon);
    expect(receivedCents() - before).toBe(earned.cents);
    await network.audit();
  },
  slow,
);
