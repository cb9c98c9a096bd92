import { expect, it } from "vitest";
import { randomFrom } from "../../../../../src/models/demo/train/random.ts";
import { trainingRows } from "../../../../../src/models/demo/train/rows.ts";
import { tokenizerOf } from "../../../../../src/models/demo/train/tokenizer.ts";

const tokenizer = tokenizerOf([]);
const phase = { rowTokens: 2048, rows: 4, batches: 3, exchangesMax: 3, repeatShare: 0.1 };
const start = tokenizer.special("<|im_start|>");
const padding = tokenizer.special("<|endoftext|>");

it("every row begins with a conversation and no row ends inside an answer", () => {
  const rows = trainingRows(randomFrom(5), tokenizer, phase);
  expect(rows).toHaveLength(12 * phase.rowTokens);
  let longest = 0;
  for (let row = 0; row < 12; row++) {
    const tokens = [...rows.subarray(row * phase.rowTokens, (row + 1) * phase.rowTokens)];
    expect(tokens[0]).toBe(start);
    const filled = tokens.findLastIndex((token) => token !== padding) + 1;
    longest = Math.max(longest, filled);
    if (filled < phase.rowTokens) expect((tokens[filled - 1] ?? 0) & 0x8000).toBe(0);
  }
  expect(longest).toBeGreaterThan(phase.rowTokens / 2);
});

it("the same seed gives the same rows", () => {
  expect(trainingRows(randomFrom(5), tokenizer, phase)).toEqual(trainingRows(randomFrom(5), tokenizer, phase));
});
