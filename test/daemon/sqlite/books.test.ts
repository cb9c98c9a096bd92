import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openBooks } from "../../../daemon/sqlite/books.ts";
import { type Budget, noBudget } from "../../../src/identity/api-key.ts";
import { newId } from "../../../src/ids.ts";
import type { Books } from "../../../src/ledger/books.ts";
import { parseUsd } from "../../../src/money.ts";
import { booksContract, now, paidHost, settlementOf, usageOf } from "../../contracts/books.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { stillClock } from "../../worlds/still-clock.ts";

booksContract("books on SQLite", async () => {
  const { database, close } = await freshDatabase();
  return { books: openBooks(database, stillClock(now)), close };
});

describe("a key's budget", () => {
  const endOfMonth = Date.parse("2026-11-30T23:59:59.999Z");
  const request = { accountId: newId("account"), apiKeyId: newId("key") };
  let open: OpenDatabase;
  let clock: ReturnType<typeof stillClock>;
  let books: Books;

  beforeEach(async () => {
    open = await freshDatabase();
    clock = stillClock(endOfMonth);
    books = openBooks(open.database, clock);
    const { accountId } = request;
    const source = { kind: "promotion" } as const;
    await books.credit({ accountId, amount: parseUsd("9"), source, idempotencyKey: "grant", reference: null });
  });
  afterEach(() => open.close());

  const perDay = { perDay: parseUsd("1"), perMonth: null };
  const perMonth = { perDay: null, perMonth: parseUsd("1") };
  const hold = (budget: Budget, usd: string, idempotencyKey: string) =>
    books.hold({ ...request, budget, amount: parseUsd(usd), idempotencyKey });
  const spend = async (budget: Budget, tokens: number, idempotencyKey: string) =>
    books.settle(await hold(budget, "1", idempotencyKey), settlementOf(usageOf(paidHost(), 0, tokens)));

  it.each([
    ["a day", perDay, 1],
    ["a month", perMonth, 1],
  ])("for %s begins anew with the next in UTC, to the millisecond", async (_what, budget, waitMs) => {
    await spend(budget, 100_000, "first");
    await expect(hold(budget, "0.000000001", "late")).rejects.toMatchObject({ code: "insufficient_quota" });
    clock.move(waitMs);
    await spend(budget, 100_000, "next");
    await expect(hold(budget, "0.000000001", "later")).rejects.toMatchObject({ code: "insufficient_quota" });
  });

  it("for a month goes on with the next day, and that for a day does not", async () => {
    clock.move(1);
    await spend(perMonth, 100_000, "first");
    clock.move(86_400_000);
    await expect(hold(perMonth, "0.000000001", "late")).rejects.toMatchObject({ code: "insufficient_quota" });
    await spend(perDay, 100_000, "next");
  });

  it("counts what is under way over midnight on both days, so that neither is overspent", async () => {
    const holdId = await hold(perDay, "1", "first");
    clock.move(1);
    await expect(hold(perDay, "0.000000001", "late")).rejects.toMatchObject({ code: "insufficient_quota" });
    await books.settle(holdId, settlementOf(usageOf(paidHost(), 0, 60_000)));
    await expect(hold(perDay, "0.400000001", "later")).rejects.toMatchObject({ code: "insufficient_quota" });
    await hold(perDay, "0.4", "last");
    expect(await books.usage(request.accountId, { from: "2026-11-30", to: "2026-12-01" }, "day")).toMatchObject([
      { group: "2026-12-01", amount: parseUsd("0.6") },
    ]);
  });
});

describe("the books' file", () => {
  let open: OpenDatabase;
  const accountId = newId("account");

  beforeEach(async () => {
    open = await freshDatabase();
    const books = openBooks(open.database, stillClock(now));
    await books.credit({
      accountId,
      amount: parseUsd("5"),
      source: { kind: "promotion" },
      idempotencyKey: "grant",
      reference: null,
    });
    const request = { accountId, apiKeyId: newId("key"), budget: noBudget, amount: parseUsd("1") };
    const holdId = await books.hold({ ...request, idempotencyKey: "request-1" });
    await books.settle(holdId, settlementOf(usageOf(paidHost(), 10, 20)));
    await books.hold({ ...request, idempotencyKey: "request-2" });
  });
  afterEach(() => open.close());

  it("is read as sums: as much of four hundred days as of a hundred", async () => {
    const books = openBooks(open.database, stillClock(now));
    const ids = JSON.stringify([newId("host"), newId("host")]);
    const read = async (days: number) => {
      const earner = newId("account");
      open.database.connection.exec(
        `WITH RECURSIVE days(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM days WHERE number < ${days})
         INSERT INTO earnings_days SELECT '${earner}', 'host', value, date('2026-11-30', '-' || number || ' days'), 'm', 1, 1, 1
         FROM days, json_each('${ids}')`,
      );
      const { days: shown, hosts, models } = await books.earnings(earner, "2026-11-01");
      expect(models).toEqual([{ model: "m", tokens: 2 * days, amount: BigInt(2 * days) }]);
      return [shown.length, hosts.length];
    };
    expect(await read(400)).toEqual(await read(100));
  });

  it.each([
    "UPDATE entries SET amount = amount + 1",
    "DELETE FROM entries",
    "UPDATE transfers SET reference = 'x'",
    "DELETE FROM transfers",
  ])("refuses to change what was written: %s", (sql) => {
    expect(() => open.database.connection.exec(sql)).toThrow("append-only");
  });

  it.each([
    [
      "a balance that its entries don't sum to",
      "UPDATE ledger_accounts SET balance = balance + 1 WHERE kind = 'host-payable'",
      "host-payable",
    ],
    [
      "a hold that is open though it was settled",
      `INSERT INTO open_holds SELECT substr(idempotency_key, 8), account_id, api_key_id, 1 FROM transfers, open_holds
       WHERE kind = 'settle'`,
      "was settled or released and is still open",
    ],
    ["a hold that no entry set aside", "UPDATE open_holds SET amount = amount + 1", "open holds"],
    ["earnings nobody paid", "UPDATE earnings_days SET amount = amount + 1", "host earnings"],
    ["usage nobody was charged for", "UPDATE usage_days SET amount = amount + 1", "usage"],
    [
      "half a transfer",
      "DROP TRIGGER entries_are_kept; DELETE FROM entries WHERE transfer = 1 AND amount > 0",
      "off balance by -5000000000",
    ],
    [
      "money made in one transfer",
      "DROP TRIGGER entries_are_final; UPDATE entries SET amount = amount + 1 WHERE transfer = 1 AND amount > 0",
      "off balance by 1",
    ],
  ])("an audit finds %s", async (_what, damage, named) => {
    const books = openBooks(open.database, stillClock(now));
    expect(await books.audit()).toMatchObject({ balanced: true, problems: [] });
    open.database.connection.exec(damage);
    const report = await books.audit();
    expect(report.balanced).toBe(false);
    expect(report.problems.join("\n")).toContain(named);
  });
});
