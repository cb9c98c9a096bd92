import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openBooks } from "../../../daemon/sqlite/books.ts";
import { openPayouts } from "../../../daemon/sqlite/payouts.ts";
import { isPeerError } from "../../../src/errors.ts";
import { noBudget } from "../../../src/identity/api-key.ts";
import { type AccountId, type HoldId, newId, type TransferId } from "../../../src/ids.ts";
import { networkAccount, ownedAccount } from "../../../src/ledger/account.ts";
import type { Books } from "../../../src/ledger/books.ts";
import type { PayoutStore } from "../../../src/ledger/payout.ts";
import { addUsd, nanoUsd, parseUsd } from "../../../src/money.ts";
import { now, paidHost, settlementOf, usageOf } from "../../contracts/books.ts";
import { freshDatabase } from "../../worlds/database.ts";
import { ReferenceLedger } from "../../worlds/reference-ledger.ts";
import { stillClock } from "../../worlds/still-clock.ts";

const consumers = [newId("account"), newId("account"), newId("account")] as const;
/** Consumers' own, who may owe and earn. */
const hosts = [
  { ...paidHost(), accountId: consumers[0] },
  { ...paidHost(), accountId: consumers[1] },
] as const;
/** Earns royalties, and no more. */
const producerId = newId("account");
const royalty = { producerId, per100kTokens: parseUsd("0.2") };
const apiKeyId = newId("key");
const consumer = fc.constantFrom(...consumers);
const amount = fc.oneof(fc.bigInt(0n, 50_000_000n), fc.bigInt(0n, 5_000_000_000n));
/** Most of them small beside a credit, so that it covers several. */
const held = fc.oneof(fc.bigInt(0n, 1_000_000_000n), amount);
/** Few keys, so that operations meet the same hold again. */
const key = fc.nat(15).map((index) => `request-${index}`);
const settling = { key, host: fc.constantFrom(...hosts), tokens: fc.nat(100_000) };
const operation = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("credit" as const), consumer, amount }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("reverse" as const), consumer, amount }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("hold" as const), consumer, amount: held, key }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("settle" as const), ...settling }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("settle-shared" as const), ...settling, more: fc.nat(9_000) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pay" as const), consumer, amount }) },
  fc.record({ kind: fc.constant("refund" as const), consumer, amount }),
  fc.record({ kind: fc.constant("take-back" as const), grant: fc.nat(8) }),
  fc.record({ kind: fc.constant("release" as const), key }),
  fc.record({ kind: fc.constant("release-all" as const) }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("set-off" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pay-out" as const), earner: consumer }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** One who earned what it also owes, work shared with a royalty, a grant taken back: chance alone seldom gets there. */
const [earner, other] = consumers;
const beginning: readonly Operation[] = [
  { kind: "credit", consumer: earner, amount: 5_000_000_000n },
  { kind: "credit", consumer: other, amount: 5_000_000_000n },
  { kind: "hold", consumer: earner, amount: 3_000_000_000n, key: "first" },
  { kind: "settle", key: "first", host: hosts[0], tokens: 300_000 },
  { kind: "reverse", consumer: earner, amount: 5_000_000_000n },
  { kind: "hold", consumer: other, amount: 1_000_000_000n, key: "second" },
  { kind: "settle-shared", key: "second", host: hosts[1], tokens: 60_000, more: 9_000 },
  { kind: "credit", consumer: other, amount: 7n },
  { kind: "take-back", grant: 2 },
];

/** A grant the books took. */
interface Grant {
  readonly id: TransferId;
  readonly consumer: AccountId;
  readonly amount: bigint;
  isTakenBack?: boolean;
}

/** Does the same to books and reference, twice where a retry must be harmless. */
async function apply(
  { books, payouts, grants }: { readonly books: Books; readonly payouts: PayoutStore; readonly grants: Grant[] },
  reference: ReferenceLedger,
  holds: Map<string, HoldId>,
  step: Operation,
  index: number,
) {
  switch (step.kind) {
    case "credit":
    case "reverse": {
      const request = {
        accountId: step.consumer,
        amount: nanoUsd(step.amount),
        source: { kind: "promotion" },
        idempotencyKey: `${step.kind}:${index}`,
        reference: null,
      } as const;
      const method = step.kind === "credit" ? books.credit : books.reverseCredit;
      if (!reference[step.kind](step.consumer, step.amount)) {
        expect(await codeOf(method(request))).toBe("conflict");
        return;
      }
      const id = await method(request);
      expect(await method(request)).toBe(id);
      expect(await codeOf(method({ ...request, amount: nanoUsd(step.amount + 1n) }))).toBe("conflict");
      if (step.kind === "credit" && step.amount > 0n) grants.push({ ...step, id });
      return;
    }
    case "take-back": {
      const grant = grants[step.grant];
      if (grant === undefined) return;
      if (!grant.isTakenBack && !reference.reverse(grant.consumer, grant.amount)) {
        expect(await codeOf(books.reverseGrant(grant.id))).toBe("conflict");
        return;
      }
      grant.isTakenBack = true;
      expect(await books.reverseGrant(grant.id)).toEqual({ accountId: grant.consumer, amount: grant.amount });
      return;
    }
    case "pay":
    case "refund": {
      const fee = step.kind === "pay" ? nanoUsd(step.amount / 20n) : nanoUsd(0n);
      const source = { kind: "paypal", fee } as const;
      const payment = { accountId: step.consumer, amount: nanoUsd(step.amount), source, reference: null };
      const request = { ...payment, idempotencyKey: `${step.kind}:${index}` };
      if (step.kind === "pay") reference.pay(step.consumer, step.amount, fee);
      else reference.refund(step.consumer, step.amount);
      const method = step.kind === "pay" ? books.credit : books.reverseCredit;
      expect(await method(request)).toBe(await method(request));
      return;
    }
    case "settle-shared": {
      const holdId = holds.get(step.key);
      if (holdId === undefined || !reference.covers(step.key, step.tokens + step.more)) return;
      const second = step.host === hosts[0] ? hosts[1] : hosts[0];
      const [prompt, answer] = [Math.floor(step.tokens / 3), step.tokens - Math.floor(step.tokens / 3)];
      const answers = [
        { host: step.host, tokens: answer },
        { host: second, tokens: step.more },
      ];
      const charged = reference.settleShared(step.key, [
        { host: step.host.accountId, tokens: step.tokens },
        { host: second.accountId, tokens: step.more },
      ]);
      const settlement = settlementOf({ ...usageOf(step.host, prompt, 0), royalty, answers });
      expect(await books.settle(holdId, settlement)).toMatchObject({ charged, promptTokens: prompt });
      return;
    }
    case "hold": {
      if (holds.has(step.key)) return;
      const request = { accountId: step.consumer, apiKeyId, budget: noBudget, amount: nanoUsd(step.amount) };
      const held = books.hold({ ...request, idempotencyKey: step.key });
      if (reference.hold(step.key, step.consumer, step.amount)) holds.set(step.key, await held);
      else expect(["insufficient_quota", "payment_required"]).toContain(await codeOf(held));
      return;
    }
    case "settle": {
      const holdId = holds.get(step.key) ?? newId("hold");
      const settlement = settlementOf(usageOf(step.host, 0, step.tokens));
      const charged = reference.settle(step.key, step.host.accountId, step.tokens);
      if (charged === null) {
        expect(await codeOf(books.settle(holdId, settlement))).toBe("conflict");
        return;
      }
      const result = await books.settle(holdId, settlement);
      expect(result.charged).toBe(charged);
      expect(await books.settle(holdId, settlement)).toEqual(result);
      return;
    }
    case "release":
      await books.release(holds.get(step.key) ?? newId("hold"));
      reference.release(step.key);
      return;
    case "release-all":
      expect(await books.releaseAll()).toBe(reference.holds.size);
      for (const open of [...reference.holds.keys()]) reference.release(open);
      return;
    case "set-off": {
      const owedOf = () => consumers.reduce((sum, name) => sum + reference.consumer(name).owed, 0n);
      const before = owedOf();
      for (const name of consumers) reference.setOff(name);
      expect(await payouts.setOffAll()).toBe(before - owedOf());
      expect(await payouts.setOffAll()).toBe(0n);
      return;
    }
    case "pay-out": {
      const paid = reference.payOut(step.earner);
      const reserving = payouts.reserve(step.earner, nanoUsd(0n));
      if (paid === 0n) expect(await codeOf(reserving)).toBe("conflict");
      else expect((await reserving).amount).toBe(paid);
      return;
    }
    default:
      step satisfies never;
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "done";
  } catch (error) {
    if (!isPeerError(error)) throw error;
    return error.code;
  }
}

describe("books on SQLite, beside a reference ledger", () => {
  it("come to the same balances after any operations, and audit themselves as balanced", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 80, size: "max" }), async (steps) => {
        const { database, close } = await freshDatabase();
        try {
          const clock = stillClock(now);
          const books = openBooks(database, clock);
          const payouts = openPayouts(database, clock);
          for (const earner of consumers) {
            await payouts.setSettings(earner, { receiver: "P", receiverType: "PAYPAL_ID", threshold: nanoUsd(1n) });
          }
          const history: { readonly time: number; readonly credit: bigint }[] = [];
          const reference = new ReferenceLedger();
          const holds = new Map<string, HoldId>();
          const grants: Grant[] = [];
          for (const [index, step] of [...beginning, ...steps].entries()) {
            const credit = reference.consumer(consumers[0]).available + reference.held(consumers[0]);
            history.push({ time: clock.now(), credit });
            await apply({ books, payouts, grants }, reference, holds, step, index);
            clock.move(1_000);
          }
          for (const { time, credit } of history) expect(await books.creditAt(consumers[0], time)).toBe(credit);
          const half = history[Math.floor(history.length / 2)] ?? { time: 0, credit: 0n };
          const { entries } = await books.entries(consumers[0], { from: half.time, until: clock.now(), after: null });
          const since = entries.filter(({ account }) => /^(consumer-credit|holds)$/.test(account.kind));
          const moved = since.reduce((sum, { amount }) => sum + amount, 0n);
          const { available: left } = reference.consumer(consumers[0]);
          expect(half.credit + moved).toBe(left + reference.held(consumers[0]));
          for (const account of consumers) {
            const { available, owed } = reference.consumer(account);
            expect(await books.balance(account)).toEqual({ available, held: reference.held(account), owed });
          }
          for (const host of hosts) {
            const payable = await books.balanceOf(ownedAccount("host-payable", host.accountId));
            expect(payable).toBe(reference.payable.get(host.accountId) ?? 0n);
          }
          const [revenue, rounding] = await Promise.all(
            (["network-revenue", "rounding"] as const).map((kind) => books.balanceOf(networkAccount(kind))),
          );
          expect(addUsd(revenue ?? nanoUsd(0n), rounding ?? nanoUsd(0n))).toBe(reference.network);
          for (const [kind, expected] of [
            ["promotions", reference.granted],
            ["paypal-clearing", reference.atPaypal],
            ["paypal-fees", reference.paypalFees],
          ] as const) {
            expect(await books.balanceOf(networkAccount(kind))).toBe(expected);
          }
          expect(await books.balanceOf(ownedAccount("producer-payable", producerId))).toBe(reference.royalties);
          expect(await books.audit()).toMatchObject({ balanced: true, openHolds: reference.holds.size });
        } finally {
          await close();
        }
      }),
      { numRuns: 25 },
    );
  });
});
