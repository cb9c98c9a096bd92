import { expect, test } from "vitest";
import { bucketCount, featuresOf } from "../../../src/safety/features.ts";

test("words are counted, sentences end where they end, digits and apostrophes fold", () => {
  const { wordCount, sentenceEnds } = featuresOf("don't go. version 1.2 is out\nlast line");
  expect({ wordCount, sentenceEnds }).toEqual({ wordCount: 9, sentenceEnds: [2, 7, 9] });
  expect(featuresOf("dont").words[0]).toBe(featuresOf("don't").words[0]);
  expect(featuresOf("room 17").words[1]).toBe(featuresOf("room 42").words[1]);
});

test("every feature is a bucket", () => {
  const { features, starts, wordCount, pairs, skips } = featuresOf("the quick brown fox jumps over a lazy dog");
  const used = [...features.subarray(0, starts[wordCount]), ...pairs.subarray(1), ...skips.subarray(2)];
  expect(used.every((bucket) => bucket >= 0 && bucket < bucketCount)).toBe(true);
});

test("a word has its own feature and its 3-, 4- and 5-grams with both edges", () => {
  const { starts } = featuresOf("bomb");
  expect(starts[1]).toBe(1 + 4 + 3 + 2);
});

test("a word of a million letters costs no more than its first 32", () => {
  const { starts, wordCount } = featuresOf("a".repeat(1_000_000));
  expect(wordCount).toBe(1);
  expect(starts[1]).toBeLessThan(200);
});

test("a word just said adds nothing, its echo has no features", () => {
  const { starts, pairs } = featuresOf("you you you");
  expect([starts[1], starts[2], starts[3]]).toEqual([7, 7, 7]);
  expect([...pairs.subarray(0, 3)]).toEqual([-1, -1, -1]);
});
