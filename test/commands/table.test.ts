import { expect, test } from "vitest";
import { formatFacts, formatTable } from "../../commands/table.ts";

test("a table fits its width by cutting the widest column, and sets numbers to the right", () => {
  const table = formatTable(
    ["HOST", "TOK/S", "MODELS"],
    [
      ["host_a", "1,250", "acme/tiny:1.2.0 acme/large:3.0.1"],
      ["host_bcd", "9", "acme/tiny:1.2.0"],
    ],
    36,
  );
  expect(table.split("\n")).toEqual([
    "HOST      TOK/S  MODELS",
    "host_a    1,250  acme/tiny:1.2.0 ac…",
    "host_bcd      9  acme/tiny:1.2.0",
  ]);
});

test("a table without rows is its headers, and short rows are filled up", () => {
  expect(formatTable(["A", "B"], [], 80)).toBe("A  B");
  expect(formatTable(["A", "B"], [["x"]], 80)).toBe("A  B\nx");
});

test("what comes from elsewhere can't rule the terminal or add lines", () => {
  const table = formatTable(["NAME"], [["\u001b[2Jcleared\nand\r\nmore\u0007"]], 80);
  expect(table).toBe("NAME\n[2Jcleared and more");
  expect(formatFacts([["name", "a\u001b]0;title\u0007b"]])).toBe("name  a ]0;title b");
});

test("what a row is called by stays whole, for the next command to be given it", () => {
  const id = `key_${"a".repeat(26)}`;
  const [, row = ""] = formatTable(
    ["KEY", "NAME", "SCOPES"],
    [[id, "notebook of mine", "consume,produce,host"]],
    60,
  ).split("\n");
  expect(row).toBe(`${id}  notebook of …  consume,prod…`);
  const models = formatTable(["MODEL", "SUMMARY"], [["acme/a-long-name:1.2.0", "a".repeat(40)]], 40);
  expect(models).toContain("acme/a-long-name:1.2.0");
});
