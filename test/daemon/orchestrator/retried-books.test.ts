import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RetriedBooks } from "../../../daemon/orchestrator/retried-books.ts";
import { openBooks } from "../../../daemon/sqlite/books.ts";
import { noBudget } from "../../../src/identity/api-key.ts";
import { newId } from "../../../src/ids.ts";
import { ownedAccount } from "../../../src/ledger/account.ts";
import type { Books } from "../../../src/ledger/books.ts";
import { silentLog } from "../../../src/log.ts";
import { parseUsd, zeroUsd } from "../../../src/money.ts";
import { now, paidHost, settlementOf, usageOf } from "../../contracts/books.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { stillClock } from "../../worlds/still-clock.ts";

describe("a disk that can't be written", () => {
  const accountId = newId("account");
  const host = paidHost();
  let open: OpenDatabase;
  let books: Books;
  let retried: RetriedBooks;

  beforeEach(async () => {
    open = await freshDatabase();
    books = openBooks(open.database, stillClock(now));
    retried = new RetriedBooks(books, silentLog);
    const source = { kind: "promotion" } as const;
    await books.credit({ accountId, amount: parseUsd("9"), source, idempotencyKey: "grant", reference: null });
  });
  afterEach(() => open.close());

  const place = (idempotencyKey: string) =>
    retried.hold({ accountId, apiKeyId: newId("key"), budget: noBudget, amount: parseUsd("1"), idempotencyKey });
  const setReadOnly = (isReadOnly: boolean) => open.database.connection.pragma(`query_only = ${isReadOnly ? 1 : 0}`);

  it("is told at once; what is owed is written when it can be again, and once", async () => {
    const [settled, released] = [await place("settled"), await place("released")];
    const settlement = settlementOf(usageOf(host, 0, 50_000));
    setReadOnly(true);
    await expect(retried.settle(settled, settlement)).rejects.toMatchObject({ code: "storage_failed" });
    await expect(retried.release(released)).rejects.toMatchObject({ code: "storage_failed" });
    await retried.writeAgain();
    expect(await books.balance(accountId)).toMatchObject({ available: parseUsd("7"), held: parseUsd("2") });
    setReadOnly(false);
    await retried.writeAgain();
    await retried.writeAgain();
    expect(await books.balance(accountId)).toMatchObject({ available: parseUsd("8.5"), held: zeroUsd });
    expect(await books.balanceOf(ownedAccount("host-payable", host.accountId))).toBe(parseUsd("0.475"));
  });

  it("does not make right what never was: a hold that was settled with other content stays as it is", async () => {
    const settled = await place("settled");
    await retried.settle(settled, settlementOf(usageOf(host, 0, 50_000)));
    await expect(retried.settle(settled, settlementOf(usageOf(host, 0, 1)))).rejects.toMatchObject({
      code: "conflict",
    });
    await retried.writeAgain();
    expect(await books.balanceOf(ownedAccount("host-payable", host.accountId))).toBe(parseUsd("0.475"));
  });
});
