import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Treasury } from "../../../daemon/paypal/treasury.ts";
import { openBooks } from "../../../daemon/sqlite/books.ts";
import { openPayments } from "../../../daemon/sqlite/payments.ts";
import { openPayouts } from "../../../daemon/sqlite/payouts.ts";
import { openPayPalRecords } from "../../../daemon/sqlite/paypal-records.ts";
import { openPayPalTransactions } from "../../../daemon/sqlite/paypal-transactions.ts";
import { openSubscriptions } from "../../../daemon/sqlite/subscriptions.ts";
import { dayMs, systemClock } from "../../../src/clock.ts";
import { noBudget } from "../../../src/identity/api-key.ts";
import { newId } from "../../../src/ids.ts";
import type { Books } from "../../../src/ledger/books.ts";
import type { Payment, PaymentStore } from "../../../src/ledger/payment.ts";
import type { PayoutStore } from "../../../src/ledger/payout.ts";
import type { SubscriptionStore } from "../../../src/ledger/subscription.ts";
import { silentLog } from "../../../src/log.ts";
import { parseUsd, zeroUsd } from "../../../src/money.ts";
import { settlementOf, usageOf } from "../../contracts/books.ts";
import { PayPalSimulator } from "../../paypal-simulator/simulator.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { listenForWebhooks, openEconomy } from "../../worlds/treasury.ts";

const consumer = newId("account");
const owner = newId("account");
let simulator: PayPalSimulator;
let open: OpenDatabase;
let books: Books;
let payments: PaymentStore;
let payouts: PayoutStore;
let subscriptions: SubscriptionStore;
let treasury: Treasury;
let payersSeen: unknown[];
let listener: Awaited<ReturnType<typeof listenForWebhooks>>;

beforeEach(async () => {
  payersSeen = [];
  simulator = await PayPalSimulator.start();
  open = await freshDatabase();
  treasury = newTreasury();
  listener = await listenForWebhooks(() => treasury);
});

afterEach(async () => {
  await simulator.webhooks.settled();
  await treasury.close();
  expect(simulator.violations).toEqual([]);
  expect(await books.audit()).toMatchObject({ balanced: true, problems: [] });
  await listener.close();
  await simulator.close();
  await open.close();
});

/** As after a start of the network: everything read again from the database. */
function newTreasury(clientSecret = simulator.clientSecret, timeoutMs = 20_000): Treasury {
  const { database } = open;
  books = openBooks(database, systemClock);
  payments = openPayments(database, systemClock);
  payouts = openPayouts(database, systemClock);
  subscriptions = openSubscriptions(database, systemClock);
  return new Treasury({
    access: { clientId: simulator.clientId, clientSecret, baseUrl: simulator.url, timeoutMs },
    networkId: newId("network"),
    returnUrl: "https://network.example/paid",
    payerSeen: async (...seen) => void payersSeen.push(seen),
    payments,
    subscriptions,
    payouts,
    records: openPayPalRecords(database, systemClock),
    transactions: openPayPalTransactions(database),
    books,
    clock: systemClock,
    log: silentLog,
  });
}

async function approved(payment: { readonly approvalUrl: string | null }): Promise<void> {
  await simulator.approve(payment.approvalUrl ?? "");
}

async function available() {
  return (await books.balance(consumer)).available;
}

async function reload(payment: Payment): Promise<Payment> {
  const found = await payments.find(payment.id);
  if (found === null) throw new Error("the payment is gone");
  return found;
}

async function earn(dollars: number): Promise<void> {
  const amount = parseUsd(`${dollars}`);
  const request = { accountId: consumer, apiKeyId: newId("key"), budget: noBudget, amount };
  const holdId = await books.hold({ ...request, idempotencyKey: newId("request") });
  const host = { hostId: newId("host"), accountId: owner };
  await books.settle(holdId, settlementOf(usageOf(host, 0, dollars * 100_000)));
}

async function topUp(dollars: number): Promise<Payment> {
  const payment = await treasury.topUp(consumer, parseUsd(`${dollars}`));
  await approved(payment);
  return treasury.payment(consumer, payment.id);
}

describe("a top-up", () => {
  it("is credited when the payer has approved and the capture is COMPLETED, and not before", async () => {
    const payment = await treasury.topUp(consumer, parseUsd("20"));
    expect((await treasury.payment(consumer, payment.id)).state).toBe("open");
    expect(await available()).toBe(zeroUsd);
    await approved(payment);
    expect((await treasury.payment(consumer, payment.id)).state).toBe("completed");
    expect(await available()).toBe(parseUsd("20"));
    expect(await treasury.reconcile()).toMatchObject({ isEqual: true, paypalBalance: parseUsd("18.81") });
  });

  it("is credited by webhook alone", async () => {
    const payment = await treasury.topUp(consumer, parseUsd("20"));
    await approved(payment);
    await simulator.webhooks.settled();
    await treasury.round();
    expect(await available()).toBe(parseUsd("20"));
  });

  it("is credited as soon as the webhook is there, however far away the next round", async () => {
    treasury.start(3_600_000);
    await approved(await treasury.topUp(consumer, parseUsd("20")));
    await vi.waitUntil(async () => (await available()) === parseUsd("20"), { timeout: 30_000 });
  });

  it("is credited by polling alone, where every webhook is lost", async () => {
    simulator.webhooks.faults.isLossy = true;
    await approved(await treasury.topUp(consumer, parseUsd("20")));
    await treasury.round();
    expect(await available()).toBe(parseUsd("20"));
  });

  it("is credited by polling, also where the clock is set back by a month", async () => {
    let offsetMs = 0;
    const clock = { ...systemClock, now: () => Date.now() + offsetMs };
    const { url, clientId, clientSecret } = simulator;
    simulator.webhooks.faults.isLossy = true;
    treasury = openEconomy(open.database, { url, clientId, clientSecret, clock }).treasury;
    treasury.start(200);
    await vi.waitUntil(() => simulator.calls.some((call) => call.includes("/v1/reporting/")), { timeout: 30_000 });
    offsetMs = -30 * dayMs;
    await approved(await treasury.topUp(consumer, parseUsd("20")));
    await vi.waitUntil(async () => (await available()) === parseUsd("20"), { timeout: 30_000 });
  });

  it("is credited once, however often and in whatever order webhooks come", async () => {
    Object.assign(simulator.webhooks.faults, { copies: 3, isReordering: true });
    const payment = await topUp(20);
    simulator.orders.refund((await reload(payment)).captureId ?? "", 500);
    simulator.webhooks.flush();
    await simulator.webhooks.settled();
    await treasury.round();
    await treasury.round();
    expect(await available()).toBe(parseUsd("15"));
    expect(await treasury.reconcile()).toMatchObject({ isEqual: true });
  });

  it("waits for a pending capture", async () => {
    simulator.orders.nextCapture = "PENDING";
    const payment = await topUp(20);
    expect([payment.state, await available()]).toEqual(["open", zeroUsd]);
    simulator.orders.release(simulator.orders.captureIds()[0] ?? "");
    await treasury.round();
    expect(await available()).toBe(parseUsd("20"));
  });

  it("fails where the payer's money is declined", async () => {
    simulator.orders.nextCapture = "DECLINED";
    expect((await topUp(20)).state).toBe("failed");
    expect(await available()).toBe(zeroUsd);
  });

  it("that is declined is not captured again by who asks at the same moment, or knew it as open", async () => {
    simulator.orders.nextCapture = "DECLINED";
    const payment = await treasury.topUp(consumer, parseUsd("20"));
    await approved(payment);
    const asked = await Promise.all([1, 2].map(() => treasury.payment(consumer, payment.id)));
    await treasury.round();
    expect(asked.map(({ state }) => state)).toEqual(["failed", "failed"]);
    expect([simulator.orders.captureIds(), await available()]).toEqual([[], zeroUsd]);
  });

  it.each([
    ["an error before the order is made", /POST \/v2\/checkout\/orders$/, "error"],
    ["an order whose answer is lost", /POST \/v2\/checkout\/orders$/, "lost-answer"],
    ["an order whose answer never comes", /POST \/v2\/checkout\/orders$/, "timeout"],
  ] as const)("goes on after %s, with one order", async (_what, match, kind) => {
    simulator.faults.push({ match, kind });
    if (kind === "timeout") treasury = newTreasury(simulator.clientSecret, 500);
    await expect(treasury.topUp(consumer, parseUsd("20"))).rejects.toMatchObject({ code: "upstream_failed" });
    treasury = newTreasury();
    await treasury.round();
    const [payment] = await payments.open(10);
    await approved(payment ?? { approvalUrl: null });
    await treasury.round();
    expect(await available()).toBe(parseUsd("20"));
    expect(simulator.orders.captureIds()).toHaveLength(1);
  });

  it.each(["error", "lost-answer"] as const)("goes on after a capture's %s, with one capture", async (kind) => {
    const payment = await treasury.topUp(consumer, parseUsd("20"));
    await approved(payment);
    simulator.faults.push({ match: /capture$/, kind });
    await expect(treasury.payment(consumer, payment.id)).rejects.toMatchObject({ code: "upstream_failed" });
    treasury = newTreasury();
    await treasury.round();
    expect(await available()).toBe(parseUsd("20"));
    expect(simulator.orders.captureIds()).toHaveLength(1);
  });

  it("that is reversed after it was spent leaves a receivable, and agrees with PayPal", async () => {
    const payment = await topUp(20);
    await earn(15);
    simulator.orders.refund(payment.captureId ?? "", 2_000, true);
    await simulator.webhooks.settled();
    await treasury.round();
    expect(await books.balance(consumer)).toEqual({ available: zeroUsd, held: zeroUsd, owed: parseUsd("15") });
    expect(await treasury.reconcile()).toMatchObject({ isEqual: true });
  });

  it("asks for one token, however many begin at once, and goes on after a refused one", async () => {
    const wrong = newTreasury("wrong");
    const calls = [
      () => wrong.topUp(consumer, parseUsd("5")),
      () => wrong.subscribeHost(consumer, newId("host"), parseUsd("5")),
      () => wrong.compare(),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({
        code: "upstream_failed",
        message: "PayPal does not accept this network's own credentials.",
        cause: { code: "config_invalid", message: expect.stringContaining("PAYPAL_CLIENT_SECRET") },
      });
    }
    const begun = await Promise.all(Array.from({ length: 10 }, () => treasury.topUp(consumer, parseUsd("5"))));
    expect(new Set(begun.map((payment) => payment.orderId)).size).toBe(10);
  });
});

describe("a webhook", () => {
  it("that PayPal did not sign is refused", async () => {
    const headers = { "paypal-auth-algo": "SHA256withRSA", "paypal-cert-url": "https://evil.example/cert.pem" };
    const transmission = {
      "paypal-transmission-id": "1",
      "paypal-transmission-time": "2",
      "paypal-transmission-sig": "3",
    };
    const body = Buffer.from(JSON.stringify({ id: "WH-1", event_type: "CHECKOUT.ORDER.APPROVED", resource: {} }));
    const forged = [
      headers,
      { ...headers, ...transmission },
      { ...headers, ...transmission, "paypal-cert-url": `${simulator.url}/v1/notifications/certs/CERT-simulator` },
    ];
    for (const attempt of forged) {
      await expect(treasury.receiveWebhook(attempt, body)).rejects.toMatchObject({ code: "authentication_failed" });
    }
  });
});

describe("a host's subscription", () => {
  async function subscribed() {
    const hostId = newId("host");
    const begun = await treasury.subscribeHost(owner, hostId, parseUsd("5"));
    await approved(begun);
    const subscription = await treasury.subscription(owner, begun.id);
    return { hostId, subscription, paypalId: subscription.paypalId ?? "" };
  }

  it("is paid for a month when it was approved, and a month more with each sale", async () => {
    const { hostId, subscription, paypalId } = await subscribed();
    expect(subscription.status).toBe("ACTIVE");
    const first = (await subscriptions.ofHost(hostId))?.paidThrough ?? 0;
    expect(first).toBeGreaterThan(Date.now() + 27 * 86_400_000);
    simulator.subscriptions.bill(paypalId);
    await simulator.webhooks.settled();
    await treasury.round();
    expect((await subscriptions.ofHost(hostId))?.paidThrough ?? 0).toBeGreaterThan(first + 27 * 86_400_000);
    expect(await treasury.reconcile()).toMatchObject({ isEqual: true });
  });

  it("makes product and plan once, and finds them again when its own record is lost", async () => {
    await subscribed();
    await subscribed();
    open.database.connection.exec("DELETE FROM paypal_objects WHERE name LIKE 'plan:%'");
    await subscribed();
    expect(simulator.subscriptions.counts()).toEqual({ products: 1, plans: 1, subscriptions: 3 });
  });

  it("at a new price makes a new plan, and who subscribed before keeps theirs", async () => {
    const { subscription, paypalId } = await subscribed();
    const dearer = await treasury.subscribeHost(owner, newId("host"), parseUsd("6"));
    await approved(dearer);
    expect(await treasury.subscription(owner, dearer.id)).toMatchObject({ monthly: parseUsd("6"), status: "ACTIVE" });
    expect(simulator.subscriptions.counts()).toEqual({ products: 1, plans: 2, subscriptions: 2 });
    simulator.subscriptions.bill(paypalId);
    await treasury.round();
    expect(await treasury.subscription(owner, subscription.id)).toMatchObject({ monthly: parseUsd("5") });
    // Two months at $5 and one at $6, less PayPal's fees of 66 and 70 cents.
    expect(await treasury.reconcile()).toMatchObject({ comparison: "equal", paypalBalance: parseUsd("13.98") });
  });

  it("that PayPal could not collect shows what is outstanding and pays for no more", async () => {
    const { hostId, paypalId } = await subscribed();
    const before = (await subscriptions.ofHost(hostId))?.paidThrough;
    simulator.subscriptions.bill(paypalId, true);
    await treasury.round();
    expect(await subscriptions.ofHost(hostId)).toMatchObject({
      status: "ACTIVE",
      outstanding: parseUsd("5"),
      paidThrough: before,
    });
  });

  it("that is cancelled stays paid for, and is cancelled once", async () => {
    const { hostId, subscription } = await subscribed();
    const before = (await subscriptions.ofHost(hostId))?.paidThrough;
    const cancelled = await treasury.cancel(owner, subscription.id);
    expect(cancelled).toMatchObject({ status: "CANCELLED", paidThrough: before });
    expect(await treasury.cancel(owner, subscription.id)).toMatchObject({ status: "CANCELLED" });
  });

  it("that is asked for again is the one there is, until it is suspended or cancelled", async () => {
    const { hostId, subscription, paypalId } = await subscribed();
    const again = () => treasury.subscribeHost(owner, hostId, parseUsd("5"));
    expect((await again()).id).toBe(subscription.id);
    await subscriptions.note(subscription.id, "SUSPENDED", zeroUsd);
    const renewed = await again();
    expect(renewed.id).not.toBe(subscription.id);
    expect((await again()).id).toBe(renewed.id);
    await treasury.cancel(owner, subscription.id);
    simulator.subscriptions.approve(renewed.paypalId ?? "");
    await treasury.cancel(owner, renewed.id);
    expect((await again()).paypalId).not.toBe(paypalId);
    const credits = ["10", "10", "20"].map((usd) => treasury.subscribeCredit(owner, parseUsd(usd)));
    const [first, second, dearer] = await Promise.all(credits);
    expect([first?.id === second?.id, first?.id === dearer?.id]).toEqual([true, false]);
    expect(simulator.subscriptions.counts().subscriptions).toBe(5);
  });

  it("whose answer was lost is made once", async () => {
    simulator.faults.push({ match: /POST \/v1\/billing\/subscriptions$/, kind: "lost-answer" });
    const lost = treasury.subscribeHost(owner, newId("host"), parseUsd("5"));
    await expect(lost).rejects.toMatchObject({ code: "upstream_failed" });
    await treasury.round();
    expect(simulator.subscriptions.counts().subscriptions).toBe(1);
    expect((await subscriptions.open(10))[0]?.approvalUrl).toContain(simulator.url);
  });

  it("to monthly credit grants it at each sale, and takes it back when one is reversed", async () => {
    const begun = await treasury.subscribeCredit(consumer, parseUsd("10"));
    await approved(begun);
    await treasury.round();
    simulator.subscriptions.bill((await subscriptions.find(begun.id))?.paypalId ?? "");
    await simulator.webhooks.settled();
    await treasury.round();
    expect(await available()).toBe(parseUsd("20"));
    simulator.subscriptions.reverse((await subscriptions.find(begun.id))?.paypalId ?? "");
    await simulator.webhooks.settled();
    await treasury.round();
    expect(await available()).toBe(parseUsd("10"));
    expect(await treasury.reconcile()).toMatchObject({ isEqual: true });
  });
});

describe("a model", () => {
  const tiny = { kind: "model", model: "acme/tiny:1.0.0", producerId: owner } as const;
  const demo = { ...tiny, model: "acme/demo:1.0.0" };

  it("by the month has a plan of its own, found again, though another's price and name are as long", async () => {
    const first = await treasury.subscribeModel(consumer, tiny, parseUsd("3"));
    const other = await treasury.subscribeModel(consumer, demo, parseUsd("3"));
    expect((await treasury.subscribeModel(consumer, tiny, parseUsd("3"))).id).toBe(first.id);
    await treasury.subscribeModel(owner, tiny, parseUsd("3"));
    expect(simulator.subscriptions.counts()).toEqual({ products: 1, plans: 2, subscriptions: 3 });
    await approved(first);
    await treasury.round();
    expect(await subscriptions.ofModel(consumer, tiny.model)).toMatchObject({ id: first.id, status: "ACTIVE" });
    expect((await subscriptions.ofModel(consumer, demo.model))?.id).toBe(other.id);
    expect((await subscriptions.ofModel(consumer, demo.model))?.paidThrough).toBeNull();
  });

  it("whose subscription's answer was lost is subscribed to once, on its own plan", async () => {
    simulator.faults.push({ match: /POST \/v1\/billing\/subscriptions$/, kind: "lost-answer" });
    const lost = treasury.subscribeModel(consumer, tiny, parseUsd("3"));
    await expect(lost).rejects.toMatchObject({ code: "upstream_failed" });
    const again = await treasury.subscribeModel(consumer, tiny, parseUsd("3"));
    await treasury.round();
    expect(simulator.subscriptions.counts()).toEqual({ products: 1, plans: 1, subscriptions: 1 });
    await approved(again);
    await treasury.round();
    expect((await subscriptions.ofModel(consumer, tiny.model))?.paidThrough).not.toBeNull();
  });

  it("whose month is taken back is not paid for, whichever of sale and reversal is heard of first", async () => {
    Object.assign(simulator.webhooks.faults, { isReordering: true, copies: 2 });
    const begun = await treasury.subscribeModel(consumer, tiny, parseUsd("3"));
    await approved(begun);
    simulator.subscriptions.reverse(begun.paypalId ?? "");
    simulator.webhooks.flush();
    await simulator.webhooks.settled();
    await treasury.round();
    await treasury.round();
    const taken = await subscriptions.ofModel(consumer, tiny.model);
    expect(taken?.paidThrough).toBeLessThan(Date.now() + 2 * 86_400_000);
    expect((await books.balance(owner)).owed).toBe(parseUsd("0.59"));
  });

  it("that is bought twice at once is ordered once", async () => {
    const begun = await Promise.all([1, 2, 3].map(() => treasury.buyModel(consumer, tiny, parseUsd("20"))));
    expect(new Set(begun.map((payment) => payment.orderId)).size).toBe(1);
  });
});

describe("a payer's PayPal account", () => {
  it("is told once a host's subscription is paid from it, and not for what consumers pay", async () => {
    simulator.subscriptions.payerId = "PAYERXYZW6789";
    const begun = await treasury.subscribeHost(owner, newId("host"), parseUsd("5"));
    await treasury.round();
    expect(payersSeen).toEqual([]);
    await approved(begun);
    await approved(await treasury.subscribeCredit(consumer, parseUsd("10")));
    await treasury.round();
    expect(payersSeen[0]).toEqual([owner, "PAYERXYZW6789", "paid"]);
    expect(payersSeen.some((seen) => JSON.stringify(seen).includes(consumer))).toBe(false);
  });

  it.each([
    ["a merchant id", { receiver: "PAYEEABCD2345", receiverType: "PAYPAL_ID" }, 1],
    ["an e-mail address", { receiver: "owner@example.com", receiverType: "EMAIL" }, 0],
  ] as const)("is told when a payout to %s arrived, where PayPal names it", async (_what, receiver, count) => {
    await topUp(100);
    await earn(40);
    await payouts.setSettings(owner, { ...receiver, threshold: parseUsd("25") });
    await treasury.payOutAllDue();
    await treasury.round();
    expect(payersSeen).toEqual(Array(count).fill([owner, receiver.receiver, "was-paid"]));
  });
});

describe("a payout", () => {
  const settings = { receiver: "owner@example.com", receiverType: "EMAIL", threshold: parseUsd("25") } as const;

  beforeEach(async () => {
    await topUp(100);
    await earn(40);
    await payouts.setSettings(owner, settings);
  });

  it("is sent to whoever reached the threshold, with PayPal's fee on the network", async () => {
    await treasury.payOutAllDue();
    await treasury.round();
    expect(await payouts.list(owner, 10)).toMatchObject([
      { state: "paid", amount: parseUsd("38"), fee: parseUsd("0.25") },
    ]);
    expect(simulator.payouts.paid()).toEqual(new Map([[settings.receiver, 3_800]]));
    expect(await treasury.reconcile()).toMatchObject({ isEqual: true });
  });

  it("is less by what its receiver owes for a payment taken back, which is repaid", async () => {
    const payment = await treasury.topUp(owner, parseUsd("10"));
    await approved(payment);
    const { captureId } = await treasury.payment(owner, payment.id);
    const request = { accountId: owner, apiKeyId: newId("key"), budget: noBudget, amount: parseUsd("10") };
    const holdId = await books.hold({ ...request, idempotencyKey: newId("request") });
    await books.settle(holdId, settlementOf(usageOf({ hostId: newId("host"), accountId: consumer }, 0, 1_000_000)));
    const [first = ""] = simulator.orders.completedCaptureIds();
    await approved(await treasury.topUp(newId("account"), parseUsd("100")));
    simulator.orders.refund(first, 10_000, true);
    simulator.orders.refund(captureId ?? "", 1_000, true);
    await simulator.webhooks.settled();
    await treasury.round();
    expect((await books.balance(owner)).owed).toBe(parseUsd("10"));
    expect((await books.balance(consumer)).owed).toBe(parseUsd("40"));
    await treasury.payOutAllDue();
    await treasury.payOutAllDue();
    await treasury.round();
    expect(simulator.payouts.paid()).toEqual(new Map([[settings.receiver, 2_800]]));
    expect(await books.balance(owner)).toMatchObject({ available: zeroUsd, owed: zeroUsd });
    expect(await payouts.setOffs(owner, 10)).toMatchObject([{ amount: parseUsd("10") }]);
    // Who never said where to be paid repays all the same.
    expect((await books.balance(consumer)).owed).toBe(parseUsd("30.50"));
    expect(await treasury.reconcile()).toMatchObject({ isEqual: true });
  });

  it.each(["error", "lost-answer"] as const)("after a batch's %s is sent once", async (kind) => {
    simulator.faults.push({ match: /POST \/v1\/payments\/payouts$/, kind });
    await treasury.payOutAllDue();
    expect(await payouts.open(10)).toMatchObject([{ state: "reserved" }]);
    treasury = newTreasury();
    await treasury.round();
    await treasury.round();
    expect(await payouts.list(owner, 10)).toMatchObject([{ state: "paid" }]);
    expect(simulator.payouts.paid()).toEqual(new Map([[settings.receiver, 3_800]]));
    expect(await treasury.reconcile()).toMatchObject({ isEqual: true });
  });

  it.each(["UNCLAIMED", "ONHOLD"] as const)(
    "that is %s is pending until it is returned, then payable again",
    async (held) => {
      simulator.payouts.nextStatus = held;
      await treasury.payOutAllDue();
      await treasury.round();
      expect(await payouts.list(owner, 10)).toMatchObject([{ state: "sent", paypalStatus: held }]);
      simulator.payouts.move(simulator.payouts.itemIds()[0] ?? "", "RETURNED");
      await treasury.round();
      expect(await payouts.list(owner, 10)).toMatchObject([{ state: "returned" }]);
      expect(await payouts.due()).toEqual([owner]);
      expect(await treasury.reconcile()).toMatchObject({ isEqual: true });
    },
  );

  it.each(["FAILED", "BLOCKED", "DENIED"] as const)(
    "that is %s costs nothing and can be tried again",
    async (status) => {
      simulator.payouts.nextStatus = status;
      await treasury.payOutAllDue();
      await treasury.round();
      simulator.payouts.nextStatus = "SUCCESS";
      await treasury.payOutAllDue();
      await treasury.round();
      expect((await payouts.list(owner, 10)).map((payout) => payout.state)).toEqual(["paid", "returned"]);
      expect(simulator.payouts.paid()).toEqual(new Map([[settings.receiver, 3_800]]));
      expect(await treasury.reconcile()).toMatchObject({ isEqual: true });
    },
  );

  it("that was paid and is reversed is payable again", async () => {
    await treasury.payOutAllDue();
    await treasury.round();
    simulator.payouts.move(simulator.payouts.itemIds()[0] ?? "", "REVERSED");
    await simulator.webhooks.settled();
    await treasury.round();
    expect(await payouts.list(owner, 10)).toMatchObject([{ state: "returned" }]);
    expect(await treasury.reconcile()).toMatchObject({ isEqual: true });
  });
});
