import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newId } from "../../../src/ids.ts";
import { firstPriceSheet, priceAtMost, priceSubtask, splitTokensMax, tokensOf } from "../../../src/ledger/pricing.ts";
import { addUsd, nanoUsd, parseUsd, zeroUsd } from "../../../src/money.ts";
import { paidHost, usageOf } from "../../contracts/books.ts";

const sheet = firstPriceSheet("credits", 0);
const hosts = Array.from({ length: 4 }, paidHost);
const arbitraryUsage = fc
  .record({
    promptTokens: fc.nat(50_000),
    promptHost: fc.constantFrom(...hosts),
    answers: fc.array(fc.record({ host: fc.constantFrom(...hosts), tokens: fc.nat(5_000) }), { maxLength: 6 }),
  })
  .map((delivered) => ({ subtaskId: newId("subtask"), model: "acme/tiny:1.0.0", royalty: null, ...delivered }));
const arbitrarySheet = fc
  .record({ perToken: fc.bigInt(0n, 10n ** 12n), hostShareBasisPoints: fc.integer({ min: 0, max: 10_000 }) })
  .map(({ perToken, hostShareBasisPoints }) => ({ ...sheet, per100kTokens: nanoUsd(perToken), hostShareBasisPoints }));

describe("pricing", () => {
  it.each([
    [1, "0.00001", "0.0000095", "0.0000005"],
    [100_000, "1", "0.95", "0.05"],
    [500_000, "5", "4.75", "0.25"],
  ])("%i tokens cost $%s: $%s to the host and $%s to the network", (tokens, price, host, network) => {
    const priced = priceSubtask(sheet, usageOf(paidHost(), tokens, 0));
    expect(priced).toMatchObject({ price: parseUsd(price), network: parseUsd(network), rounding: zeroUsd });
    expect(priced.hosts.map((share) => share.amount)).toEqual([parseUsd(host)]);
  });

  it("pays the prompt to the host of the first token and each answer token to the host that delivered it", () => {
    const [first, second] = [paidHost(), paidHost()];
    const answers = [
      { host: first, tokens: 30 },
      { host: second, tokens: 50 },
    ];
    const priced = priceSubtask(sheet, { ...usageOf(first, 20, 0), answers });
    expect(priced.hosts).toEqual([
      { host: first, tokens: 50, amount: nanoUsd(475_000n) },
      { host: second, tokens: 50, amount: nanoUsd(475_000n) },
    ]);
  });

  it("shares every price to the nano, at any price and share, between however many hosts", () => {
    fc.assert(
      fc.property(arbitrarySheet, arbitraryUsage, (anySheet, usage) => {
        const priced = priceSubtask(anySheet, usage);
        const paid = addUsd(...priced.hosts.map((share) => share.amount));
        expect(addUsd(paid, priced.network, priced.rounding)).toBe(priced.price);
        expect(priced.rounding >= 0n && priced.rounding <= 1n).toBe(true);
        expect(paid).toBe((priced.price * BigInt(anySheet.hostShareBasisPoints)) / 10_000n);
      }),
    );
  });

  it("charges the same however many failovers there were, and pays each host for its tokens within a nano", () => {
    fc.assert(
      fc.property(arbitrarySheet, arbitraryUsage, (anySheet, usage) => {
        const undisturbed = usageOf(usage.promptHost, usage.promptTokens, tokensOf(usage) - usage.promptTokens);
        const priced = priceSubtask(anySheet, usage);
        expect(priced.price).toBe(priceSubtask(anySheet, undisturbed).price);
        const tokens = BigInt(tokensOf(usage));
        const total = addUsd(...priced.hosts.map((share) => share.amount));
        for (const share of priced.hosts) {
          const difference = share.amount * tokens - total * BigInt(share.tokens);
          expect(difference < tokens || tokens === 0n).toBe(true);
          expect(-difference < tokens || tokens === 0n).toBe(true);
        }
        expect(priced.hosts.reduce((sum, share) => sum + share.tokens, 0)).toBe(tokensOf(usage));
      }),
    );
  });

  it("costs nothing where billing is off, royalties included", () => {
    const royalty = { producerId: newId("account"), per100kTokens: parseUsd("1") };
    const priced = priceSubtask(firstPriceSheet("off", 0), { ...usageOf(paidHost(), 5, 5), royalty });
    expect([priced.price, priced.royalty, priced.network]).toEqual([zeroUsd, zeroUsd, zeroUsd]);
  });

  it("caps a split at 1.25 times what single would cost", () => {
    expect(priceAtMost(sheet, 100_000, parseUsd("0.2"))).toBe(parseUsd("1.2"));
    expect(priceAtMost(sheet, splitTokensMax(100_000), parseUsd("0.2"))).toBe(parseUsd("1.5"));
  });
});
