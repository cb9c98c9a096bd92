import { expect, test } from "vitest";
import { auc, recallAt } from "../../../../src/safety/train/metrics.ts";

test.each([
  ["all unsafe above all benign", [3, 4], [1, 2], 1],
  ["all below", [1, 2], [3, 4], 0],
  ["all alike", [1, 1], [1, 1], 0.5],
  ["one pair of four wrong", [2, 4], [1, 3], 0.75],
])("AUC with %s", (_, unsafe, benign, expected) => {
  expect(auc(unsafe, benign)).toBe(expected);
});

test("recall at a rate of false positives counts what lies above the allowed ones", () => {
  const benign = Array.from({ length: 100 }, (_, index) => index);
  expect(recallAt(0.05, [93, 94, 95, 99], benign)).toBe(0.5);
});
