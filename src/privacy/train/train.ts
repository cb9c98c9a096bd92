import { renameSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { packageFile } from "../../paths.ts";
import { wordHash } from "../features.ts";
import { familyNames } from "../lexicon/family-names.ts";
import { givenNames } from "../lexicon/given-names.ts";
import { scanOf } from "../scan.ts";
import { encodeModel, shippedBias, type TagBias, type TaggerModel, tagNames } from "../tagger.ts";
import { tokenise } from "../tokens.ts";
import { ownSentences, swapNames, withCase, withFront } from "./augment.ts";
import { readCorpus, type Sentence } from "./corpus.ts";
import { everydayWords, instructions } from "./instructions.ts";
import { otherLanguages } from "./other-languages.ts";
import { train } from "./perceptron.ts";
import { createRandom } from "./random.ts";

/**
 * Trains the name tagger: `npx tsx src/privacy/train/train.ts --data DIR [--out FILE]`, DIR holding the corpora named in
 * MODEL_CARD.md. The same data and seed make the same file, bit for bit. Prints figures on sentences held out.
 */
const seed = 20_260_101;
const bits = 18;
const epochs = 7;
const ownCount = 14_000;

const { values } = parseArgs({ options: { data: { type: "string" }, out: { type: "string" } } });
if (values.data === undefined) throw new Error("Give the folder of the corpora: --data DIR.");

const random = createRandom(seed);
const corpora = ["btc", "wnut_train", "wnut_dev", "wikigold"].flatMap((file) => readCorpus(values.data ?? "", file));
const heldOut = readCorpus(values.data, "wnut_test");
const commonWords = commonWordsOf(corpora);
const swapped = corpora
  .filter((sentence) => sentence.names.some((name) => name.type === "PER"))
  .map((sentence) => swapNames(sentence, random));
const examples = [...corpora, ...swapped, ...ownSentences(ownCount, random)].map((sentence) =>
  withCase(withFront(sentence, random), random),
);
const model = train(examples, { bits, epochs, commonWords, random });

const out = values.out ?? packageFile("src/privacy/tagger.weights");
writeFileSync(`${out}.new`, encodeModel(model));
renameSync(`${out}.new`, out);

const ownHeldOut = ownSentences(1_000, createRandom(seed + 1));
process.stdout.write(`${JSON.stringify({ sentences: examples.length, commonWords: commonWords.size })}\n`);
for (const [name, sentences] of [
  ["wnut_test", heldOut],
  ["own templates", ownHeldOut],
] as const) {
  process.stdout.write(`${name} ${JSON.stringify(figures(sentences, model, shippedBias))}\n`);
}

/** Words written in lower case at least three times and hardly ever part of a name, and those of the project's own texts. */
function commonWordsOf(sentences: readonly Sentence[]): Set<number> {
  const plain = new Map<string, number>();
  const named = new Map<string, number>();
  for (const { text, names } of sentences) {
    for (const token of tokenise(text)) {
      const word = text.slice(token.start, token.end);
      if (token.kind !== "word" || word !== word.toLowerCase() || /\d/.test(word)) continue;
      const counts = names.some((name) => token.start < name.end && name.start < token.end) ? named : plain;
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  const common = new Set<number>();
  for (const [word, count] of plain) {
    const isName = givenNames.has(word) || familyNames.has(word);
    if (count >= (isName ? 12 : 3) && (named.get(word) ?? 0) * 12 < count) common.add(wordHash(word, 0, word.length));
  }
  for (const word of everydayWords) common.add(wordHash(word, 0, word.length));
  for (const template of [...otherLanguages, ...instructions]) {
    for (const word of template.match(/(?<!\{)\b\p{Ll}[\p{L}'-]*/gu) ?? []) common.add(wordHash(word, 0, word.length));
  }
  return common;
}

/** Precision and recall of whole names, by type. */
function figures(
  sentences: readonly Sentence[],
  trained: TaggerModel,
  bias: TagBias,
): Record<string, { precision: number; recall: number; count: number }> {
  const types = { PER: "PERSON", LOC: "LOCATION", ORG: "ORG" } as const;
  const result: Record<string, { precision: number; recall: number; count: number }> = {};
  const tagged = sentences.map(({ text }) => {
    const scan = scanOf(text);
    return scan.text === text ? tagNames(scan.text, scan.lower, tokenise(scan.text), trained, bias) : [];
  });
  for (const [short, type] of Object.entries(types)) {
    let hits = 0;
    let found = 0;
    let count = 0;
    for (const [index, { names }] of sentences.entries()) {
      const ours = (tagged[index] ?? []).filter((name) => name.type === type);
      const theirs = names.filter((name) => name.type === short);
      found += ours.length;
      count += theirs.length;
      hits += theirs.filter((name) =>
        ours.some((other) => other.start === name.start && other.end === name.end),
      ).length;
    }
    result[short] = { precision: rounded(hits / found), recall: rounded(hits / count), count };
  }
  return result;
}

function rounded(share: number): number {
  return Math.round(share * 1000) / 1000;
}
