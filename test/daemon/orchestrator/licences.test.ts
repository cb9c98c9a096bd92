import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Licences, newLicences } from "../../../daemon/orchestrator/licences.ts";
import { openBooks } from "../../../daemon/sqlite/books.ts";
import { openModelStore } from "../../../daemon/sqlite/model-store.ts";
import { openPayments } from "../../../daemon/sqlite/payments.ts";
import { openSales } from "../../../daemon/sqlite/sales.ts";
import { openSubscriptions } from "../../../daemon/sqlite/subscriptions.ts";
import { newId } from "../../../src/ids.ts";
import { networkAccount, ownedAccount } from "../../../src/ledger/account.ts";
import type { Books } from "../../../src/ledger/books.ts";
import type { ModelPurpose } from "../../../src/ledger/payment.ts";
import type { BillingMode } from "../../../src/ledger/pricing.ts";
import { firstPriceSheet } from "../../../src/ledger/pricing.ts";
import { silentLog } from "../../../src/log.ts";
import type { ModelStore, PublishedModel } from "../../../src/models/model-store.ts";
import { parseUsd, zeroUsd } from "../../../src/money.ts";
import { now } from "../../contracts/books.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { testModel } from "../../worlds/published-model.ts";
import { stillClock } from "../../worlds/still-clock.ts";

const producer = newId("account");
const buyer = newId("account");
const purpose: ModelPurpose = { kind: "model", model: "acme/tiny:1.0.0", producerId: producer };
const monthMs = 31 * 86_400_000;

describe("licences", () => {
  let clock: ReturnType<typeof stillClock>;
  let open: OpenDatabase;
  let books: Books;
  let models: ModelStore;
  let payments: ReturnType<typeof openPayments>;
  let subscriptions: ReturnType<typeof openSubscriptions>;
  let licences: Licences;
  let billing: BillingMode;
  const sheets = [{ ...firstPriceSheet("paypal", 0), graceDays: 2 }];

  beforeEach(async () => {
    clock = stillClock(now);
    open = await freshDatabase();
    books = openBooks(open.database, clock);
    models = openModelStore(open.database);
    payments = openPayments(open.database, clock);
    subscriptions = openSubscriptions(open.database, clock);
    billing = "credits";
    const mayRead = () => true;
    const prices = { list: async () => sheets };
    const options = { models, payments, subscriptions, prices, clock, log: silentLog, mayRead };
    licences = newLicences({ ...options, billing: async () => billing });
  });
  afterEach(async () => {
    expect(await books.audit()).toMatchObject({ balanced: true, problems: [] });
    await open.close();
  });

  async function publish(once: string, monthly: string): Promise<PublishedModel> {
    const prices = { royaltyPer100kTokens: zeroUsd, once: parseUsd(once), monthly: parseUsd(monthly) };
    const { signed } = await testModel({ manifest: { prices } });
    return models.publish({ signed, accountId: producer, publishedAt: now });
  }

  async function grant(usd: string): Promise<void> {
    const source = { kind: "promotion" } as const;
    const credit = { accountId: buyer, amount: parseUsd(usd), source, idempotencyKey: newId("transfer") };
    await books.credit({ ...credit, reference: null });
  }

  async function mayServe(model: PublishedModel, accountId = buyer): Promise<boolean> {
    clock.move(1_001);
    const digest = `sha256:${model.manifest.digest}`;
    return (await licences.servable(accountId, [digest])).has(digest);
  }

  const buy = () => payments.buy({ id: newId("payment"), accountId: buyer, purpose, amount: parseUsd("20") });
  const subscribe = () =>
    subscriptions.subscribeWithCredit({
      id: newId("subscription"),
      accountId: buyer,
      purpose,
      monthly: parseUsd("3"),
    });

  it("are the producer's own, everyone's where a model is free or billing is off, and else the buyer's", async () => {
    const model = await publish("20", "0");
    expect([await mayServe(model, producer), await mayServe(model)]).toEqual([true, false]);
    await expect(licences.require([model], buyer)).rejects.toMatchObject({
      code: "payment_required",
      hint: 'Run "peerllm models buy acme/tiny:1.0.0".',
    });
    await expect(licences.require([model], null)).rejects.toMatchObject({ code: "payment_required" });
    await grant("50");
    await Promise.all([buy(), buy()]);
    await licences.require([model], buyer);
    expect(await mayServe(model)).toBe(true);
    expect((await books.balance(buyer)).available).toBe(parseUsd("30"));
    const stranger = newId("account");
    expect(await mayServe(model, stranger)).toBe(false);
    billing = "off";
    expect(await mayServe(model, stranger)).toBe(true);
    await licences.require([model], null);
  });

  it("name both ways to have a model that is sold in both", async () => {
    await expect(licences.require([await publish("20", "3")], buyer)).rejects.toMatchObject({
      hint: 'Run "peerllm models buy acme/tiny:1.0.0" or "peerllm models subscribe acme/tiny:1.0.0".',
    });
  });

  it("by the month are paid from credit each month, and end with the one that credit is short of", async () => {
    const model = await publish("0", "3");
    await grant("6.50");
    const { id } = await subscribe();
    await licences.renewDue();
    expect((await books.balance(buyer)).available).toBe(parseUsd("3.50"));
    clock.move(monthMs);
    expect(await mayServe(model)).toBe(true);
    await licences.renewDue();
    await licences.renewDue();
    expect((await books.balance(buyer)).available).toBe(parseUsd("0.50"));
    clock.move(monthMs);
    await licences.renewDue();
    expect(await subscriptions.find(id)).toMatchObject({ status: "EXPIRED" });
    expect([await mayServe(model), (await books.balance(buyer)).available]).toEqual([false, parseUsd("0.50")]);
    expect(await openSales(open.database, clock).models(producer)).toMatchObject([
      { months: 2, activeSubscriptions: 0, amount: parseUsd("6"), producer: parseUsd("5.70") },
    ]);
  });

  it("that are cancelled last to the end of the paid month, and go on unpaid till then if taken up again", async () => {
    const model = await publish("0", "3");
    await grant("10");
    const { id } = await subscribe();
    await subscriptions.note(id, "CANCELLED", zeroUsd);
    expect(await subscribe()).toMatchObject({ id, status: "ACTIVE" });
    expect((await books.balance(buyer)).available).toBe(parseUsd("7"));
    await subscriptions.note(id, "CANCELLED", zeroUsd);
    expect(await mayServe(model)).toBe(true);
    clock.move(monthMs);
    await licences.renewDue();
    expect(await mayServe(model)).toBe(false);
  });

  it("paid through PayPal outlast a late payment by the days of grace, and no longer", async () => {
    const model = await publish("0", "3");
    const id = newId("subscription");
    await subscriptions.create({ id, accountId: buyer, purpose, monthly: parseUsd("3") });
    await subscriptions.subscribed(id, { paypalId: "I-1", approvalUrl: null });
    await subscriptions.note(id, "ACTIVE", zeroUsd);
    expect(await mayServe(model)).toBe(false);
    const receipt = { key: "sale:S1", amount: parseUsd("3"), fee: parseUsd("0.59") };
    const { paidThrough } = await subscriptions.paid(id, receipt, clock.now());
    clock.move((paidThrough ?? 0) - clock.now());
    expect(await mayServe(model)).toBe(true);
    clock.move(2 * 86_400_000 - 3_000);
    expect(await mayServe(model)).toBe(true);
    expect(await mayServe(model)).toBe(false);
  });

  it("end when the sale is taken back, at the expense of the producer's next ones where it was paid out", async () => {
    const model = await publish("20", "0");
    const id = newId("payment");
    await payments.create({ id, accountId: buyer, purpose, amount: parseUsd("20") });
    expect(await mayServe(model)).toBe(false);
    const receipt = { key: "capture:C1", amount: parseUsd("20"), fee: parseUsd("1.19") };
    await Promise.all([payments.complete(id, "C1", receipt), payments.complete(id, "C1", receipt)]);
    expect(await mayServe(model)).toBe(true);
    await books.post({
      kind: "payout-post",
      idempotencyKey: "paid out",
      requestHash: "",
      reference: null,
      legs: [
        { account: ownedAccount("producer-payable", producer), amount: parseUsd("-17.81") },
        { account: networkAccount("paypal-clearing"), amount: parseUsd("17.81") },
      ],
    });
    await payments.refund(id, { key: "refund:R1", amount: parseUsd("5"), fee: zeroUsd });
    expect(await mayServe(model)).toBe(true);
    await payments.refund(id, { key: "refund:R2", amount: parseUsd("15"), fee: zeroUsd });
    expect(await mayServe(model)).toBe(false);
    expect((await books.balance(producer)).owed).toBe(parseUsd("19"));
    await grant("20");
    await buy();
    expect(await mayServe(model)).toBe(true);
    expect((await books.balance(producer)).owed).toBe(zeroUsd);
    expect(await books.balanceOf(ownedAccount("producer-payable", producer))).toBe(zeroUsd);
  });

  it("come back with a dispute that is won, and with them what the producer had to give", async () => {
    const model = await publish("20", "0");
    const id = newId("payment");
    await payments.create({ id, accountId: buyer, purpose, amount: parseUsd("20") });
    await payments.complete(id, "C1", { key: "capture:C1", amount: parseUsd("20"), fee: parseUsd("1.19") });
    await payments.refund(id, { key: "refund:R1", amount: parseUsd("20"), fee: zeroUsd });
    expect(await mayServe(model)).toBe(false);
    const won = { key: "restored:W1", amount: parseUsd("20"), fee: zeroUsd };
    await Promise.all([payments.restore(id, won), payments.restore(id, won)]);
    expect(await mayServe(model)).toBe(true);
    expect((await books.balance(producer)).owed).toBe(zeroUsd);
    expect(await books.balanceOf(ownedAccount("producer-payable", producer))).toBe(parseUsd("17.81"));
  });

  it("cost the network what is missing where PayPal's fee is more than the price leaves", async () => {
    const id = newId("payment");
    await payments.create({ id, accountId: buyer, purpose, amount: parseUsd("1") });
    await payments.complete(id, "C1", { key: "capture:C1", amount: parseUsd("1"), fee: parseUsd("1.20") });
    expect(await books.balanceOf(ownedAccount("producer-payable", producer))).toBe(zeroUsd);
    expect(await books.balanceOf(networkAccount("paypal-fees"))).toBe(parseUsd("0.25"));
    expect(await books.balanceOf(networkAccount("paypal-clearing"))).toBe(parseUsd("-0.20"));
  });
});
