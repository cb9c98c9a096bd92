import { expect, it } from "vitest";
import { firstPriceSheet, type PriceSheet } from "../../../src/ledger/pricing.ts";
import { parseUsd } from "../../../src/money.ts";
import { ReadingHost } from "../../worlds/reading-host.ts";
import { readingNetwork } from "../../worlds/reading-network.ts";

const before: PriceSheet = { ...firstPriceSheet("credits", 0), version: 1 };
const after: PriceSheet = {
  ...before,
  version: 2,
  per100kTokens: parseUsd("3"),
  hostShareBasisPoints: 5_000,
};

it("a request admitted before a price changes is settled at the old one, the next at the new", async () => {
  let sheet = before;
  const network = readingNetwork([new ReadingHost("a story of some letters")], { priceSheet: () => sheet });
  const tokensOf = async () => {
    let tokens = 0;
    for await (const event of network.ask("tell me")) {
      if (event.kind === "delta") sheet = after;
      if (event.kind === "end") tokens = event.usage.promptTokens + event.usage.completionTokens;
    }
    return BigInt(tokens);
  };

  const first = await tokensOf();
  expect(sheet).toBe(after);
  expect(network.books.settlements[0]?.sheet).toEqual(before);
  expect([network.books.charged, network.books.paidToHosts]).toEqual([first * 10_000n, first * 9_500n]);

  const second = await tokensOf();
  expect(network.books.settlements[1]?.sheet).toEqual(after);
  expect(network.books.charged).toBe(first * 10_000n + second * 30_000n);
  expect(network.books.paidToHosts).toBe(first * 9_500n + second * 15_000n);
});

it.each([
  ["with a host at hand, before it works", 1],
  ["with none, before the queue for one", 0],
])("who can't pay is refused %s", async (_what, count) => {
  const hosts = Array.from({ length: count }, () => new ReadingHost("a story"));
  const network = readingNetwork(hosts);
  network.books.credit = 0n;
  await expect(network.ask("tell me").next()).rejects.toMatchObject({ code: "insufficient_quota" });
  expect(hosts.flatMap(({ assignments }) => assignments)).toEqual([]);
  expect(network.books.open.size).toBe(0);
});
