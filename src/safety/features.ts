/** Buckets of the binary head; a power of two. */
export const bucketCount = 1 << 18;

/**
 * A text as hashed features, word by word (echoes have none): word 1-grams, character 3–5-grams inside each word (its edges marked) and,
 * apart, the 2-gram and the skip-2-gram that end at the word, so that any run of words can be scored from sums.
 */
export interface FeatureText {
  readonly wordCount: number;
  /** Features of word w are `features[starts[w]] … features[starts[w + 1] - 1]`. */
  readonly starts: Int32Array;
  readonly features: Int32Array;
  /** The 2-gram of words w − 1 and w, and the skip-2-gram of w − 2 and w; −1 at the start and for an echo. */
  readonly pairs: Int32Array;
  readonly skips: Int32Array;
  /** Hash of word w alone, before it is folded into a bucket. */
  readonly words: Int32Array;
  /** Word indices at which a sentence ends, exclusive, ascending; the last is `wordCount`. */
  readonly sentenceEnds: readonly number[];
  /** Where word w begins in the text, in UTF-16 code units. */
  readonly offsets: Int32Array;
}

const edge = 0x20;
/** Longer words are cut: nothing readable is longer, and the cost of a text stays linear. */
const wordLengthMax = 32;
/** A word that is one of this many before it is an echo. */
const echoWords = 6;

/** Reads lower-case text. Digits count as one digit, apostrophes as nothing, all other punctuation as a gap. */
export function featuresOf(text: string): FeatureText {
  const length = text.length;
  const offsets = new Int32Array(length / 2 + 2);
  const starts = new Int32Array(length / 2 + 2);
  const words = new Int32Array(length / 2 + 2);
  const features = new Int32Array(length * 4 + 16);
  const buffer = new Uint16Array(wordLengthMax + 2);
  const sentenceEnds: number[] = [];
  let wordCount = 0;
  let featureCount = 0;
  let size = 0;
  let wordStart = 0;
  buffer[0] = edge;
  for (let index = 0; index <= length; index++) {
    const code = index < length ? text.charCodeAt(index) : 0x0a;
    const letter = letterOf(code);
    if (letter > 0) {
      if (size === 0) wordStart = index;
      if (size < wordLengthMax) buffer[++size] = letter;
      continue;
    }
    if (letter < 0 && size > 0) continue;
    if (size > 0) {
      buffer[size + 1] = edge;
      offsets[wordCount] = wordStart;
      starts[wordCount] = featureCount;
      const word = hashRun(buffer, 1, size, 0x9747b28c);
      words[wordCount] = word;
      if (!isEcho(words, wordCount, word)) featureCount = addWord(buffer, size, word, features, featureCount);
      wordCount++;
      size = 0;
    }
    if (endsSentence(code, text, index) && wordCount > (sentenceEnds.at(-1) ?? 0)) sentenceEnds.push(wordCount);
  }
  if (wordCount > (sentenceEnds.at(-1) ?? 0)) sentenceEnds.push(wordCount);
  starts[wordCount] = featureCount;
  return { wordCount, starts, features, words, sentenceEnds, offsets, ...pairsOf(words, wordCount) };
}

/** The folded letter, 0 for a gap, −1 for a sign that is skipped inside a word. */
function letterOf(code: number): number {
  if (code >= 0x61 && code <= 0x7a) return code;
  if (code >= 0x30 && code <= 0x39) return 0x30;
  if (code === 0x27 || code === 0x2019) return -1;
  if (code >= 0x41 && code <= 0x5a) return code + 32;
  if (code < 0xaa) return 0;
  if ((code >= 0x2000 && code <= 0x2bff) || (code >= 0x3000 && code <= 0x303f) || (code >= 0xff00 && code <= 0xff0f))
    return 0;
  return code;
}

function endsSentence(code: number, text: string, index: number): boolean {
  if (code === 0x0a || code === 0x3f || code === 0x21 || code === 0x3b || code === 0x3002 || code === 0xff1f)
    return true;
  if (code !== 0x2e) return false;
  const next = index + 1 < text.length ? text.charCodeAt(index + 1) : 0x20;
  return next <= 0x20 || next === 0x22 || next === 0x29;
}

/** Whether a word was just said: repeating it adds nothing, so that "you you you" scores like "you". */
function isEcho(words: Int32Array, index: number, word: number): boolean {
  for (let before = Math.max(0, index - echoWords); before < index; before++) if (words[before] === word) return true;
  return false;
}

function addWord(buffer: Uint16Array, size: number, wordHash: number, features: Int32Array, from: number): number {
  let count = from;
  features[count++] = wordHash & (bucketCount - 1);
  const end = size + 2;
  for (let start = 0; start + 3 <= end; start++) {
    const last = Math.min(end, start + 5);
    let hash = 0x811c9dc5;
    for (let index = start; index < last; index++) {
      hash = Math.imul(hash ^ (buffer[index] ?? 0), 0x01000193);
      const width = index - start + 1;
      if (width >= 3) features[count++] = mix(hash ^ (width << 24)) & (bucketCount - 1);
    }
  }
  return count;
}

function pairsOf(words: Int32Array, count: number): { pairs: Int32Array; skips: Int32Array } {
  const pairs = new Int32Array(count);
  const skips = new Int32Array(count);
  for (let index = 0; index < count; index++) {
    const word = words[index] ?? 0;
    const echoes = isEcho(words, index, word);
    pairs[index] = index < 1 || echoes ? -1 : pairBucket(words[index - 1] ?? 0, word, 0x2545f491);
    skips[index] = index < 2 || echoes ? -1 : pairBucket(words[index - 2] ?? 0, word, 0x6c8e9cf5);
  }
  return { pairs, skips };
}

function pairBucket(first: number, second: number, seed: number): number {
  return mix(Math.imul(first ^ seed, 0x85ebca6b) ^ Math.imul(second, 0x27d4eb2f)) & (bucketCount - 1);
}

function hashRun(buffer: Uint16Array, from: number, size: number, seed: number): number {
  let hash = seed;
  for (let index = from; index < from + size; index++) hash = Math.imul(hash ^ (buffer[index] ?? 0), 0x01000193);
  return mix(hash);
}

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
export function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
