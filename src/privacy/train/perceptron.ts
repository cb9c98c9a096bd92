import { factsOf, featuresAt, featuresMax, type TokenFacts } from "../features.ts";
import { scanOf } from "../scan.ts";
import { labelCount, type TaggerModel } from "../tagger.ts";
import { tokenise } from "../tokens.ts";
import type { Sentence } from "./corpus.ts";
import type { Random } from "./random.ts";

export interface TrainOptions {
  readonly bits: number;
  readonly epochs: number;
  readonly commonWords: ReadonlySet<number>;
  readonly random: Random;
}

interface Example {
  readonly facts: TokenFacts;
  readonly gold: Uint8Array;
}

/**
 * An averaged perceptron over hashed features, each token labelled in turn with the labels before it as the model itself
 * gave them (Collins, "Discriminative Training Methods for Hidden Markov Models", 2002; averaging after Daumé).
 * The averages are written as int8.
 */
export function train(sentences: readonly Sentence[], options: TrainOptions): TaggerModel {
  const examples = sentences.map((sentence) => exampleOf(sentence, options.commonWords));
  const size = labelCount * 2 ** options.bits;
  const weights = new Float64Array(size);
  const lagged = new Float64Array(size);
  const buckets = new Int32Array(featuresMax);
  const scores = new Float64Array(labelCount);
  let step = 1;
  for (let epoch = 0; epoch < options.epochs; epoch += 1) {
    for (const example of shuffled(examples, options.random)) {
      let last = 0;
      let beforeLast = 0;
      for (let index = 0; index < example.facts.count; index += 1) {
        let label = 0;
        if (example.facts.isPlain[index] === 0) {
          const count = featuresAt(example.facts, index, last, beforeLast, options.bits, buckets);
          label = best(weights, buckets, count, scores);
          const gold = example.gold[index] ?? 0;
          if (label !== gold) update(buckets, count, gold, label);
          step += 1;
        }
        beforeLast = last;
        last = label;
      }
    }
  }
  return { bits: options.bits, weights: quantised(weights, lagged, step), commonWords: options.commonWords };

  function update(features: Int32Array, count: number, gold: number, wrong: number): void {
    for (let feature = 0; feature < count; feature += 1) {
      const row = (features[feature] ?? 0) * labelCount;
      weights[row + gold] = (weights[row + gold] ?? 0) + 1;
      lagged[row + gold] = (lagged[row + gold] ?? 0) + step;
      weights[row + wrong] = (weights[row + wrong] ?? 0) - 1;
      lagged[row + wrong] = (lagged[row + wrong] ?? 0) - step;
    }
  }
}

function exampleOf({ text, names }: Sentence, commonWords: ReadonlySet<number>): Example {
  const lower = text.toLowerCase().length === text.length ? text.toLowerCase() : scanOf(text).lower;
  const tokens = tokenise(text);
  const gold = new Uint8Array(tokens.length);
  for (const [index, token] of tokens.entries()) {
    const name = names.find((candidate) => token.start < candidate.end && candidate.start < token.end);
    if (name === undefined) continue;
    const begins = name.type === "PER" ? 1 : name.type === "LOC" ? 3 : 5;
    const before = tokens[index - 1];
    gold[index] = before !== undefined && before.end > name.start ? begins + 1 : begins;
  }
  return { facts: factsOf(text, lower.length === text.length ? lower : text, tokens, commonWords), gold };
}

function best(weights: Float64Array, buckets: Int32Array, count: number, scores: Float64Array): number {
  scores.fill(0);
  for (let feature = 0; feature < count; feature += 1) {
    const row = (buckets[feature] ?? 0) * labelCount;
    for (let label = 0; label < labelCount; label += 1)
      scores[label] = (scores[label] ?? 0) + (weights[row + label] ?? 0);
  }
  let winner = 0;
  for (let label = 1; label < labelCount; label += 1) if ((scores[label] ?? 0) > (scores[winner] ?? 0)) winner = label;
  return winner;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random.next() * (index + 1));
    const kept = result[index];
    const moved = result[other];
    if (kept === undefined || moved === undefined) break;
    result[index] = moved;
    result[other] = kept;
  }
  return result;
}

/** Steps of an int8 per unit of weight: the averages lie mostly below 4, and those above are cut. */
const scale = 24;

function quantised(weights: Float64Array, lagged: Float64Array, step: number): Int8Array {
  return Int8Array.from(weights, (weight, index) => {
    const average = weight - (lagged[index] ?? 0) / step;
    return Math.max(-127, Math.min(127, Math.round(average * scale)));
  });
}
