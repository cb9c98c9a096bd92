import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { setPrice, showPrice } from "../../../daemon/orchestrator/price-control.ts";
import { openPrices } from "../../../daemon/sqlite/prices.ts";
import { billsBy, type PriceBook } from "../../../src/ledger/price-book.ts";
import { firstPriceSheet } from "../../../src/ledger/pricing.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { stillClock } from "../../worlds/still-clock.ts";

const now = Date.UTC(2026, 10, 1);
const december = Date.UTC(2026, 11, 1);
let open: OpenDatabase;
let clock: ReturnType<typeof stillClock>;
let prices: PriceBook;

beforeEach(async () => {
  open = await freshDatabase();
  clock = stillClock(now);
  prices = openPrices(open.database, clock);
  const { version: _first, ...sheet } = firstPriceSheet("credits", now);
  await prices.add(sheet);
});
afterEach(() => open.close());

function set(wanted: Partial<Parameters<typeof setPrice>[0]>) {
  return setPrice({ from: null, ...wanted }, { prices, clock, treasury: null });
}

describe("a network's price", () => {
  it("changes as a new version from now on, and what was not said stays", async () => {
    expect(await set({ usdPer100kTokens: "0.80" })).toMatchObject({
      version: 2,
      since: now,
      billing: "credits",
      usdPer100kTokens: "0.80",
      hostSharePercent: "95",
      hostSubscriptionUsd: "5.00",
    });
    const changes = { hostSharePercent: "92.5", hostSubscriptionUsd: "6", graceDays: 7, billing: "off" } as const;
    expect(await set(changes)).toMatchObject({
      version: 3,
      billing: "off",
      usdPer100kTokens: "0.80",
      hostSharePercent: "92.5",
      hostSubscriptionUsd: "6.00",
      graceDays: 7,
    });
    const { versions } = await showPrice(prices);
    expect(versions.map(({ version, graceDays }) => [version, graceDays])).toEqual([
      [1, 3],
      [2, 3],
      [3, 7],
    ]);
  });

  it("that was said for a date applies from then, and keeps until then what is in force", async () => {
    expect(await set({ usdPer100kTokens: "2", from: december })).toMatchObject({
      version: 1,
      usdPer100kTokens: "1.00",
    });
    await expect(set({ usdPer100kTokens: "3" })).rejects.toMatchObject({ code: "conflict" });
    clock.move(december - now);
    expect(await showPrice(prices)).toMatchObject({ version: 2, usdPer100kTokens: "2.00" });
  });

  it.each([
    ["in the past", { usdPer100kTokens: "2", from: now - 1 }, "request_invalid"],
    ["more than a year ahead", { usdPer100kTokens: "2", from: now + 367 * 86_400_000 }, "request_invalid"],
    ["below zero", { usdPer100kTokens: "-1" }, "request_invalid"],
    ["that is no amount", { usdPer100kTokens: "cheap" }, "money_malformed"],
    ["with more than all to the host", { hostSharePercent: "100.01" }, "request_invalid"],
    ["with a share in words", { hostSharePercent: "most" }, "request_invalid"],
    ["with a subscription of nothing", { hostSubscriptionUsd: "0" }, "request_invalid"],
    ["with a subscription in parts of a cent", { hostSubscriptionUsd: "5.001" }, "request_invalid"],
    ["by PayPal where PayPal is not connected", { billing: "paypal" as const }, "conflict"],
  ])("%s is refused, and nothing changes", async (_what, wanted, code) => {
    await expect(set(wanted)).rejects.toMatchObject({ code });
    expect(await prices.list()).toHaveLength(1);
  });

  it("keeps PayPal connected while a sheet in force, or to come, bills by it", async () => {
    const [first] = await prices.list();
    const { version: _version, ...sheet } = first ?? firstPriceSheet("credits", now);
    await prices.add({ ...sheet, billing: "paypal", effectiveFrom: december });
    await prices.add({ ...sheet, billing: "off", effectiveFrom: december + 1 });
    const sheets = await prices.list();
    expect([now, december, december + 1].map((time) => billsBy("paypal", sheets, time))).toEqual([true, true, false]);
  });
});
