import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openBooks } from "../../../daemon/sqlite/books.ts";
import { openCodes } from "../../../daemon/sqlite/codes.ts";
import { openPayments } from "../../../daemon/sqlite/payments.ts";
import { openPayouts } from "../../../daemon/sqlite/payouts.ts";
import { openSubscriptions } from "../../../daemon/sqlite/subscriptions.ts";
import { noBudget } from "../../../src/identity/api-key.ts";
import { type AccountId, newId } from "../../../src/ids.ts";
import { networkAccount, ownedAccount } from "../../../src/ledger/account.ts";
import type { Books } from "../../../src/ledger/books.ts";
import { addUsd, nanoUsd, parseUsd, zeroUsd } from "../../../src/money.ts";
import { now, settlementOf, usageOf } from "../../contracts/books.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { stillClock } from "../../worlds/still-clock.ts";

const clock = stillClock(now);
const consumer = newId("account");
const owner = newId("account");
let open: OpenDatabase;
let books: Books;

beforeEach(async () => {
  open = await freshDatabase();
  books = openBooks(open.database, clock);
});
afterEach(async () => {
  expect(await books.audit()).toMatchObject({ balanced: true, problems: [] });
  await open.close();
});

/** Has `owner` earn 95% of $`dollars` by one host. */
async function earn(dollars: number): Promise<void> {
  const amount = parseUsd(`${dollars}`);
  const key = newId("request");
  const credit = {
    accountId: consumer,
    amount,
    source: { kind: "promotion" },
    idempotencyKey: `grant:${key}`,
  } as const;
  await books.credit({ ...credit, reference: null });
  const hold = { accountId: consumer, apiKeyId: newId("key"), budget: noBudget, amount, idempotencyKey: key };
  const host = { hostId: newId("host"), accountId: owner };
  await books.settle(await books.hold(hold), settlementOf(usageOf(host, 0, 100_000 * dollars)));
}

/** Has an account owe $`dollars`: it spent them, and their payment was reversed. */
async function owe(accountId: AccountId, dollars: number): Promise<void> {
  const payments = openPayments(open.database, clock);
  const [id, amount] = [newId("payment"), parseUsd(`${dollars}`)];
  await payments.create({ id, accountId, purpose: { kind: "credit" }, amount });
  await payments.complete(id, `C${id}`, { key: `capture:C${id}`, amount, fee: zeroUsd });
  const key = newId("request");
  const hold = { accountId, apiKeyId: newId("key"), budget: noBudget, amount, idempotencyKey: key };
  const host = { hostId: newId("host"), accountId: newId("account") };
  await books.settle(await books.hold(hold), settlementOf(usageOf(host, 0, 100_000 * dollars)));
  await payments.refund(id, { key: `refund:R${id}`, amount, fee: zeroUsd });
}

/** Has a producer earn royalties of $`dollars`. */
async function sell(accountId: AccountId, dollars: number): Promise<void> {
  const amount = parseUsd(`${dollars}`);
  await books.post({
    kind: "correction",
    idempotencyKey: newId("request"),
    requestHash: "",
    reference: null,
    legs: [
      { account: networkAccount("promotions"), amount: nanoUsd(-amount) },
      { account: ownedAccount("producer-payable", accountId), amount },
    ],
  });
}

describe("payouts", () => {
  const settings = { receiver: "owner@example.com", receiverType: "EMAIL", threshold: parseUsd("25") } as const;

  it("set whole cents aside and leave the rest payable", async () => {
    const payouts = openPayouts(open.database, clock);
    await payouts.setSettings(owner, settings);
    await earn(27);
    await books.post({
      kind: "correction",
      idempotencyKey: "dust",
      requestHash: "",
      reference: null,
      legs: [
        { account: networkAccount("network-revenue"), amount: parseUsd("-0.000000001") },
        { account: ownedAccount("host-payable", owner), amount: parseUsd("0.000000001") },
      ],
    });
    expect(await payouts.due()).toEqual([owner]);
    const payout = await payouts.reserve(owner, settings.threshold);
    expect(payout).toMatchObject({ amount: parseUsd("25.65"), state: "reserved", receiver: settings.receiver });
    expect(await books.balanceOf(ownedAccount("host-payable", owner))).toBe(parseUsd("0.000000001"));
    expect(await books.balanceOf(ownedAccount("host-pending-payout", owner))).toBe(parseUsd("25.65"));
    expect(await payouts.due()).toEqual([]);
    await expect(payouts.reserve(owner, settings.threshold)).rejects.toMatchObject({ code: "conflict" });
  });

  it.each([
    ["SUCCESS", "paid", "0", "25.65"],
    ["FAILED", "returned", "25.65", "0"],
    ["RETURNED", "returned", "25.65", "0"],
    ["BLOCKED", "returned", "25.65", "0"],
    ["REFUNDED", "returned", "25.65", "0"],
    ["DENIED", "returned", "25.65", "0"],
    ["UNCLAIMED", "sent", "0", "0"],
    ["ONHOLD", "sent", "0", "0"],
    ["PENDING", "sent", "0", "0"],
  ])("whose item is %s are %s, however often that is told", async (status, state, payable, paid) => {
    const payouts = openPayouts(open.database, clock);
    await payouts.setSettings(owner, settings);
    await earn(27);
    const { id } = await payouts.reserve(owner, settings.threshold);
    await payouts.sent(id, { batchId: "B", itemId: "I", status: "PENDING" });
    const fee = parseUsd("0.25");
    await payouts.close(id, status, fee);
    expect(await payouts.close(id, status, fee)).toMatchObject({ state });
    expect(await books.balanceOf(ownedAccount("host-payable", owner))).toBe(parseUsd(payable));
    expect(await payouts.paid(owner)).toBe(parseUsd(paid));
    const isFinal = state !== "sent";
    expect(await books.balanceOf(networkAccount("paypal-fees"))).toBe(isFinal ? fee : zeroUsd);
    expect(await payouts.open(10)).toHaveLength(isFinal ? 0 : 1);
  });

  it("that were paid and come back are payable again, once", async () => {
    const payouts = openPayouts(open.database, clock);
    await payouts.setSettings(owner, settings);
    await earn(27);
    const { id } = await payouts.reserve(owner, settings.threshold);
    await payouts.close(id, "SUCCESS", zeroUsd);
    await payouts.close(id, "REVERSED", zeroUsd);
    await payouts.close(id, "REVERSED", zeroUsd);
    expect((await payouts.close(id, "SUCCESS", zeroUsd)).state).toBe("returned");
    expect(await books.balanceOf(ownedAccount("host-payable", owner))).toBe(parseUsd("25.65"));
  });

  it("are what is left when earnings have paid what their owner owes, once", async () => {
    const payouts = openPayouts(open.database, clock);
    await payouts.setSettings(owner, settings);
    await owe(owner, 10);
    await earn(40);
    expect(await payouts.due()).toEqual([owner]);
    const payout = await payouts.reserve(owner, settings.threshold);
    expect(payout).toMatchObject({ amount: parseUsd("28"), hostPart: parseUsd("28") });
    expect((await books.balance(owner)).owed).toBe(zeroUsd);
    const [setOff, ...others] = await payouts.setOffs(owner, 10);
    expect([setOff?.amount, others]).toEqual([parseUsd("10"), []]);
    if (setOff === undefined) throw new Error("nothing was set off");
    const legs = (await books.transfer(setOff.transferId)).map(({ kind, account, amount }) => [
      kind,
      account.kind,
      amount,
    ]);
    expect(legs).toEqual([
      ["set-off", "host-payable", parseUsd("-10")],
      ["set-off", "receivable", parseUsd("10")],
    ]);
    await payouts.close(payout.id, "FAILED", zeroUsd);
    expect((await payouts.reserve(owner, settings.threshold)).amount).toBe(parseUsd("28"));
    expect(await payouts.setOffAll()).toBe(zeroUsd);
  });

  it("wait while less than a debt is earned, all of which pays it, with a producer's earnings after a host's", async () => {
    const payouts = openPayouts(open.database, clock);
    await payouts.setSettings(owner, settings);
    await owe(owner, 50);
    await earn(20);
    await expect(payouts.reserve(owner, parseUsd("1"))).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("$31.00 is owed, which earnings pay first"),
    });
    expect((await books.balance(owner)).owed).toBe(parseUsd("31"));
    await earn(10);
    await sell(owner, 30);
    expect(await payouts.setOffAll()).toBe(parseUsd("31"));
    expect(await payouts.setOffAll()).toBe(zeroUsd);
    expect(await books.balanceOf(ownedAccount("host-payable", owner))).toBe(zeroUsd);
    expect(await books.balanceOf(ownedAccount("producer-payable", owner))).toBe(parseUsd("8.50"));
    expect((await payouts.setOffs(owner, 10)).map(({ amount }) => amount)).toEqual(["31", "19"].map(parseUsd));
    expect((await payouts.reserve(owner, parseUsd("1"))).producerPart).toBe(parseUsd("8.50"));
  });

  it("go nowhere until the owner says where", async () => {
    await earn(27);
    const payouts = openPayouts(open.database, clock);
    await expect(payouts.reserve(owner, settings.threshold)).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("payments", () => {
  const receipt = { key: "capture:C1", amount: parseUsd("20"), fee: parseUsd("1.19") };

  it("credit once, whoever says so and however often", async () => {
    const payments = openPayments(open.database, clock);
    const id = newId("payment");
    await payments.create({ id, accountId: consumer, purpose: { kind: "credit" }, amount: parseUsd("20") });
    await payments.ordered(id, { orderId: "O1", approvalUrl: "https://example.com" });
    expect(await payments.open(10)).toHaveLength(1);
    await Promise.all([payments.complete(id, "C1", receipt), payments.complete(id, "C1", receipt)]);
    expect(await payments.findByOrder("O1")).toMatchObject({ id, state: "completed", captureId: "C1" });
    expect((await books.balance(consumer)).available).toBe(parseUsd("20"));
    expect(await books.balanceOf(networkAccount("paypal-clearing"))).toBe(parseUsd("18.81"));
    expect(await payments.open(10)).toEqual([]);
  });

  it("that are never approved don't keep others from being asked after", async () => {
    let time = now;
    const payments = openPayments(open.database, { ...clock, now: () => time++ });
    const ids = Array.from({ length: 5 }, () => newId("payment"));
    for (const id of ids) {
      await payments.create({ id, accountId: consumer, purpose: { kind: "credit" }, amount: parseUsd("20") });
    }
    const rounds = [await payments.open(2), await payments.open(2), await payments.open(1)];
    expect(rounds.map((round) => round.map(({ id }) => id).sort())).toEqual(
      [ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)].map((round) => round.sort()),
    );
  });

  it("that are refunded in parts take back each part once", async () => {
    const payments = openPayments(open.database, clock);
    const id = newId("payment");
    await payments.create({ id, accountId: consumer, purpose: { kind: "credit" }, amount: parseUsd("20") });
    await payments.complete(id, "C1", receipt);
    const half = { key: "refund:R1", amount: parseUsd("10"), fee: zeroUsd };
    await payments.refund(id, half);
    await payments.refund(id, half);
    expect((await payments.refund(id, { ...half, key: "refund:R2" })).refunded).toBe(parseUsd("20"));
    expect((await books.balance(consumer)).available).toBe(zeroUsd);
  });

  it("count what is taken back and what comes back in whatever order they are heard of", async () => {
    const payments = openPayments(open.database, clock);
    const taken = [1, 2].map((index) => ({ key: `refund:R${index}`, amount: parseUsd("20"), fee: zeroUsd }));
    const won = { key: "restored:W1", amount: parseUsd("20"), fee: zeroUsd };
    const news = [...taken.map((receipt) => ["refund", receipt] as const), ["restore", won] as const];
    for (const first of [0, 1, 2]) {
      const id = newId("payment");
      await payments.create({ id, accountId: consumer, purpose: { kind: "credit" }, amount: parseUsd("20") });
      await payments.complete(id, `C${first}`, { ...receipt, key: `capture:C${first}` });
      for (const [what, told] of [...news.slice(first), ...news.slice(0, first)]) {
        await payments[what](id, { ...told, key: `${told.key}-${first}` });
      }
      expect((await payments.find(id))?.refunded).toBe(parseUsd("20"));
      expect(await books.balance(consumer)).toEqual({ available: zeroUsd, held: zeroUsd, owed: zeroUsd });
    }
  });

  it("for a model pay its producer the price less PayPal's fee and the network's 5%", async () => {
    const payments = openPayments(open.database, clock);
    const id = newId("payment");
    const purpose = { kind: "model", model: "acme/tiny", producerId: owner } as const;
    await payments.create({ id, accountId: consumer, purpose, amount: parseUsd("20") });
    await payments.complete(id, "C1", receipt);
    expect(await books.balanceOf(ownedAccount("producer-payable", owner))).toBe(parseUsd("17.81"));
    expect(await books.balanceOf(networkAccount("network-revenue"))).toBe(parseUsd("1"));
    await payments.refund(id, { key: "refund:R1", amount: parseUsd("20"), fee: zeroUsd });
    expect(await books.balanceOf(ownedAccount("producer-payable", owner))).toBe(zeroUsd);
    expect((await books.balance(owner)).owed).toBe(parseUsd("1.19"));
  });
});

describe("subscriptions", () => {
  it("are paid through a month for each sale, told once or twice", async () => {
    const subscriptions = openSubscriptions(open.database, clock);
    const [id, hostId] = [newId("subscription"), newId("host")];
    await subscriptions.create({ id, accountId: owner, purpose: { kind: "host", hostId }, monthly: parseUsd("5") });
    const sale = { key: "sale:S1", amount: parseUsd("5"), fee: parseUsd("0.47") };
    await subscriptions.paid(id, sale, now);
    await subscriptions.paid(id, sale, now);
    expect((await subscriptions.ofHost(hostId))?.paidThrough).toBe(Date.parse("2026-12-03T12:00:00Z"));
    await subscriptions.paid(id, { ...sale, key: "sale:S2" }, now);
    expect((await subscriptions.ofHost(hostId))?.paidThrough).toBe(Date.parse("2027-01-03T12:00:00Z"));
    expect(await books.balanceOf(networkAccount("network-revenue"))).toBe(parseUsd("10"));
    expect(await subscriptions.note(id, "CANCELLED", zeroUsd)).toMatchObject({ status: "CANCELLED" });
    expect(await subscriptions.open(10)).toEqual([]);
  });
});

describe("codes", () => {
  it("are good once, for whoever is first", async () => {
    const codes = openCodes(open.database, clock);
    const code = await codes.create(parseUsd("7"));
    await codes.redeem(code, consumer);
    await codes.redeem(` ${code.toUpperCase()} `, consumer);
    await expect(codes.redeem(code, owner)).rejects.toMatchObject({ code: "not_found" });
    await expect(codes.redeem("code-unknown", owner)).rejects.toMatchObject({ code: "not_found" });
    const balances = await Promise.all([books.balance(consumer), books.balance(owner)]);
    expect(addUsd(...balances.map((balance) => balance.available))).toBe(parseUsd("7"));
  });
});
