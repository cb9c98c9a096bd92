import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newId } from "../../../src/ids.ts";
import { firstPriceSheet } from "../../../src/ledger/pricing.ts";
import { debitLegs, divideSettlement, settlementTransfer } from "../../../src/ledger/settlement.ts";
import { addUsd, nanoUsd, parseUsd } from "../../../src/money.ts";
import { paidHost, settlementOf, usageOf } from "../../contracts/books.ts";

const hosts = Array.from({ length: 3 }, paidHost);
const accountId = newId("account");
const producerId = newId("account");
const amount = fc.bigInt(0n, 10n ** 9n).map(nanoUsd);
const settlement = fc
  .record({
    per100kTokens: fc.bigInt(1n, 10n ** 10n).map(nanoUsd),
    royalty: amount,
    cap: fc.option(amount.map((most) => ({ amount: most, usage: { promptTokens: 1, completionTokens: 1 } }))),
    subtasks: fc.array(fc.tuple(fc.constantFrom(...hosts), fc.nat(9_000), fc.nat(9_000)), { maxLength: 5 }),
  })
  .map(({ per100kTokens, royalty, cap, subtasks }) => ({
    ...settlementOf(
      ...subtasks.map(([host, prompt, answer]) => ({
        ...usageOf(host, prompt, answer),
        royalty: { producerId, per100kTokens: royalty },
      })),
    ),
    sheet: { ...firstPriceSheet("credits", 0), per100kTokens },
    cap,
  }));

describe("settlement", () => {
  it("sums to zero and never charges beyond hold, cap and price", () => {
    fc.assert(
      fc.property(amount, amount, settlement, (held, owed, asked) => {
        const result = divideSettlement(held, asked);
        expect(result.charged <= held && result.charged <= (asked.cap?.amount ?? held)).toBe(true);
        const shares = [...result.hosts, ...result.royalties].map((share) => share.amount);
        expect(addUsd(...shares, result.network, result.rounding)).toBe(result.charged);
        const hold = { holdId: newId("hold"), accountId, amount: held };
        const { legs } = settlementTransfer(hold, asked, owed);
        expect(addUsd(...legs.map((leg) => leg.amount))).toBe(0n);
      }),
    );
  });

  it("pays for exactly what was used, and gives back the rest, where the hold suffices", () => {
    const result = divideSettlement(parseUsd("2"), settlementOf(usageOf(paidHost(), 60_000, 40_000)));
    expect([result.charged, result.released]).toEqual([parseUsd("1"), parseUsd("1")]);
  });

  it("pays nobody for a request that nothing was used of", () => {
    expect(divideSettlement(parseUsd("2"), settlementOf())).toMatchObject({
      charged: 0n,
      released: parseUsd("2"),
      hosts: [],
    });
  });

  it("turns a debit beyond the credit into a receivable", () => {
    expect(debitLegs(accountId, parseUsd("5"), parseUsd("3")).map((leg) => leg.amount)).toEqual([
      parseUsd("-3"),
      parseUsd("-2"),
    ]);
  });
});
