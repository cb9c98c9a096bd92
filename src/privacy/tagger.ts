import { readFileSync } from "node:fs";
import { PeerError } from "../errors.ts";
import { packageFile } from "../paths.ts";
import { factsOf, featuresAt, featuresMax, shapes, wordHash } from "./features.ts";
import type { Token } from "./tokens.ts";

/** The labels of the tagger, by number: outside, and the first and later tokens of a person, a place, an organisation. */
export const labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"] as const;
export const labelCount = labels.length;

export interface TaggerModel {
  readonly bits: number;
  /** `labelCount` weights per bucket. */
  readonly weights: Int8Array;
  readonly commonWords: ReadonlySet<number>;
}

/** A name as the tagger found it. */
export interface TaggedName {
  readonly start: number;
  readonly end: number;
  readonly type: "PERSON" | "LOCATION" | "ORG";
}

/**
 * Added to the score of a person label against "outside": a name missed is sent, a word masked in vain is only strange.
 * In units of the quantised weights, measured on the held-out sentences of the training script.
 */
export interface TagBias {
  readonly person: number;
  readonly place: number;
  readonly organisation: number;
}

export const shippedBias: TagBias = { person: 30, place: 10, organisation: 0 };

/** Names in `text`, found greedily from left to right by the averaged perceptron. `lower` is `text` in lower case, of one length. */
export function tagNames(
  text: string,
  lower: string,
  tokens: readonly Token[],
  model: TaggerModel,
  bias: TagBias,
): TaggedName[] {
  const facts = factsOf(text, lower, tokens, model.commonWords);
  const names: TaggedName[] = [];
  const buckets = new Int32Array(featuresMax);
  let last = 0;
  let beforeLast = 0;
  for (let index = 0; index < tokens.length; index += 1) {
    let label = 0;
    if (facts.isPlain[index] === 0) {
      const count = featuresAt(facts, index, last, beforeLast, model.bits, buckets);
      const lean = facts.shape[index] !== shapes.lower ? 1 : facts.isUncapitalised[index] === 0 ? 0 : 0.5;
      label = best(model.weights, buckets, count, bias.person * lean, bias.place * lean, bias.organisation * lean);
    } else if (last !== 0 && isInside(text, tokens[index], last)) {
      label = last % 2 === 1 ? last + 1 : last;
    }
    const token = tokens[index];
    if (label !== 0 && token !== undefined) extend(names, token.start, token.end, label, last);
    beforeLast = last;
    last = label;
  }
  return names;
}

/** The point after an initial or a title belongs to the name. */
function isInside(text: string, token: { start: number; end: number } | undefined, last: number): boolean {
  if (token === undefined || last > 2 || text.charAt(token.start) !== ".") return false;
  const before = text.slice(Math.max(0, token.start - 2), token.start);
  return /(?:^|[^\p{L}])\p{Lu}$/u.test(before);
}

/** The label of the highest score; the sums are written out, for this is where the time goes. */
function best(
  weights: Int8Array,
  buckets: Int32Array,
  count: number,
  person: number,
  place: number,
  organisation: number,
): number {
  let outside = 0;
  let personFirst = person;
  let personLater = person;
  let placeFirst = place;
  let placeLater = place;
  let organisationFirst = organisation;
  let organisationLater = organisation;
  for (let feature = 0; feature < count; feature += 1) {
    const row = (buckets[feature] ?? 0) * labelCount;
    outside += weights[row] ?? 0;
    personFirst += weights[row + 1] ?? 0;
    personLater += weights[row + 2] ?? 0;
    placeFirst += weights[row + 3] ?? 0;
    placeLater += weights[row + 4] ?? 0;
    organisationFirst += weights[row + 5] ?? 0;
    organisationLater += weights[row + 6] ?? 0;
  }
  let label = 0;
  let top = outside;
  if (personFirst > top) {
    label = 1;
    top = personFirst;
  }
  if (personLater > top) {
    label = 2;
    top = personLater;
  }
  if (placeFirst > top) {
    label = 3;
    top = placeFirst;
  }
  if (placeLater > top) {
    label = 4;
    top = placeLater;
  }
  if (organisationFirst > top) {
    label = 5;
    top = organisationFirst;
  }
  return organisationLater > top ? 6 : label;
}

function extend(names: TaggedName[], start: number, end: number, label: number, last: number): void {
  const type = label < 3 ? "PERSON" : label < 5 ? "LOCATION" : "ORG";
  const previous = names.at(-1);
  const continues = label % 2 === 0 && last !== 0 && Math.ceil(last / 2) === label / 2;
  if (continues && previous !== undefined) names[names.length - 1] = { ...previous, end };
  else names.push({ start, end, type });
}

const magic = 0x31475450;

/** The file of a model: "PTG1", bits, number of common words, their hashes, the weights; little-endian. */
export function encodeModel(model: TaggerModel): Uint8Array {
  const words = [...model.commonWords].sort((a, b) => a - b);
  const bytes = new Uint8Array(12 + words.length * 4 + model.weights.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, model.bits, true);
  view.setUint32(8, words.length, true);
  for (const [index, word] of words.entries()) view.setInt32(12 + index * 4, word, true);
  bytes.set(
    new Uint8Array(model.weights.buffer, model.weights.byteOffset, model.weights.length),
    12 + words.length * 4,
  );
  return bytes;
}

export function decodeModel(bytes: Uint8Array): TaggerModel {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || view.getUint32(0, true) !== magic) {
    throw new PeerError("model_invalid", "The weights of the name tagger are damaged. Reinstall PeerLLM.");
  }
  const bits = view.getUint32(4, true);
  const wordCount = view.getUint32(8, true);
  const commonWords = new Set<number>();
  for (let index = 0; index < wordCount; index += 1) commonWords.add(view.getInt32(12 + index * 4, true));
  const weights = new Int8Array(bytes.buffer, bytes.byteOffset + 12 + wordCount * 4, labelCount * 2 ** bits);
  return { bits, weights, commonWords };
}

let shipped: TaggerModel | undefined;

/** The model in the package, read once. */
export function shippedModel(): TaggerModel {
  shipped ??= decodeModel(readFileSync(packageFile("src/privacy/tagger.weights")));
  return shipped;
}

/** Whether a word in lower case is an everyday one: seen often in the training texts, hardly ever in a name. */
export function isCommonWord(word: string): boolean {
  return shippedModel().commonWords.has(wordHash(word, 0, word.length));
}
