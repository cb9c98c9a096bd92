import { expect, test } from "vitest";
import { everyRow } from "../../../src/client/pages.ts";

test("a list in pages is read to its end, in order", async () => {
  const asked: (number | null)[] = [];
  const rows = await everyRow(async (after) => {
    asked.push(after);
    return after === 2 ? { rows: ["c"], next: null } : { rows: ["a", "b"], next: 2 };
  });
  expect([rows, asked]).toEqual([
    ["a", "b", "c"],
    [null, 2],
  ]);
});

test("a list without an end is refused, not cut short", async () => {
  const refusal = { code: "upstream_failed", message: expect.stringContaining("400 rows") };
  await expect(everyRow(async () => ({ rows: ["a", "b"], next: 1 }))).rejects.toMatchObject(refusal);
});
