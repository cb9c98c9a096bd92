import { describe, expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { callDaemon } from "../../src/client/control.ts";
import { createGateway } from "../../src/client/gateway.ts";
import { formatUsd, parseUsd, subtractUsd } from "../../src/money.ts";
import { homeAt, packageFile } from "../../src/paths.ts";
import { routes } from "../../src/protocol/api.ts";
import { networkMethods } from "../../src/protocol/control-methods.ts";
import type { PayPalSimulator } from "../paypal-simulator/simulator.ts";
import { billingNetwork, documentOf } from "../worlds/billing-network.ts";
import { peerllm } from "../worlds/command.ts";

const slow = 240_000;

/** What a command would ask, without a process for each time it is asked. */
function balanceOf(url: string, apiKey: string) {
  return createGateway({ url, apiKey }).call(routes["billing-balance"], {}, new AbortController().signal);
}

async function hostsOf(home: string) {
  const { signal } = new AbortController();
  return (await callDaemon(homeAt(home), "network", networkMethods.hosts, {}, signal)).hosts;
}

/** The books beside PayPal's: equal; off by a refund whose webhook is lost, until it is posted; and without PayPal. */
async function audited(simulator: PayPalSimulator, home: string, consumerHome: string): Promise<void> {
  const network = (...words: string[]) => peerllm(["network", ...words, "--json"], { home });
  expect((await network("audit")).json()).toMatchObject({ balanced: true, paypal: { comparison: "equal" } });

  simulator.webhooks.faults.isLossy = true;
  const [captureId = ""] = simulator.orders.captureIds();
  const transaction = simulator.orders.refund(captureId, 500);
  const before = await network("audit");
  expect(before.code).toBe(1);
  expect(before.json()).toMatchObject({
    balanced: false,
    problems: [],
    paypal: { comparison: "different", lacking: [{ transaction, code: "T1107", usd: "-5.00" }], unlisted: [] },
  });
  const reconciled = await network("reconcile");
  expect(reconciled.json()).toMatchObject({ comparison: "equal", posted: 1, isEqual: true });
  expect((await network("audit")).json()).toMatchObject({ balanced: true, paypal: { comparison: "equal" } });
  const month = new Date().toISOString().slice(0, 7);
  const statement = await peerllm(["billing", "statement", "--month", month, "--csv"], { home: consumerHome });
  expect(statement.stdout).toContain(",credit-reversal,consumer-credit,-5.00,");

  for (const [words, code] of [
    [["audit"], 0],
    [["audit", "--require-paypal"], 4],
  ] as const) {
    simulator.faults.push({ match: /reporting/, kind: "busy" });
    const ran = await network(...words);
    expect(ran.code).toBe(code);
    expect(ran.json()).toMatchObject({ balanced: true, paypal: { comparison: "unavailable", paypalUsd: null } });
  }
}

/** An owner spends credit whose payment is then reversed: what hosts earned pays it, before any of it is paid out. */
async function repaid(simulator: PayPalSimulator, url: string, owner: { home: string; apiKey: string }): Promise<void> {
  const run = (...words: string[]) => peerllm(words, { home: owner.home });
  const begun = documentOf(
    await run("billing", "topup", "1", "--no-wait", "--json"),
    z.object({ approvalUrl: z.string() }),
  );
  await simulator.approve(begun.approvalUrl);
  await vi.waitUntil(async () => (await balanceOf(url, owner.apiKey)).available === "1.00", { timeout: 60_000 });
  expect((await run("chat", "Who is paid?", "--json")).code).toBe(0);
  simulator.orders.refund(simulator.orders.captureIds().at(-1) ?? "", 100, true);
  const owes = async () => (await balanceOf(url, owner.apiKey)).owed;
  await vi.waitUntil(async () => (await owes()) !== undefined, { timeout: 60_000 });
  const owed = (await owes()) ?? "";
  expect((await run("billing", "balance")).stdout).toContain(`owed       $${owed} for a payment taken back`);
  const { payable } = documentOf(
    await run("earnings", "--json"),
    z.object({ payable: z.string(), owed: z.literal(owed) }),
  );
  expect((await run("earnings")).stdout).toContain(`$${owed} for a payment taken back; what is payable pays it first`);
  expect((await run("payout", "list")).stdout).toContain(`$${owed} is owed for a payment taken back: earnings pay it`);

  expect((await run("payout", "request")).stderr).toContain("a payout takes at least $1.00");
  expect((await run("payout", "list")).stdout).toMatch(
    new RegExp(`\\$${owed.replace(".", "\\.")} of the earnings paid what this account owed, on .* \\(transfer_`),
  );
  const left = formatUsd(subtractUsd(parseUsd(payable), parseUsd(owed)));
  expect((await run("earnings", "--json")).json()).toMatchObject({ payable: left, owed: "0.00" });
  expect((await run("billing", "balance", "--json")).json()).toEqual({ available: "0.00", held: "0.00" });
}

describe("a network that bills by PayPal", () => {
  test(
    "sells credit and subscriptions, redeems codes, and gives work to hosts that are paid for",
    async () => {
      const { simulator, home, url, join } = await billingNetwork("paypal");
      const [consumer, owner] = await Promise.all([join("consumer"), join("owner")]);
      const run = (who: { home: string }, ...words: string[]) => peerllm([...words, "--json"], { home: who.home });

      const file = packageFile("src/models/demo/demo.gguf");
      const publishing = run(owner, "producer", "publish", file, "--name", "peerllm/demo", "--version", "1.0.0");
      const price = [
        "network",
        "price",
        "set",
        "0.80",
        "--host-share",
        "92.5",
        "--subscription",
        "6",
        "--grace-days",
        "5",
      ];
      expect((await run({ home }, ...price)).json()).toMatchObject({
        version: 2,
        billing: "paypal",
        usdPer100kTokens: "0.80",
        hostSharePercent: "92.5",
        hostSubscriptionUsd: "6.00",
        graceDays: 5,
        versions: [{ usdPer100kTokens: "1.00", hostSubscriptionUsd: "5.00", graceDays: 3 }, { version: 2 }],
      });

      const begun = documentOf(
        await run(consumer, "billing", "topup", "20", "--no-wait"),
        z.object({ paymentId: z.string(), approvalUrl: z.string(), state: z.literal("open") }),
      );
      await simulator.approve(begun.approvalUrl);
      await vi.waitUntil(async () => (await balanceOf(url, consumer.apiKey)).available === "20.00", {
        timeout: 60_000,
        interval: 100,
      });
      expect((await run(consumer, "billing", "balance")).json()).toMatchObject({ available: "20.00", held: "0.00" });

      const { code } = documentOf(
        await peerllm(["network", "code", "create", "7", "--json"], { home }),
        z.object({ code: z.string() }),
      );
      expect((await run(consumer, "billing", "redeem", code)).json()).toMatchObject({ availableUsd: "27.00" });

      const published = await publishing;
      expect(published, published.stderr).toMatchObject({ code: 0 });
      const up = await peerllm(["host", "up"], { home: owner.home });
      expect(up.stderr).toContain('hosts that pay $6.00 a month. Run "peerllm host subscribe"');
      const ready = documentOf(
        await run(owner, "host", "status"),
        z.object({ hostId: z.string(), state: z.literal("degraded"), isEntitled: z.literal(false) }),
      );
      onTestFinished(async () => void (await peerllm(["host", "down", "--now"], { home: owner.home })));
      expect(await hostsOf(home)).toMatchObject([{ hostId: ready.hostId, state: "paused" }]);

      const subscribed = documentOf(
        await run(owner, "host", "subscribe", ready.hostId, "--no-wait"),
        z.object({
          approvalUrl: z.string(),
          standing: z.literal("unpaid"),
          usdPerMonth: z.literal("6.00"),
        }),
      );
      await simulator.approve(subscribed.approvalUrl);
      await vi.waitUntil(async () => (await hostsOf(home)).some(({ state }) => state === "serving"), {
        timeout: 60_000,
        interval: 100,
      });

      expect((await run(owner, "host", "status")).json()).toMatchObject({ state: "serving", isEntitled: true });

      const standing = documentOf(
        await run(owner, "host", "subscription", ready.hostId),
        z.object({ standing: z.literal("paid"), paidThrough: z.number(), servesUntil: z.number() }),
      );
      expect(standing.servesUntil - standing.paidThrough).toBe(5 * 86_400_000);
      const lateUntil = new Date(standing.servesUntil).toISOString().slice(0, 10);
      const said = await peerllm(["host", "subscription", ready.hostId], { home: owner.home });
      expect(said.stdout).toMatch(new RegExp(`^may be late +until ${lateUntil}$`, "m"));

      expect((await peerllm(["chat", "What is PeerLLM?", "--json"], { home: consumer.home })).code).toBe(0);
      const earnings = documentOf(
        await run(owner, "earnings"),
        z.object({
          today: z.string(),
          payable: z.string(),
          subscriptions: z.array(z.object({ standing: z.string() })),
        }),
      );
      expect(earnings).toMatchObject({ payable: earnings.today, subscriptions: [{ standing: "paid" }] });
      expect(earnings.payable).not.toBe("0.00");

      await run(owner, "payout", "settings", "--paypal", "owner@example.com", "--threshold", "1");
      const early = await run(owner, "payout", "request");
      expect(early).toMatchObject({ code: 2 });
      expect(early.stdout).toContain("at least $1.00");
      expect((await run(owner, "payout", "list")).json()).toEqual({ payouts: [], setOffs: [], owedUsd: "0.00" });
      await repaid(simulator, url, owner);

      expect((await run(owner, "host", "unsubscribe", ready.hostId)).json()).toMatchObject({
        status: "CANCELLED",
        standing: "paid",
      });

      const month = new Date().toISOString().slice(0, 7);
      const csv = (await peerllm(["billing", "statement", "--month", month, "--csv"], { home: consumer.home })).stdout;
      expect(csv.split("\r\n").slice(0, 3)).toMatchObject([
        "time,kind,account,amount_usd,transfer,reference",
        expect.stringContaining(",credit,consumer-credit,20.00,"),
        expect.stringContaining(",credit,consumer-credit,7.00,"),
      ]);
      await audited(simulator, home, consumer.home);
      expect(simulator.violations).toEqual([]);
    },
    slow,
  );

  test(
    "waits for the payer, and says when the money was declined",
    async () => {
      const { simulator, join } = await billingNetwork("paypal");
      const { home } = await join("consumer");
      simulator.orders.nextCapture = "DECLINED";
      const waiting = peerllm(["billing", "topup", "5", "--json"], { home });
      await vi.waitUntil(() => simulator.orders.openOrders().length > 0, { timeout: 60_000 });
      for (const orderId of simulator.orders.openOrders()) simulator.orders.approve(orderId);
      const ran = await waiting;
      expect(ran.code).toBe(3);
      expect(ran.json()).toMatchObject({ error: { code: "payment_failed" } });
      expect(ran.stderr).toContain(`${simulator.url}/checkoutnow?token=`);
    },
    slow,
  );
});
