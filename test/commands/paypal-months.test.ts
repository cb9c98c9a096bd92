import { expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { billingNetwork, documentOf } from "../worlds/billing-network.ts";
import { openMarket, paid } from "../worlds/paypal-flows.ts";

const slow = 600_000;
const soon = { timeout: 90_000, interval: 200 };
const subscriptionShape = z.looseObject({ subscriptionId: z.string(), standing: z.string() });
const shownShape = z.looseObject({ subscriptions: z.tuple([subscriptionShape]) });
const payoutsShape = z.looseObject({ payouts: z.array(z.looseObject({ state: z.string(), usd: z.string() })) });
const statusShape = z.looseObject({ requests: z.looseObject({ queued: z.int() }) });
const prompt = ["chat", "What is PeerLLM?"];

test(
  "a host works through the grace of a month PayPal can't collect, then not until it is paid; earnings go out at each start",
  async () => {
    const { network, owner, hostId, hostsServing } = await openMarket(onTestFinished);
    const { simulator, restart } = network;
    const untilServing = (hosts: number) => vi.waitUntil(async () => (await hostsServing()) === hosts, soon);
    expect(await network.operate("network", "price", "set", "4000")).toMatchObject({ code: 0 });
    const member = await network.member();
    expect(await paid(simulator, member.run, ["billing", "topup", "200"])).toMatchObject({ code: 0 });
    expect(await paid(simulator, owner, ["host", "subscribe", hostId])).toMatchObject({ code: 0 });
    await untilServing(1);
    expect(await member.run(prompt)).toMatchObject({ code: 0 });
    await owner(["payout", "settings", "--paypal", "owner@example.com", "--threshold", "1"]);
    const subscription = async () => documentOf(await owner(["billing", "plan", "show"]), shownShape).subscriptions[0];
    const status = async () => documentOf(await network.operate("network", "status"), statusShape);
    const hosts = async () => (await network.operate("network", "hosts")).json();
    const paypalId = simulator.merchant.movements.find(({ eventCode }) => eventCode === "T0002")?.reference ?? "";

    simulator.subscriptions.bill(paypalId, true);
    await vi.waitUntil(async () => (await subscription()).outstandingUsd === "5.00", soon);
    expect(await subscription()).toMatchObject({ standing: "paid", status: "ACTIVE" });

    await restart(32);
    await untilServing(1);
    expect(await subscription()).toMatchObject({ standing: "grace" });

    await restart(36);
    expect(await subscription()).toMatchObject({ standing: "unpaid" });
    await vi.waitUntil(async () => JSON.stringify(await hosts()).includes(hostId), soon);
    expect(await hosts()).toMatchObject({ hosts: [{ hostId, state: "paused" }] });
    const answer = member.run(prompt);
    await vi.waitUntil(async () => (await status()).requests.queued === 1, soon);

    simulator.subscriptions.bill(paypalId);
    await untilServing(1);
    expect(await subscription()).toMatchObject({ standing: "paid", outstandingUsd: "0.00" });
    expect(await answer).toMatchObject({ code: 0 });

    const ended = documentOf(await owner(["host", "unsubscribe", hostId]), subscriptionShape);
    expect(ended).toMatchObject({ status: "CANCELLED", standing: "paid" });
    expect(await hostsServing()).toBe(1);
    await restart(70);
    expect(await subscription()).toMatchObject({ standing: "unpaid", status: "CANCELLED" });
    expect(await hostsServing()).toBe(0);

    const listed = async () => documentOf(await owner(["payout", "list"]), payoutsShape).payouts;
    await vi.waitUntil(async () => (await listed()).every(({ state }) => state === "paid"), soon);
    const payouts = await listed();
    const cents = payouts.reduce((sum, { usd }) => sum + Math.round(Number(usd) * 100), 0);
    expect(payouts.length).toBeGreaterThan(1);
    expect([...simulator.payouts.paid()]).toEqual([["owner@example.com", cents]]);
    await network.audit();
  },
  slow,
);

test(
  "monthly credit comes with each month that is collected and goes with one that is taken back; a code counts once, for one",
  async () => {
    const network = await billingNetwork("paypal");
    const { simulator } = network;
    const member = await network.member();
    const ran = await paid(simulator, member.run, ["billing", "plan", "subscribe", "10"]);
    expect(documentOf(ran, subscriptionShape)).toMatchObject({ standing: "paid", usdPerMonth: "10.00" });
    const paypalId = simulator.merchant.movements[0]?.reference ?? "";
    const untilAvailable = (usd: string) => vi.waitUntil(async () => (await member.available()) === usd, soon);
    await untilAvailable("10.00");
    simulator.subscriptions.bill(paypalId);
    await untilAvailable("20.00");
    simulator.subscriptions.bill(paypalId, true);
    simulator.subscriptions.bill(paypalId);
    await untilAvailable("40.00");
    simulator.subscriptions.reverse(paypalId);
    await untilAvailable("20.00");

    simulator.orders.nextCapture = "PENDING";
    const waiting = paid(simulator, member.run, ["billing", "topup", "5"]);
    await vi.waitUntil(() => simulator.orders.captureIds().length === 1, soon);
    expect(await member.available()).toBe("20.00");
    simulator.orders.release(simulator.orders.captureIds()[0] ?? "");
    expect(documentOf(await waiting, z.looseObject({}))).toMatchObject({ state: "completed" });
    await untilAvailable("25.00");

    const made = await network.operate("network", "code", "create", "7");
    const { code } = documentOf(made, z.looseObject({ code: z.string() }));
    const other = await network.member();
    const redeemed = await Promise.all([1, 2].map(() => member.run(["billing", "redeem", code])));
    expect(redeemed.map((each) => each.code)).toEqual([0, 0]);
    expect((await other.run(["billing", "redeem", code])).code).toBe(2);
    expect([await member.available(), await other.available()]).toEqual(["32.00", "0.00"]);
    await network.audit();
  },
  slow,
);
