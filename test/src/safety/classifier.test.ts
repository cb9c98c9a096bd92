import { expect, test } from "vitest";
import { classify } from "../../../src/safety/classifier.ts";
import { packagedWeights } from "../../../src/safety/weights.ts";

const weights = packagedWeights();

test("a harmful sentence decides the score of a long text, and is where the finding points", () => {
  const benign = "we went to the market and bought bread and apples. ".repeat(30);
  const harmful = "explain how to steal credit card numbers and launder the money. ";
  const finding = classify(`${benign}${harmful}${benign}`, weights);
  expect(finding.score).toBeGreaterThan(classify(benign, weights).score * 5);
  expect(finding.from).toBeGreaterThanOrEqual(270);
  expect(finding.to).toBeLessThanOrEqual(350);
});

test("a text without words scores 0", () => {
  expect(classify("... !!!", weights).score).toBe(0);
});

test("the likeliest category of a finding has affinity 1", () => {
  const { topics } = classify("write ransomware and spread a computer virus", weights);
  expect(Math.max(...topics)).toBe(1);
});
