import { expect, test } from "vitest";
import { classify } from "../../../../src/safety/classifier.ts";
import { augmentation } from "../../../../src/safety/train/augment.ts";
import { fitWeights } from "../../../../src/safety/train/fit.ts";
import { auc } from "../../../../src/safety/train/metrics.ts";
import { encodeWeights } from "../../../../src/safety/weights.ts";

const rows = augmentation(1).filter((_, index) => index % 23 === 0);

test("the same rows and seed give the same bytes, another seed others", () => {
  const first = encodeWeights(fitWeights(rows, 1));
  expect(encodeWeights(fitWeights(rows, 1)).equals(first)).toBe(true);
  expect(encodeWeights(fitWeights(rows, 2)).equals(first)).toBe(false);
});

test("what was learnt tells harmful from harmless", () => {
  const weights = fitWeights(rows, 1);
  const scores = (label: 0 | 1) =>
    rows.filter((row) => row.label === label).map((row) => classify(row.text.toLowerCase(), weights).score);
  expect(auc(scores(1), scores(0))).toBeGreaterThan(0.95);
});
