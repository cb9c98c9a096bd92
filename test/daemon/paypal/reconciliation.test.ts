import { TransactionSearchController } from "@paypal/paypal-server-sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newAccessTokens } from "../../../daemon/paypal/access-token.ts";
import { SdkClient } from "../../../daemon/paypal/sdk-client.ts";
import { newTransactionSearch } from "../../../daemon/paypal/transactions.ts";
import { systemClock } from "../../../src/clock.ts";
import { noBudget } from "../../../src/identity/api-key.ts";
import { newId } from "../../../src/ids.ts";
import { networkAccount, ownedAccount } from "../../../src/ledger/account.ts";
import type { Payment } from "../../../src/ledger/payment.ts";
import { adjustmentTransfer } from "../../../src/ledger/paypal-transactions.ts";
import { nanoUsd, parseUsd, zeroUsd } from "../../../src/money.ts";
import { settlementOf, usageOf } from "../../contracts/books.ts";
import { PayPalSimulator } from "../../paypal-simulator/simulator.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { listenForWebhooks, openEconomy } from "../../worlds/treasury.ts";

const consumer = newId("account");
const owner = newId("account");
let simulator: PayPalSimulator;
let open: OpenDatabase;
let economy: ReturnType<typeof openEconomy>;
let listener: Awaited<ReturnType<typeof listenForWebhooks>>;
let offsetMs = 0;

beforeEach(async () => {
  offsetMs = 0;
  simulator = await PayPalSimulator.start();
  open = await freshDatabase();
  const clock = { ...systemClock, now: () => Date.now() + offsetMs };
  const { url, clientId, clientSecret } = simulator;
  economy = openEconomy(open.database, { url, clientId, clientSecret, clock });
  listener = await listenForWebhooks(() => economy.treasury);
});

afterEach(async () => {
  await simulator.webhooks.settled();
  await economy.treasury.close();
  expect(simulator.violations).toEqual([]);
  expect(await economy.books.audit()).toMatchObject({ balanced: true, problems: [] });
  await listener.close();
  await simulator.close();
  await open.close();
});

async function topUp(dollars: number): Promise<Payment> {
  const payment = await economy.treasury.topUp(consumer, parseUsd(`${dollars}`));
  await simulator.approve(payment.approvalUrl ?? "");
  return economy.treasury.payment(consumer, payment.id);
}

async function earn(dollars: number): Promise<void> {
  const request = { accountId: consumer, apiKeyId: newId("key"), budget: noBudget, amount: parseUsd(`${dollars}`) };
  const holdId = await economy.books.hold({ ...request, idempotencyKey: newId("request") });
  const host = { hostId: newId("host"), accountId: owner };
  await economy.books.settle(holdId, settlementOf(usageOf(host, 0, dollars * 100_000)));
}

/** Webhooks that were held back arrive now, and are worked off. */
async function lateWebhooks(): Promise<void> {
  simulator.webhooks.faults.isReordering = false;
  simulator.webhooks.flush();
  await simulator.webhooks.settled();
  await economy.treasury.round();
}

async function balances() {
  const [fees, suspense] = await Promise.all(
    (["paypal-fees", "paypal-suspense"] as const).map((kind) => economy.books.balanceOf(networkAccount(kind))),
  );
  return { ...(await economy.books.balance(consumer)), fees, suspense };
}

describe("what PayPal has and the books lack", () => {
  it("is posted once where a refund's webhook was lost, and the webhook that comes late does nothing", async () => {
    const payment = await topUp(20);
    simulator.webhooks.faults.isReordering = true;
    const refundId = simulator.orders.refund(payment.captureId ?? "", 500);
    expect(await economy.treasury.compare()).toMatchObject({
      comparison: "different",
      posted: 0,
      lacking: [{ transaction: { id: refundId, code: "T1107" }, gap: parseUsd("-5") }],
    });
    expect((await balances()).available).toBe(parseUsd("20"));

    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 1, lacking: [] });
    const repaired = await balances();
    expect(repaired.available).toBe(parseUsd("15"));
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 0 });
    await lateWebhooks();
    expect(await balances()).toEqual(repaired);
    expect(await economy.payments.find(payment.id)).toMatchObject({ refunded: parseUsd("5") });
    expect(await economy.treasury.compare()).toMatchObject({ comparison: "equal" });
  });

  it("makes a receivable of a chargeback of what was spent, bears its fee, and gives back what was won", async () => {
    simulator.webhooks.faults.isLossy = true;
    const payment = await topUp(20);
    await earn(15);
    simulator.orders.refund(payment.captureId ?? "", 2_000, true);
    simulator.merchant.move("T0106", 0, 2_000);
    const feesBefore = (await balances()).fees ?? zeroUsd;
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 2 });
    expect(await balances()).toMatchObject({
      available: zeroUsd,
      owed: parseUsd("15"),
      fees: nanoUsd(feesBefore + parseUsd("20")),
    });
    simulator.orders.restore(payment.captureId ?? "", 2_000);
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 1 });
    expect(await balances()).toMatchObject({ available: parseUsd("5"), owed: zeroUsd });
  });

  it.each(["first", "last"])(
    "refunds a payment whose dispute was won before, also heard of the win %s",
    async (heard) => {
      const payment = await topUp(20);
      simulator.orders.refund(payment.captureId ?? "", 2_000, true);
      await lateWebhooks();
      expect(await economy.payments.find(payment.id)).toMatchObject({ refunded: parseUsd("20") });
      simulator.orders.restore(payment.captureId ?? "", 2_000);
      if (heard === "first") {
        expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 1 });
        expect(await economy.payments.find(payment.id)).toMatchObject({ refunded: zeroUsd });
        expect((await balances()).available).toBe(parseUsd("20"));
      }
      simulator.orders.refund(payment.captureId ?? "", 2_000);
      await lateWebhooks();
      if (heard === "last") {
        expect((await balances()).owed).toBe(parseUsd("20"));
        expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 1 });
      }
      expect(await economy.treasury.compare()).toMatchObject({ comparison: "equal", lacking: [], unlisted: [] });
      expect(await economy.payments.find(payment.id)).toMatchObject({ refunded: parseUsd("20") });
      expect(await balances()).toMatchObject({ available: zeroUsd, owed: zeroUsd });
    },
  );

  it("credits a capture that was given up here, and a month whose sale nobody told of", async () => {
    simulator.webhooks.faults.isLossy = true;
    const payment = await economy.treasury.topUp(consumer, parseUsd("20"));
    await economy.payments.fail(payment.id);
    simulator.merchant.move("T0006", 2_000, 119, { customField: payment.id, transactionId: "CAPTURE0000000001" });
    const monthly = await economy.treasury.subscribeCredit(consumer, parseUsd("10"));
    await simulator.approve(monthly.approvalUrl ?? "");
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 2 });
    expect((await balances()).available).toBe(parseUsd("30"));
    expect((await economy.payments.find(payment.id))?.state).toBe("completed");
    await economy.treasury.round();
    expect((await balances()).available).toBe(parseUsd("30"));
  });

  it("takes back a month whose reversal was lost", async () => {
    const begun = await economy.treasury.subscribeCredit(consumer, parseUsd("10"));
    await simulator.approve(begun.approvalUrl ?? "");
    const { paypalId } = await economy.treasury.subscription(consumer, begun.id);
    simulator.webhooks.faults.isReordering = true;
    simulator.subscriptions.reverse(paypalId ?? "");
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 1 });
    expect((await balances()).available).toBe(zeroUsd);
    await lateWebhooks();
    expect(await balances()).toMatchObject({ available: zeroUsd, owed: zeroUsd });
  });

  it("corrects a fee that came out otherwise than it was told, once", async () => {
    const payment = await topUp(20);
    simulator.webhooks.faults.isLossy = true;
    simulator.orders.refund(payment.captureId ?? "", 500);
    await economy.treasury.reconcile();
    const refund = simulator.merchant.movements.at(-1);
    await economy.payments.refund(payment.id, { key: "refund:REFUND00000000002", amount: parseUsd("1"), fee: zeroUsd });
    simulator.merchant.move("T1107", -100, -3, {
      transactionId: "REFUND00000000002",
      reference: payment.captureId ?? "",
    });
    const { fees } = await balances();
    expect(refund?.feeCents).toBe(-0);
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 1 });
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 0 });
    expect((await balances()).fees).toBe(nanoUsd((fees ?? zeroUsd) - parseUsd("0.03")));
  });

  it("leaves another amount under the same id alone, and tells of it", async () => {
    const payment = await topUp(20);
    await economy.payments.refund(payment.id, { key: "refund:REFUND00000000003", amount: parseUsd("1"), fee: zeroUsd });
    simulator.merchant.move("T1107", -200, 0, {
      transactionId: "REFUND00000000003",
      reference: payment.captureId ?? "",
    });
    expect(await economy.treasury.reconcile()).toMatchObject({
      comparison: "different",
      posted: 0,
      lacking: [{ gap: parseUsd("-1"), why: "The books have it with another amount." }],
    });
  });

  it("puts bank transfers and a dispute's hold in suspense, until the hold is lifted", async () => {
    await topUp(20);
    simulator.merchant.move("T0400", -500, 0);
    simulator.merchant.move("T1110", -1_000, 0);
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 2 });
    expect((await balances()).suspense).toBe(parseUsd("15"));
    simulator.merchant.move("T1111", 1_000, 0);
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 1 });
    expect(await balances()).toMatchObject({ suspense: parseUsd("5"), available: parseUsd("20") });
  });

  it("credits nothing for money that is pending or denied", async () => {
    const payment = await economy.treasury.topUp(consumer, parseUsd("20"));
    for (const status of ["P", "D"]) {
      simulator.merchant.move("T0006", 2_000, 119, { customField: payment.id, status });
    }
    await economy.treasury.reconcile();
    expect((await balances()).available).toBe(zeroUsd);
  });

  it("opens the books with what was at PayPal before the network", async () => {
    simulator.merchant.move("T0300", 12_345, 0);
    Object.assign(simulator.merchant.movements[0] ?? {}, { at: "2025-01-01T00:00:00Z" });
    await topUp(20);
    const { booksBalance, paypalBalance, comparison } = await economy.treasury.reconcile();
    expect([booksBalance, comparison]).toEqual([parseUsd("142.26"), "equal"]);
    expect(paypalBalance).toBe(booksBalance);
  });
});

describe("a payout, beside PayPal's transactions", () => {
  beforeEach(async () => {
    await topUp(100);
    await earn(40);
    simulator.webhooks.faults.isLossy = true;
    const receiver = "owner@example.com";
    await economy.payouts.setSettings(owner, { receiver, receiverType: "EMAIL", threshold: parseUsd("25") });
  });

  it("that nobody has claimed is in transit, and agrees; returned, it is payable again", async () => {
    simulator.payouts.nextStatus = "UNCLAIMED";
    await economy.treasury.payOutAllDue();
    await economy.treasury.round();
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", inTransit: parseUsd("-38.25") });
    simulator.payouts.move(simulator.payouts.itemIds()[0] ?? "", "RETURNED");
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", inTransit: zeroUsd });
    await economy.treasury.round();
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 0 });
    expect(await economy.payouts.list(owner, 1)).toMatchObject([{ state: "returned" }]);
    const payable = ownedAccount("host-payable", owner);
    expect(await economy.books.balanceOf(payable)).toBe(parseUsd("38"));
  });

  it.each([
    ["REVERSED", "38"],
    ["REFUNDED", "38.25"],
    ["RETURNED", "38.25"],
    ["BLOCKED", "38.25"],
  ] as const)(
    "that was paid and is %s without a word is payable again, once, and the fee is what PayPal kept",
    async (status, gap) => {
      await economy.treasury.payOutAllDue();
      await economy.treasury.round();
      expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 0 });
      simulator.payouts.move(simulator.payouts.itemIds()[0] ?? "", status);
      expect(await economy.treasury.compare()).toMatchObject({
        comparison: "different",
        lacking: [{ gap: parseUsd(gap) }],
      });
      expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 1 });
      expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", posted: 0 });
      expect(await economy.payouts.list(owner, 1)).toMatchObject([{ state: "returned" }]);
      expect(await economy.books.balanceOf(ownedAccount("host-payable", owner))).toBe(parseUsd("38"));
    },
  );
});

describe("what the books have and PayPal lacks", () => {
  it("is told of once PayPal's reports must have it, and never posted away", async () => {
    await topUp(20);
    await economy.books.post(
      adjustmentTransfer("capture:INVENTED000000001", parseUsd("7"), "paypal-suspense", "wrong"),
    );
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", recent: 1, unlisted: [] });
    offsetMs = 4 * 3_600_000;
    expect(await economy.treasury.reconcile()).toMatchObject({
      comparison: "different",
      recent: 0,
      unlisted: [{ key: "capture:INVENTED000000001", net: parseUsd("7") }],
    });
  });

  it("is awaited while PayPal's reports are behind, whether or not its balance is", async () => {
    Object.assign(simulator.reports, { lagMs: 2 * 3_600_000, balanceLagMs: 2 * 3_600_000 });
    await topUp(20);
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", recent: 1, posted: 0 });
    simulator.reports.balanceLagMs = 0;
    expect(await economy.treasury.reconcile()).toMatchObject({
      comparison: "late",
      recent: 1,
      unexplained: parseUsd("18.81"),
    });
    simulator.reports.lagMs = 0;
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal", recent: 0, posted: 0 });
  });
});

describe("PayPal's list of transactions", () => {
  function moved(count: number, spreadMs: number): void {
    for (let index = 0; index < count; index += 1) {
      const at = new Date(Date.now() - 90 * 86_400_000 + index * spreadMs).toISOString();
      simulator.merchant.move("T0300", 100, 0, { transactionId: `DEPOSIT${`${index}`.padStart(10, "0")}` });
      Object.assign(simulator.merchant.movements.at(-1) ?? {}, { at });
    }
  }

  it("is read in windows of 31 days, in pages, and in halves where a window holds too much", async () => {
    moved(1_300, 3_600_000);
    simulator.reports.resultsMax = 600;
    const { url: baseUrl, clientId, clientSecret } = simulator;
    const access = { baseUrl, clientId, clientSecret, timeoutMs: 20_000 };
    const client = new SdkClient(access, newAccessTokens(access));
    const search = newTransactionSearch(new TransactionSearchController(client));
    const { transactions } = await search.list(Date.now() - 91 * 86_400_000, Date.now());
    expect(new Set(transactions.map(({ id }) => id)).size).toBe(1_300);
    expect(simulator.calls.length).toBeGreaterThan(4);
  });

  it.each([
    ["an error", "error", "upstream_failed"],
    ["too many requests", "busy", "upstream_failed"],
  ] as const)("that is answered with %s leaves the books as they are", async (_what, kind, code) => {
    await topUp(20);
    simulator.faults.push({ match: /reporting\/transactions/, kind });
    await expect(economy.treasury.reconcile()).rejects.toMatchObject({ code });
    expect(await economy.treasury.reconcile()).toMatchObject({ comparison: "equal" });
  });

  it("that the app may not read is refused with what to turn on", async () => {
    simulator.reports.isForbidden = true;
    await expect(economy.treasury.reconcile()).rejects.toMatchObject({
      code: "payment_failed",
      message: expect.stringContaining("Transaction search"),
    });
  });
});
