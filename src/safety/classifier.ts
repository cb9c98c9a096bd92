import { type FeatureText, featuresOf, mix } from "./features.ts";
import { categories } from "./policy.ts";
import { topicBucketCount, type Weights } from "./weights.ts";

/** The most unsafe run of words of a text. */
export interface Finding {
  /** 0..1, rising with how unsafe the text looks; 0.5 is where 1% of benign texts of unseen sources lie above. */
  readonly score: number;
  /** Affinity to each category in 0..1, in the order of `categories`; the likeliest has 1. */
  readonly topics: readonly number[];
  /** First word and the one after the last, of the run that decided. */
  readonly from: number;
  readonly to: number;
}

/** Windows slide over the whole text, so that neither sentence ends nor long benign text can hide a request. */
const windows = [
  { words: 12, step: 4 },
  { words: 30, step: 10 },
  { words: 80, step: 40 },
] as const;
const sentenceWordsMin = 3;
/** A run this unlikely gets no category. */
const topicFloor = 0.02;

/** Scores lower-case text: the whole, each sentence alone and with the next one, and sliding windows; the maximum. */
export function classify(text: string, weights: Weights): Finding {
  const document = featuresOf(text);
  if (document.wordCount === 0) return { score: 0, topics: categories.map(() => 0), from: 0, to: 0 };
  const sums = new Sums(document, weights);
  let best = { from: 0, to: document.wordCount, margin: sums.margin(0, document.wordCount) };
  for (const { from, to } of runsOf(document)) {
    const margin = sums.margin(from, to);
    if (margin > best.margin) best = { from, to, margin };
  }
  const score = scoreOf(best.margin, document.wordCount, weights);
  return { score, topics: topicsOf(document, best, score, weights), from: best.from, to: best.to };
}

export interface Run {
  readonly from: number;
  readonly to: number;
}

/** Every run of words that is scored besides the whole text. */
export function* runsOf(document: FeatureText): Generator<Run> {
  const { sentenceEnds, wordCount } = document;
  let from = 0;
  let previous = 0;
  for (const to of sentenceEnds) {
    if (to - from >= sentenceWordsMin) yield { from, to };
    if (previous < from && to - previous >= sentenceWordsMin) yield { from: previous, to };
    previous = from;
    from = to;
  }
  for (const { words, step } of windows) {
    for (let start = 0; start + words < wordCount + step && wordCount > words; start += step) {
      yield { from: start, to: Math.min(wordCount, start + words) };
    }
  }
}

/** Running sums, so that any run of words is scored in constant time. */
class Sums {
  readonly #alone: Float64Array;
  readonly #pairs: Float64Array;
  readonly #skips: Float64Array;
  readonly #starts: Int32Array;
  readonly #weights: Weights;

  constructor(document: FeatureText, weights: Weights) {
    const { wordCount, starts, features, pairs, skips } = document;
    const { binary } = weights;
    this.#weights = weights;
    this.#starts = starts;
    this.#alone = new Float64Array(wordCount + 1);
    this.#pairs = new Float64Array(wordCount + 1);
    this.#skips = new Float64Array(wordCount + 1);
    let alone = 0;
    let pair = 0;
    let skip = 0;
    for (let word = 0; word < wordCount; word++) {
      const end = starts[word + 1] ?? 0;
      for (let index = starts[word] ?? 0; index < end; index++) alone += binary[features[index] ?? 0] ?? 0;
      pair += binary[pairs[word] ?? -1] ?? 0;
      skip += binary[skips[word] ?? -1] ?? 0;
      this.#alone[word + 1] = alone;
      this.#pairs[word + 1] = pair;
      this.#skips[word + 1] = skip;
    }
  }

  /** The logit of words `from` to `to` (exclusive): bias plus the sum of weights over the root of their number. */
  margin(from: number, to: number): number {
    const sum =
      at(this.#alone, to) -
      at(this.#alone, from) +
      (at(this.#pairs, to) - at(this.#pairs, Math.min(to, from + 1))) +
      (at(this.#skips, to) - at(this.#skips, Math.min(to, from + 2)));
    const count = (this.#starts[to] ?? 0) - (this.#starts[from] ?? 0) + pairCount(to - from);
    return this.#weights.bias + (sum * this.#weights.scale) / Math.sqrt(count);
  }
}

/** How many 2-grams and skip-2-grams a run of `words` has. */
export function pairCount(words: number): number {
  return Math.max(0, words - 1) + Math.max(0, words - 2);
}

/** A long text has more runs that could score high by chance; the penalty keeps its false positives level. */
function scoreOf(margin: number, wordCount: number, weights: Weights): number {
  const penalty = weights.penalty * Math.log(Math.max(1, wordCount / 25));
  return 1 / (1 + Math.exp(-(weights.slope * (margin - penalty) + weights.intercept)));
}

function topicsOf(document: FeatureText, run: Run, score: number, weights: Weights): readonly number[] {
  if (score < topicFloor) return categories.map(() => 0);
  const logits = [...weights.topicBiases];
  const buckets = topicBuckets(document, run);
  const norm = weights.topicScale / Math.sqrt(Math.max(1, buckets.length));
  for (const bucket of buckets) {
    for (let topic = 0; topic < logits.length; topic++) {
      logits[topic] = at(logits, topic) + (weights.topics[bucket * logits.length + topic] ?? 0) * norm;
    }
  }
  const top = Math.max(...logits);
  return logits.map((logit) => Math.exp(logit - top));
}

/** Features of the head that guesses the category: words, word pairs and the four-letter beginnings in the words. */
export function topicBuckets(document: FeatureText, run: Run): readonly number[] {
  const buckets: number[] = [];
  for (let word = run.from; word < run.to; word++) {
    buckets.push(mix(at(document.words, word) ^ 0x51ed270b) & (topicBucketCount - 1));
    if (word > run.from) buckets.push(mix(at(document.pairs, word) ^ 0x3c6ef372) & (topicBucketCount - 1));
    for (let index = at(document.starts, word); index < at(document.starts, word + 1); index += 3) {
      buckets.push(mix(at(document.features, index) ^ 0x1f83d9ab) & (topicBucketCount - 1));
    }
  }
  return buckets;
}

function at(values: ArrayLike<number>, index: number): number {
  return values[index] ?? 0;
}
