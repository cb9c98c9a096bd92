import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openBooks } from "../../../daemon/sqlite/books.ts";
import { noBudget } from "../../../src/identity/api-key.ts";
import { newId } from "../../../src/ids.ts";
import { parseUsd } from "../../../src/money.ts";
import { booksContract, now, paidHost, settlementOf, usageOf } from "../../contracts/books.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { stillClock } from "../../worlds/still-clock.ts";

booksContract("books on SQLite", async () => {
  const { database, close } = await freshDatabase();
  return { books: openBooks(database, stillClock(now)), close };
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
