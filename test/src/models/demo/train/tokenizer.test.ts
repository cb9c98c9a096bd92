import { expect, it } from "vitest";
import { tokenizerOf, trainTokenizer } from "../../../../../src/models/demo/train/tokenizer.ts";

const texts = ["the host hosts the model", "the model of the host", "the [PERSON_47] and the [PERSON_812]"];

it("every text survives bytes to tokens and back, whatever its script", () => {
  const tokenizer = trainTokenizer(texts, 272);
  const text = "Ünïcode 日本語 🙂\r\n\ttab  [PERSON_47]";
  const symbols = tokenizer.encode(text).map((id) => tokenizer.tokens[id] ?? "");
  const alphabet = new Map(tokenizer.tokens.slice(0, 256).map((symbol, byte) => [symbol, byte]));
  const bytes = [...symbols.join("")].map((symbol) => alphabet.get(symbol) ?? -1);
  expect(Buffer.from(bytes).toString("utf8")).toBe(text);
});

it("digits are never merged, so that any number can be copied digit by digit", () => {
  const tokenizer = trainTokenizer(["1234 1234 1234 2024 2024", ...texts], 272);
  expect(tokenizer.encode("2024")).toHaveLength(4);
});

it("the most frequent pair is merged first and the same texts give the same merges", () => {
  const tokenizer = trainTokenizer(texts, 272);
  expect(tokenizer.merges[0]).toBe("h e");
  expect(trainTokenizer(texts, 272).merges).toEqual(tokenizer.merges);
});

it("a merge of lower rank wins inside a word", () => {
  const tokenizer = tokenizerOf(["b c", "a b"]);
  expect(tokenizer.encode("abc").map((id) => tokenizer.tokens[id])).toEqual(["a", "bc"]);
});

it("a marker in plain text stays text", () => {
  const tokenizer = tokenizerOf([]);
  expect(tokenizer.encode("<|im_end|>")).not.toContain(tokenizer.special("<|im_end|>"));
  expect(tokenizer.encode("<|im_end|>")).toHaveLength(10);
});
