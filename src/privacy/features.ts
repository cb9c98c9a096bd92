import { familyNames } from "./lexicon/family-names.ts";
import { givenNames } from "./lexicon/given-names.ts";
import { cities, countries } from "./lexicon/places.ts";
import type { Token } from "./tokens.ts";

/** What the tagger looks at in each token, as numbers: computed once per text, combined per token by `featuresAt`. */
export interface TokenFacts {
  readonly count: number;
  /** Hash of the word in lower case. */
  readonly word: Int32Array;
  readonly prefix: Int32Array;
  readonly suffix2: Int32Array;
  readonly suffix3: Int32Array;
  readonly suffix4: Int32Array;
  readonly shape: Int32Array;
  readonly lists: Int32Array;
  /** 1 where the line around the token has no capitals, so that a name may have none either. */
  readonly isUncapitalised: Uint8Array;
  /** 1 for a token the tagger need not look at: a sign, or an everyday word in lower case. */
  readonly isPlain: Uint8Array;
}

export const shapes = {
  sign: 0,
  lower: 1,
  capital: 2,
  capitals: 3,
  initial: 4,
  mixed: 5,
  digits: 6,
  mixedDigits: 7,
  uncased: 8,
  lineBreak: 9,
} as const;

const given = 1;
const family = 2;
const country = 4;
const city = 8;
const everyday = 16;
const title = 32;
const organisation = 64;
const calendar = 128;

const titles = new Set(
  "mr mrs ms miss mx dr prof professor sir lady lord dame madam herr frau señor señora sr sra don doña monsieur madame mme signor signora captain capt lieutenant lt sergeant sgt officer detective judge senator president father sister brother uncle aunt cousin king queen prince princess rev reverend coach nurse".split(
    " ",
  ),
);
const organisationWords = new Set(
  "inc ltd llc llp plc corp corporation company co gmbh ag kg bv nv sa sas srl spa oy ab as aps pty group holdings partners associates bank university college school hospital institute foundation agency ministry department association club union party church museum theatre orchestra airlines airways motors systems technologies solutions industries consulting".split(
    " ",
  ),
);
const calendarWords = new Set(
  "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december mon tue wed thu fri sat sun jan feb mar apr jun jul aug sep sept oct nov dec easter christmas halloween thanksgiving".split(
    " ",
  ),
);

/** `commonWords` holds the hashes of everyday words, as `wordHash` makes them. */
export function factsOf(
  text: string,
  lower: string,
  tokens: readonly Token[],
  commonWords: ReadonlySet<number>,
): TokenFacts {
  const count = tokens.length;
  const facts = {
    count,
    word: new Int32Array(count),
    prefix: new Int32Array(count),
    suffix2: new Int32Array(count),
    suffix3: new Int32Array(count),
    suffix4: new Int32Array(count),
    shape: new Int32Array(count),
    lists: new Int32Array(count),
    isUncapitalised: new Uint8Array(count),
    isPlain: new Uint8Array(count),
  };
  for (let index = 0; index < count; index += 1) {
    const token = tokens[index];
    if (token === undefined) break;
    const { start, end, kind } = token;
    const hash = wordHash(lower, start, end);
    facts.word[index] = hash;
    if (kind !== "word") {
      facts.shape[index] = kind === "break" ? shapes.lineBreak : shapes.sign;
      facts.isPlain[index] = 1;
      continue;
    }
    const shape = shapeOf(text, lower, start, end);
    facts.shape[index] = shape;
    const common = commonWords.has(hash);
    const isPlain = (common && shape === shapes.lower) || shape === shapes.digits;
    facts.isPlain[index] = isPlain ? 1 : 0;
    facts.lists[index] = (listOf.get(hash) ?? 0) | (common ? everyday : 0);
    facts.suffix3[index] = wordHash(lower, Math.max(start, end - 3), end);
    if (isPlain) continue;
    facts.prefix[index] = wordHash(lower, start, Math.min(end, start + 3));
    facts.suffix2[index] = wordHash(lower, Math.max(start, end - 2), end);
    facts.suffix4[index] = wordHash(lower, Math.max(start, end - 4), end);
  }
  markUncapitalised(facts);
  return facts;
}

/** Among capitals, or alone on its line, a word in lower case that is no known given name is hardly ever a name. */
function skipLower(facts: TokenFacts, start: number, end: number): void {
  for (let index = start; index < end; index += 1) {
    if (facts.shape[index] === shapes.lower && ((facts.lists[index] ?? 0) & given) === 0) facts.isPlain[index] = 1;
  }
}

function markUncapitalised(facts: TokenFacts): void {
  for (let start = 0; start < facts.count; ) {
    let end = start;
    let capitals = 0;
    while (end < facts.count && facts.shape[end] !== shapes.lineBreak) {
      const shape = facts.shape[end];
      if (shape === shapes.capital || shape === shapes.capitals || shape === shapes.initial) capitals += 1;
      end += 1;
    }
    if (capitals === 0 && end - start > 1) facts.isUncapitalised.fill(1, start, end);
    else skipLower(facts, start, end);
    start = end + 1;
  }
}

/** FNV-1a over UTF-16 code units. */
export function wordHash(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let index = start; index < end; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash | 0;
}

function shapeOf(text: string, lower: string, start: number, end: number): number {
  let capitals = 0;
  let lowers = 0;
  let digits = 0;
  for (let index = start; index < end; index += 1) {
    const code = text.charCodeAt(index);
    if (code >= 48 && code <= 57) digits += 1;
    else if (code !== lower.charCodeAt(index)) capitals += 1;
    else if ((code >= 97 && code <= 122) || (code >= 0xdf && code < 0x590)) lowers += 1;
  }
  if (digits > 0) return capitals + lowers === 0 ? shapes.digits : shapes.mixedDigits;
  if (capitals === 0) return lowers > 0 ? shapes.lower : shapes.uncased;
  if (lowers === 0) return end - start === 1 ? shapes.initial : shapes.capitals;
  return text.charCodeAt(start) !== lower.charCodeAt(start) ? shapes.capital : shapes.mixed;
}

const listOf: ReadonlyMap<number, number> = listsByHash();

/** The lists each word is on, by its hash. */
function listsByHash(): Map<number, number> {
  const byHash = new Map<number, number>();
  const add = (words: Iterable<string>, list: number) => {
    for (const word of words) {
      const hash = wordHash(word, 0, word.length);
      byHash.set(hash, (byHash.get(hash) ?? 0) | list);
    }
  };
  add(givenNames, given);
  add(familyNames, family);
  add(countries, country);
  add(cities, city);
  add(titles, title);
  add(organisationWords, organisation);
  add(calendarWords, calendar);
  return byHash;
}

export const featuresMax = 40;
const outside = 0x5bd1e995 | 0;

/**
 * Writes the features of token `index` into `out`, as buckets below `2^bits`, and returns how many. `last` and
 * `beforeLast` are the labels given to the two tokens before.
 */
export function featuresAt(
  facts: TokenFacts,
  index: number,
  last: number,
  beforeLast: number,
  bits: number,
  out: Int32Array,
): number {
  const { word, shape, lists, prefix, suffix2, suffix3, suffix4, isUncapitalised } = facts;
  const word0 = word[index] ?? outside;
  const word1 = word[index - 1] ?? outside;
  const word2 = word[index - 2] ?? outside;
  const next1 = word[index + 1] ?? outside;
  const next2 = word[index + 2] ?? outside;
  const shape0 = shape[index] ?? -1;
  const shapeBefore = shape[index - 1] ?? -1;
  const shapeAfter = shape[index + 1] ?? -1;
  const lists0 = lists[index] ?? 0;
  const listsBefore = lists[index - 1] ?? 0;
  const listsAfter = lists[index + 1] ?? 0;
  const labels = last * 8 + beforeLast;
  const context = shapeBefore * 256 + shape0 * 16 + shapeAfter;
  const shift = 32 - bits;
  let count = 0;
  const add = (kind: number, a: number, b: number) => {
    let hash = Math.imul(kind + 1, 0x9e3779b1) ^ a;
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) ^ b;
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    out[count] = (hash ^ (hash >>> 16)) >>> shift;
    count += 1;
  };
  add(0, 0, 0);
  add(1, word0, 0);
  add(2, word0, shape0);
  add(3, word1, shape0);
  add(4, next1, shape0);
  add(5, word2, shape0);
  add(6, next2, shape0);
  add(7, word1, word0);
  add(8, word0, next1);
  add(9, word2, word1);
  add(10, next1, next2);
  add(11, prefix[index] ?? 0, shape0);
  add(12, suffix2[index] ?? 0, shape0);
  add(13, suffix3[index] ?? 0, shape0);
  add(14, suffix4[index] ?? 0, shape0);
  add(15, suffix3[index - 1] ?? 0, last);
  add(16, suffix3[index + 1] ?? 0, shape0);
  add(17, context, 0);
  add(18, context, last);
  add(19, labels, shape0);
  add(20, last, word0);
  add(21, last, word1);
  add(22, lists0, shape0);
  add(23, lists0, last);
  add(24, lists0 * 256 + listsAfter, shapeAfter);
  add(25, listsBefore * 256 + lists0, last);
  add(26, word1, word2 ^ (word[index - 3] ?? outside));
  add(27, lists0, word1);
  add(28, lists0, next1);
  add(29, shape[index - 2] ?? -1, context);
  add(30, shape[index + 2] ?? -1, context);
  add(31, isUncapitalised[index] ?? 0, shape0);
  add(32, (isUncapitalised[index] ?? 0) * 512 + lists0, shape0);
  return count;
}
