import { expect, it } from "vitest";
import { openPrices } from "../../../daemon/sqlite/prices.ts";
import { firstPriceSheet } from "../../../src/ledger/pricing.ts";
import { parseUsd } from "../../../src/money.ts";
import { freshDatabase } from "../../worlds/database.ts";
import { stillClock } from "../../worlds/still-clock.ts";

it("a new price applies from its date, and the old one is kept", async () => {
  const open = await freshDatabase();
  const clock = stillClock(1_000);
  const prices = openPrices(open.database, clock);
  await expect(prices.current()).rejects.toMatchObject({ code: "not_found" });
  const first = await prices.add(firstPriceSheet("credits", 0));
  const second = await prices.add({ ...first, effectiveFrom: 2_000, per100kTokens: parseUsd("2") });
  expect(await prices.current()).toEqual(first);
  clock.move(1_000);
  expect(await prices.current()).toEqual({ ...second, version: 2 });
  await expect(prices.add({ ...first, effectiveFrom: 1_999 })).rejects.toMatchObject({ code: "conflict" });
  expect(await prices.list()).toEqual([first, second]);
  await open.close();
});

it("the first price applies before its date too: by a clock that was set back the network goes on", async () => {
  const open = await freshDatabase();
  const prices = openPrices(open.database, stillClock(1_000));
  const first = await prices.add(firstPriceSheet("credits", 2_000));
  expect(await prices.current()).toEqual(first);
  await open.close();
});
