import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { noBudget } from "../../src/identity/api-key.ts";
import { newId, type TransferId } from "../../src/ids.ts";
import { networkAccount, ownedAccount } from "../../src/ledger/account.ts";
import { type Books, type Entry, transfersPerPage } from "../../src/ledger/books.ts";
import { firstPriceSheet, type PaidHost, type SubtaskUsage } from "../../src/ledger/pricing.ts";
import type { Settlement } from "../../src/ledger/settlement.ts";
import { hashOfRequest, transferIdOf } from "../../src/ledger/transfer.ts";
import { addUsd, nanoUsd, parseUsd, zeroUsd } from "../../src/money.ts";

export interface OpenBooks {
  readonly books: Books;
  close(): Promise<void>;
}

export const day = "2026-11-03";
/** The time at which books under this contract stand still. */
export const now = Date.parse(`${day}T12:00:00Z`);
const sheet = firstPriceSheet("credits", 0);

/** What any books must do. `open` gives empty ones whose clock stands at `now`. */
export function booksContract(name: string, open: () => Promise<OpenBooks>): void {
  describe(name, () => {
    let opened: OpenBooks;
    let books: Books;
    const consumer = newId("account");
    const apiKeyId = newId("key");

    beforeEach(async () => {
      opened = await open();
      books = opened.books;
    });
    afterEach(() => opened.close());

    function grant(amount: string, idempotencyKey = `grant:${amount}`) {
      return books.credit({
        accountId: consumer,
        amount: parseUsd(amount),
        source: { kind: "promotion" },
        idempotencyKey,
        reference: null,
      });
    }

    function hold(amount: string, idempotencyKey: string, budget = noBudget) {
      return books.hold({ accountId: consumer, apiKeyId, budget, amount: parseUsd(amount), idempotencyKey });
    }

    it("pays hosts 95% and the network 5% of what was used, and gives the rest back", async () => {
      await grant("10");
      const host = paidHost();
      const holdId = await hold("1", "request-1");
      expect(await books.balance(consumer)).toEqual({ available: parseUsd("9"), held: parseUsd("1"), owed: zeroUsd });

      const result = await books.settle(holdId, settlementOf(usageOf(host, 10_000, 40_000)));

      expect(result).toMatchObject({ charged: parseUsd("0.5"), released: parseUsd("0.5"), network: parseUsd("0.025") });
      expect(result.hosts).toEqual([{ host, tokens: 50_000, amount: parseUsd("0.475") }]);
      expect(await books.balance(consumer)).toEqual({ available: parseUsd("9.5"), held: zeroUsd, owed: zeroUsd });
      expect(await books.balanceOf(ownedAccount("host-payable", host.accountId))).toBe(parseUsd("0.475"));
      expect(await books.balanceOf(networkAccount("network-revenue"))).toBe(parseUsd("0.025"));
      expect((await books.transfer(result.transferId)).map(({ account, amount }) => [account.kind, amount])).toEqual([
        ["holds", parseUsd("-1")],
        ["network-revenue", parseUsd("0.025")],
        ["host-payable", parseUsd("0.475")],
        ["consumer-credit", parseUsd("0.5")],
      ]);
    });

    it("pays a producer's royalty on top of the price", async () => {
      await grant("10");
      const producerId = newId("account");
      const royalty = { producerId, per100kTokens: parseUsd("0.20") };
      const holdId = await hold("5", "request-1");
      const result = await books.settle(holdId, settlementOf({ ...usageOf(paidHost(), 50_000, 50_000), royalty }));
      expect(result.charged).toBe(parseUsd("1.2"));
      expect(result.royalties).toEqual([{ producerId, amount: parseUsd("0.2") }]);
      const earned = { tokens: 100_000, amount: parseUsd("0.2") };
      expect(await books.earnings(producerId, day)).toEqual({
        firstDay: day,
        days: [{ day, ...earned }],
        hosts: [],
        models: [{ model: "acme/tiny:1.0.0", ...earned }],
      });
    });

    it("counts tokens that an account's own host worked on with its own model once, and pays twice", async () => {
      await grant("10");
      const host = paidHost();
      for (const [name, worker] of [
        ["request-1", host],
        ["request-2", paidHost()],
      ] as const) {
        const royalty = { producerId: host.accountId, per100kTokens: parseUsd("0.20") };
        await books.settle(await hold("5", name), settlementOf({ ...usageOf(worker, 0, 100_000), royalty }));
      }
      const earned = { tokens: 200_000, amount: parseUsd("1.35") };
      expect(await books.earnings(host.accountId, day)).toEqual({
        firstDay: day,
        days: [{ day, ...earned }],
        hosts: [{ hostId: host.hostId, tokens: 100_000, amount: parseUsd("0.95") }],
        models: [{ model: "acme/tiny:1.0.0", ...earned }],
      });
      expect((await books.earnings(host.accountId, "9999-01-01")).days).toEqual([]);
    });

    it("charges no more than the hold", async () => {
      await grant("1");
      const host = paidHost();
      const holdId = await hold("0.1", "request-1");
      const result = await books.settle(holdId, settlementOf(usageOf(host, 0, 100_000)));
      expect([result.charged, result.released]).toEqual([parseUsd("0.1"), zeroUsd]);
      expect(result.hosts[0]?.amount).toBe(parseUsd("0.095"));
    });

    it("charges no more than a split's cap", async () => {
      await grant("1");
      const holdId = await hold("1", "request-1");
      const cap = { amount: parseUsd("0.3"), usage: { promptTokens: 10_000, completionTokens: 20_000 } };
      const settlement = { ...settlementOf(usageOf(paidHost(), 60_000, 40_000)), cap };
      expect(await books.settle(holdId, settlement)).toMatchObject({ charged: parseUsd("0.3"), ...cap.usage });
      const [usage] = await books.usage(consumer, { from: day, to: day }, "day");
      expect(usage).toMatchObject({ requests: 1, ...cap.usage, amount: parseUsd("0.3") });
    });

    it("charges nothing where billing is off, and still counts what was used", async () => {
      const host = paidHost();
      const holdId = await hold("0", "request-1");
      const off = { ...settlementOf(usageOf(host, 10, 20)), sheet: firstPriceSheet("off", 0) };
      expect((await books.settle(holdId, off)).charged).toBe(zeroUsd);
      const used = { requests: 1, promptTokens: 10, completionTokens: 20, amount: zeroUsd };
      for (const [by, group] of [
        ["day", day],
        ["model", "acme/tiny:1.0.0"],
        ["key", apiKeyId],
      ] as const) {
        expect(await books.usage(consumer, { from: day, to: day }, by)).toEqual([{ group, ...used }]);
      }
      expect((await books.earnings(host.accountId, day)).hosts[0]).toMatchObject({ tokens: 30, amount: zeroUsd });
      expect((await books.audit()).balanced).toBe(true);
    });

    it("tells what a day's requests came to, over all accounts, and who got it", async () => {
      await grant("10");
      expect(await books.settledOn(day)).toEqual({ charged: zeroUsd, hosts: zeroUsd, producers: zeroUsd });
      const royalty = { producerId: newId("account"), per100kTokens: parseUsd("0.20") };
      await books.settle(
        await hold("5", "request-1"),
        settlementOf({ ...usageOf(paidHost(), 50_000, 50_000), royalty }),
      );
      await books.settle(await hold("1", "request-2"), settlementOf(usageOf(paidHost(), 0, 50_000)));
      expect(await books.settledOn(day)).toEqual({
        charged: parseUsd("1.7"),
        hosts: parseUsd("1.425"),
        producers: parseUsd("0.2"),
      });
      expect(await books.settledOn("2026-11-02")).toEqual({ charged: zeroUsd, hosts: zeroUsd, producers: zeroUsd });
    });

    it("refuses a hold beyond the credit, before anything moves", async () => {
      await grant("1");
      await hold("0.75", "request-1");
      await expect(hold("0.26", "request-2")).rejects.toMatchObject({ code: "insufficient_quota" });
      expect((await books.balance(consumer)).available).toBe(parseUsd("0.25"));
    });

    it.each(["perDay", "perMonth"] as const)("holds a key to its budget %s, spent and held together", async (limit) => {
      await grant("10");
      const budget = { ...noBudget, [limit]: parseUsd("1") };
      await books.settle(await hold("0.5", "request-1", budget), settlementOf(usageOf(paidHost(), 0, 40_000)));
      await hold("0.6", "request-2", budget);
      await expect(hold("0.000000001", "request-3", budget)).rejects.toMatchObject({ code: "insufficient_quota" });
    });

    it("lets 200 holds at once take what fits and no nano more", async () => {
      await grant("50");
      const attempts = await Promise.allSettled(
        Array.from({ length: 200 }, (_, index) => hold("1", `request-${index}`)),
      );
      const held = attempts.flatMap((attempt) => (attempt.status === "fulfilled" ? [attempt.value] : []));
      const refused = attempts.flatMap((attempt) => (attempt.status === "rejected" ? [attempt.reason.code] : []));
      expect(held).toHaveLength(50);
      expect(new Set(refused)).toEqual(new Set(["insufficient_quota"]));
      const results = await Promise.all(
        held.map((holdId, index) => books.settle(holdId, settlementOf(usageOf(paidHost(), index, 1_000 * index)))),
      );
      const spent = addUsd(...results.map((result) => result.charged));
      const { available } = await books.balance(consumer);
      expect(addUsd(spent, available)).toBe(parseUsd("50"));
    });

    it("settles once, however often it is told", async () => {
      await grant("1");
      const settlement = settlementOf(usageOf(paidHost(), 10, 10));
      const holdId = await hold("1", "request-1");
      const first = await books.settle(holdId, settlement);
      expect(await books.settle(holdId, settlement)).toEqual(first);
      await books.release(holdId);
      const other = settlementOf(usageOf(paidHost(), 10, 11));
      await expect(books.settle(holdId, other)).rejects.toMatchObject({ code: "conflict" });
      expect((await books.audit()).balanced).toBe(true);
    });

    it("settles no hold that was released", async () => {
      await grant("1");
      const holdId = await hold("1", "request-1");
      await books.release(holdId);
      await books.release(holdId);
      expect((await books.balance(consumer)).available).toBe(parseUsd("1"));
      const settlement = settlementOf(usageOf(paidHost(), 10, 10));
      await expect(books.settle(holdId, settlement)).rejects.toMatchObject({ code: "conflict" });
    });

    it("takes a key used again for the same fact, and refuses it for another", async () => {
      await grant("1", "grant");
      await grant("1", "grant");
      await expect(grant("2", "grant")).rejects.toMatchObject({ code: "conflict" });
      expect(await hold("0.5", "request-1")).toBe(await hold("0.5", "request-1"));
      await expect(hold("0.4", "request-1")).rejects.toMatchObject({ code: "conflict" });
      expect(await books.balance(consumer)).toMatchObject({ available: parseUsd("0.5"), held: parseUsd("0.5") });
    });

    it("makes a receivable of a reversed payment that was spent, and stops paid use until it is paid", async () => {
      const payment = {
        accountId: consumer,
        amount: parseUsd("20"),
        source: { kind: "paypal", fee: parseUsd("1.19") },
        idempotencyKey: "capture:1",
        reference: null,
      } as const;
      await books.credit(payment);
      const open = await hold("2", "request-1");
      await books.settle(await hold("10", "request-2"), settlementOf(usageOf(paidHost(), 0, 1_000_000)));
      await books.reverseCredit({ ...payment, idempotencyKey: "reversal:1" });
      expect(await books.balance(consumer)).toEqual({ available: zeroUsd, held: parseUsd("2"), owed: parseUsd("12") });
      await expect(hold("1", "request-3")).rejects.toMatchObject({ code: "payment_required" });

      await books.release(open);
      expect(await books.balance(consumer)).toEqual({ available: zeroUsd, held: zeroUsd, owed: parseUsd("10") });
      await grant("11");
      expect(await books.balance(consumer)).toEqual({ available: parseUsd("1"), held: zeroUsd, owed: zeroUsd });
      expect((await books.audit()).balanced).toBe(true);
    });

    it("takes a grant back once, to the nano, and what was spent of it is owed", async () => {
      const id = await grant("1.000000001");
      await books.settle(await hold("0.5", "request-1"), settlementOf(usageOf(paidHost(), 0, 40_000)));
      const reversed = { accountId: consumer, amount: parseUsd("1.000000001") };
      expect([await books.reverseGrant(id), await books.reverseGrant(id)]).toEqual([reversed, reversed]);
      expect(await books.balance(consumer)).toEqual({ available: zeroUsd, held: zeroUsd, owed: parseUsd("0.4") });
      expect(await books.balanceOf(networkAccount("promotions"))).toBe(zeroUsd);
      expect(await books.audit()).toMatchObject({ balanced: true });
    });

    it("takes nothing back that was no grant: no settlement, no payment, no reversal", async () => {
      const granted = await grant("1");
      const { transferId } = await books.settle(await hold("1", "request-1"), settlementOf(usageOf(paidHost(), 0, 1)));
      const source = { kind: "paypal", fee: zeroUsd } as const;
      const payment = { accountId: consumer, amount: parseUsd("5"), source, idempotencyKey: "capture:1" };
      const paid = await books.credit({ ...payment, reference: null });
      await books.reverseGrant(granted);
      const reversal = transferIdOf(`reversal:${granted}`);
      expect(await books.transfer(reversal)).toHaveLength(2);
      for (const id of [transferId, paid, reversal, transferIdOf("nothing")]) {
        await expect(books.reverseGrant(id)).rejects.toMatchObject({ code: "not_found" });
      }
    });

    it.each([
      [transfersPerPage, [transfersPerPage]],
      [transfersPerPage + 1, [transfersPerPage, 1]],
      [0, [0]],
    ])("tells %i transfers in pages of %j, each whole and in order", async (count, wanted) => {
      const pairs = Math.floor(count / 2);
      await Promise.all(Array.from({ length: count - pairs }, (_, index) => grant("0.01", `grant:${index}`)));
      await Promise.all(Array.from({ length: pairs }, (_, index) => hold("0.01", `request-${index}`)));
      const pages: (readonly Entry[])[] = [];
      const span = { from: now, until: now + 1 };
      for (let after: TransferId | null | undefined; after !== null; ) {
        const page = await books.entries(consumer, { ...span, after: after ?? null });
        pages.push(page.entries);
        after = page.next;
      }
      const transfers = pages.map((page) => new Set(page.map(({ transferId }) => transferId)).size);
      expect(transfers).toEqual(wanted);
      const kinds = pages.flat().map(({ kind }) => kind);
      const grants = Array.from({ length: count - pairs }, () => "credit");
      expect(kinds).toEqual([...grants, ...Array.from({ length: 2 * pairs }, () => "hold")]);
      for (const beside of [
        { from: now + 1, until: now + 2 },
        { from: 0, until: now },
      ]) {
        expect(await books.entries(consumer, { ...beside, after: null })).toEqual({ entries: [], next: null });
      }
    });

    it("posts nothing that would take an account below zero", async () => {
      const legs = [
        { account: ownedAccount("host-payable", consumer), amount: parseUsd("-1") },
        { account: ownedAccount("host-pending-payout", consumer), amount: parseUsd("1") },
      ];
      const idempotencyKey = "payout:1";
      const transfer = {
        kind: "payout-reserve",
        idempotencyKey,
        requestHash: hashOfRequest(legs),
        reference: null,
        legs,
      } as const;
      await expect(books.post(transfer)).rejects.toMatchObject({ code: "conflict" });
      expect(await books.transfer(transferIdOf(idempotencyKey))).toEqual([]);
    });

    it("posts nothing off balance", async () => {
      const legs = [{ account: networkAccount("promotions"), amount: nanoUsd(-1n) }];
      const transfer = { kind: "correction", idempotencyKey: "x", requestHash: "x", reference: null, legs } as const;
      await expect(books.post(transfer)).rejects.toMatchObject({ code: "unexpected" });
    });

    it("releases every open hold when a network starts", async () => {
      await grant("3");
      await Promise.all([hold("1", "request-1"), hold("1", "request-2")]);
      expect(await books.releaseAll()).toBe(2);
      expect(await books.balance(consumer)).toEqual({ available: parseUsd("3"), held: zeroUsd, owed: zeroUsd });
    });
  });
}

export function paidHost(): PaidHost {
  return { hostId: newId("host"), accountId: newId("account") };
}

export function usageOf(host: PaidHost, promptTokens: number, completionTokens: number): SubtaskUsage {
  return {
    subtaskId: newId("subtask"),
    model: "acme/tiny:1.0.0",
    royalty: null,
    promptTokens,
    promptHost: host,
    answers: [{ host, tokens: completionTokens }],
  };
}

export function settlementOf(...subtasks: readonly SubtaskUsage[]): Settlement {
  return { sheet, subtasks, cap: null, reference: null };
}
