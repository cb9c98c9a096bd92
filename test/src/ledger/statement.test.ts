import { expect, it } from "vitest";
import { newId } from "../../../src/ids.ts";
import { ownedAccount } from "../../../src/ledger/account.ts";
import type { Entry } from "../../../src/ledger/books.ts";
import { monthRange, statementCsv, statementLines } from "../../../src/ledger/statement.ts";
import { transferIdOf } from "../../../src/ledger/transfer.ts";
import { parseUsd } from "../../../src/money.ts";

const owner = newId("account");
const at = Date.parse("2026-11-05T00:00:00Z");

function entry(kind: Entry["kind"], key: string, account: "consumer-credit" | "holds", usd: string): Entry {
  const transferId = transferIdOf(key);
  return {
    transferId,
    kind,
    at,
    account: ownedAccount(account, owner),
    amount: parseUsd(usd),
    reference: `${key}, "paid"`,
  };
}

it("a statement shows what a request took, not what it held", () => {
  const lines = statementLines([
    entry("credit", "grant", "consumer-credit", "5"),
    entry("hold", "h1", "consumer-credit", "-2"),
    entry("hold", "h1", "holds", "2"),
    entry("settle", "s1", "holds", "-2"),
    entry("settle", "s1", "consumer-credit", "1.5"),
    entry("hold", "h2", "consumer-credit", "-3"),
    entry("hold", "h2", "holds", "3"),
  ]);
  expect(lines.map(({ kind, amount }) => [kind, amount])).toEqual([
    ["credit", parseUsd("5")],
    ["settle", parseUsd("-0.5")],
  ]);
  expect(statementCsv(lines)).toBe(
    [
      "time,kind,account,amount_usd,transfer,reference",
      `2026-11-05T00:00:00.000Z,credit,consumer-credit,5.00,${transferIdOf("grant")},"grant, ""paid"""`,
      `2026-11-05T00:00:00.000Z,settle,consumer-credit,-0.50,${transferIdOf("s1")},"s1, ""paid"""`,
      "",
    ].join("\r\n"),
  );
});

it.each(["2026-13", "2026", "november", "2026-1"])("%s is no month", (text) => {
  expect(() => monthRange(text)).toThrow(expect.objectContaining({ code: "usage_invalid" }));
});

it("a month ends where the next begins, over a year's end too", () => {
  expect(monthRange("2026-12")).toEqual({ from: Date.UTC(2026, 11, 1), until: Date.UTC(2027, 0, 1) });
});
