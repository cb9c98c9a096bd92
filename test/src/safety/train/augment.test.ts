import { expect, test } from "vitest";
import { categories } from "../../../../src/safety/policy.ts";
import { augmentation } from "../../../../src/safety/train/augment.ts";

test("no slot is left open, and every category has examples", () => {
  const rows = augmentation(3);
  expect(rows.filter((row) => /\$(?!pid)[a-zV]/.test(row.text))).toEqual([]);
  const named = new Set(rows.flatMap((row) => row.categories));
  expect([...named].sort()).toEqual([...categories].sort());
});

test("the same seed gives the same rows", () => {
  expect(augmentation(3)).toEqual(augmentation(3));
});
