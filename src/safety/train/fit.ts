import { pairCount, type Run, runsOf, topicBuckets } from "../classifier.ts";
import { bucketCount, type FeatureText, featuresOf } from "../features.ts";
import { categories } from "../policy.ts";
import { plainView } from "../views.ts";
import { topicBucketCount, type Weights } from "../weights.ts";
import type { Row } from "./corpus.ts";
import { seededRandom, shuffle } from "./random.ts";

/** One run of words to learn from. */
interface Example {
  /** Buckets; −1 where an echo has none. */
  readonly features: Int32Array;
  readonly label: 0 | 1;
  readonly weight: number;
}

const epochs = 4;
const learningRate = 0.35;
const l2 = 1e-4;
/** Runs of one benign text that are learnt from besides the whole, so that a maximum over runs stays low. */
const runsPerBenignText = 4;
/** After the first fit, the benign runs that score highest are learnt again; this many rounds. */
const miningRounds = 1;
const minedPerRound = 6000;

/** HarmfulQA is large and partly mild ("How can I use marketing to sell more?"), so it counts half. */
function weightOf(row: Row): number {
  if (row.source === "harmfulqa") return 0.5;
  return 1;
}

/** Fits both heads. The same rows, in the same order, and the same seed give the same bytes. */
export function fitWeights(rows: readonly Row[], seed: number): Weights {
  const random = seededRandom(seed);
  const texts = rows.map((row) => ({ row, document: featuresOf(plainView(row.text)) }));
  const examples = texts.flatMap(({ row, document }) => examplesOf(row, document, weightOf(row), random));
  let head = fitBinary(examples, random);
  for (let round = 0; round < miningRounds; round++) {
    examples.push(...mine(texts, head));
    head = fitBinary(examples, random);
  }
  const quantised = quantise(head.weights);
  const topic = fitTopics(texts, random);
  return {
    bias: round6(head.bias),
    scale: quantised.scale,
    binary: quantised.values,
    ...topic,
    slope: 1,
    intercept: 0,
    penalty: 0.5,
  };
}

function examplesOf(row: Row, document: FeatureText, weight: number, random: () => number): Example[] {
  if (document.wordCount === 0) return [];
  const whole = exampleOf(document, { from: 0, to: document.wordCount }, row.label, weight);
  if (row.label === 1) return [whole];
  const runs = shuffle([...runsOf(document)], random).slice(0, runsPerBenignText);
  return [whole, ...runs.map((run) => exampleOf(document, run, 0, weight * 0.5))];
}

function exampleOf(document: FeatureText, run: Run, label: 0 | 1, weight: number): Example {
  const { starts, features, pairs, skips } = document;
  const size = run.to - run.from;
  const own = (starts[run.to] ?? 0) - (starts[run.from] ?? 0);
  const all = new Int32Array(own + pairCount(size));
  all.set(features.subarray(starts[run.from] ?? 0, starts[run.to] ?? 0));
  all.set(pairs.subarray(Math.min(run.to, run.from + 1), run.to), own);
  all.set(skips.subarray(Math.min(run.to, run.from + 2), run.to), own + Math.max(0, size - 1));
  return { features: all, label, weight };
}

interface BinaryHead {
  readonly weights: Float64Array;
  readonly bias: number;
}

/** Logistic regression by AdaGrad, averaged over the last epochs. */
function fitBinary(examples: readonly Example[], random: () => number): BinaryHead {
  const weights = new Float64Array(bucketCount);
  const squares = new Float64Array(bucketCount).fill(1e-2);
  let bias = 0;
  const order = shuffle([...examples.keys()], random);
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random);
    const rate = learningRate * (1 - (0.8 * epoch) / epochs);
    for (const index of order) {
      const example = examples[index];
      if (example === undefined) continue;
      const value = 1 / Math.sqrt(example.features.length);
      const error = (logistic(bias + sumOf(example.features, weights) * value) - example.label) * example.weight;
      bias -= rate * 0.05 * error;
      if (Math.abs(error) < 1e-4) continue;
      for (const feature of example.features) {
        if (feature < 0) continue;
        const weight = weights[feature] ?? 0;
        const gradient = error * value + l2 * weight;
        const square = (squares[feature] ?? 0) + gradient * gradient;
        squares[feature] = square;
        weights[feature] = weight - (rate * gradient) / Math.sqrt(square);
      }
    }
  }
  return { weights, bias };
}

function sumOf(features: Int32Array, weights: Float64Array): number {
  let sum = 0;
  for (const feature of features) sum += weights[feature] ?? 0;
  return sum;
}

function logistic(margin: number): number {
  return 1 / (1 + Math.exp(-margin));
}

/** The benign runs that the head likes best, once more; and of long unsafe texts, the run that gives them away. */
function mine(texts: readonly { row: Row; document: FeatureText }[], head: BinaryHead): Example[] {
  const found: { example: Example; margin: number }[] = [];
  const revealing: Example[] = [];
  for (const { row, document } of texts) {
    if (document.wordCount < 16) continue;
    let best: { example: Example; margin: number } | undefined;
    for (const run of runsOf(document)) {
      const example = exampleOf(document, run, row.label, weightOf(row));
      const margin = head.bias + sumOf(example.features, head.weights) / Math.sqrt(example.features.length);
      if (best === undefined || margin > best.margin) best = { example, margin };
    }
    if (best === undefined) continue;
    if (row.label === 0) found.push(best);
    else if (document.wordCount > 24) revealing.push(best.example);
  }
  found.sort((a, b) => b.margin - a.margin);
  return [...found.slice(0, minedPerRound).map(({ example }) => example), ...revealing];
}

/** Scales to int8; the scale keeps all but the largest 0.02% of the weights in range. */
function quantise(weights: Float64Array): { scale: number; values: Int8Array } {
  const sizes = Float64Array.from(weights, Math.abs).sort();
  const limit = Math.max(1e-9, sizes[Math.floor(sizes.length * 0.9998)] ?? 1);
  const scale = round6(limit / 127) || limit / 127;
  const values = Int8Array.from(weights, (weight) => Math.max(-127, Math.min(127, Math.round(weight / scale))));
  return { scale, values };
}

/** Multinomial logistic regression over the unsafe rows whose category is known. */
function fitTopics(
  texts: readonly { row: Row; document: FeatureText }[],
  random: () => number,
): Pick<Weights, "topics" | "topicScale" | "topicBiases"> {
  const width = categories.length;
  const weights = new Float64Array(topicBucketCount * width);
  const squares = new Float64Array(topicBucketCount * width).fill(1e-2);
  const biases = new Array<number>(width).fill(0);
  const labelled = texts.filter(({ row, document }) => row.categories.length > 0 && document.wordCount > 0);
  for (let epoch = 0; epoch < 8; epoch++) {
    for (const { row, document } of shuffle([...labelled], random)) {
      const buckets = topicBuckets(document, { from: 0, to: document.wordCount });
      const value = 1 / Math.sqrt(Math.max(1, buckets.length));
      const logits = biases.map((bias, topic) => {
        let sum = 0;
        for (const bucket of buckets) sum += weights[bucket * width + topic] ?? 0;
        return bias + sum * value;
      });
      const top = Math.max(...logits);
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
      categories.forEach((category, topic) => {
        const target = row.categories.includes(category) ? 1 / row.categories.length : 0;
        const error = Math.exp((logits[topic] ?? 0) - top) / total - target;
        biases[topic] = (biases[topic] ?? 0) - 0.01 * error;
        for (const bucket of buckets) {
          const index = bucket * width + topic;
          const gradient = error * value;
          const square = (squares[index] ?? 0) + gradient * gradient;
          squares[index] = square;
          weights[index] = (weights[index] ?? 0) - (0.3 * gradient) / Math.sqrt(square);
        }
      });
    }
  }
  const { scale, values } = quantise(weights);
  return { topics: values, topicScale: scale, topicBiases: biases.map(round6) };
}

/** Header numbers are kept to six places, so that their JSON is short and exact. */
function round6(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
