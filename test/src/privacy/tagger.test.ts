import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { isPeerError } from "../../../src/errors.ts";
import { packageFile } from "../../../src/paths.ts";
import { decodeModel, encodeModel, shippedBias, shippedModel, tagNames } from "../../../src/privacy/tagger.ts";
import { tokenise } from "../../../src/privacy/tokens.ts";
import { ownSentences } from "../../../src/privacy/train/augment.ts";
import { readCorpus } from "../../../src/privacy/train/corpus.ts";
import { train } from "../../../src/privacy/train/perceptron.ts";
import { createRandom } from "../../../src/privacy/train/random.ts";

function names(text: string): [string, string][] {
  const tagged = tagNames(text, text.toLowerCase(), tokenise(text), shippedModel(), shippedBias);
  return tagged.map(({ start, end, type }) => [type, text.slice(start, end)]);
}

describe("the shipped tagger", () => {
  it("is at most 2 MB", () => {
    expect(statSync(packageFile("src/privacy/tagger.weights")).size).toBeLessThanOrEqual(2_000_000);
  });

  it("finds people and places it was told nothing of", () => {
    expect(names("Please ask Oyelaran Mbekwe to fly to Trzebiatów.")).toEqual([
      ["PERSON", "Oyelaran Mbekwe"],
      ["LOCATION", "Trzebiatów"],
    ]);
  });

  it("survives being written and read", () => {
    const model = shippedModel();
    const read = decodeModel(encodeModel(model));
    expect([read.bits, read.commonWords.size]).toEqual([model.bits, model.commonWords.size]);
    expect(Buffer.from(read.weights).equals(Buffer.from(model.weights))).toBe(true);
  });

  it("refuses weights that are damaged", () => {
    let failure: unknown;
    try {
      decodeModel(new Uint8Array(40));
    } catch (error) {
      failure = error;
    }
    expect(isPeerError(failure, "model_invalid")).toBe(true);
  });
});

describe("training", () => {
  const directory = mkdtempSync(join(tmpdir(), "peerllm-tagger-"));
  afterAll(() => rmSync(directory, { recursive: true }));

  it("makes the same weights from the same seed, and others from another", () => {
    const trained = (seed: number) => {
      const random = createRandom(seed);
      return encodeModel(
        train(ownSentences(300, random), { bits: 12, epochs: 2, commonWords: new Set([7, -7]), random }),
      );
    };
    expect(Buffer.from(trained(1)).equals(trained(1))).toBe(true);
    expect(Buffer.from(trained(1)).equals(trained(2))).toBe(false);
  });

  it("reads a corpus as running text with the names in their places", () => {
    writeFileSync(
      join(directory, "x.jsonl"),
      `${JSON.stringify({ t: ["Ann", "Lee", "'s", "cat", ",", "Rex", "."], g: ["B-PER", "I-PER", "O", "O", "O", "B-PER", "O"] })}\n`,
    );
    const [sentence] = readCorpus(directory, "x");
    expect(sentence?.text).toBe("Ann Lee's cat, Rex.");
    expect(sentence?.names.map(({ start, end }) => sentence.text.slice(start, end))).toEqual(["Ann Lee", "Rex"]);
  });
});

describe("tokens", () => {
  it.each([
    ["Jean-Luc O'Brien's cat", ["Jean-Luc", "O'Brien", "'", "s", "cat"]],
    ["a\nb, 12", ["a", "\n", "b", ",", "12"]],
    ["naïve 東京 B2B", ["naïve", "東京", "B2B"]],
    ["'tis rock-", ["'", "tis", "rock", "-"]],
    ["", []],
  ])("of %j are words, signs and breaks", (text, expected) => {
    expect(tokenise(text).map(({ start, end }) => text.slice(start, end))).toEqual(expected);
  });
});
