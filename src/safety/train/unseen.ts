import { classify } from "../classifier.ts";
import { mix } from "../features.ts";
import { viewsOf } from "../views.ts";
import type { Weights } from "../weights.ts";
import type { Row } from "./corpus.ts";
import { fitWeights } from "./fit.ts";

/** A row scored by a classifier that saw neither its source nor, for the project's own texts, its phrase. */
export interface Unseen {
  readonly row: Row;
  readonly score: number;
  readonly words: number;
}

/** Sources that are held out together, each unsafe one with benign ones of another kind; T0's by its tasks. */
const folds: readonly (readonly string[])[] = [
  ["advbench", "mt_bench", "vicuna_bench"],
  ["harmfulqa", "self-instruct/user_oriented"],
  ["catqa", "self-instruct-seed", "human-eval"],
  ["dangerousqa"],
  ["openai/moderation-api-release"],
];

/** Fits once per fold; minutes. */
export function unseenScores(rows: readonly Row[], seed: number): readonly Unseen[] {
  return folds.flatMap((sources, fold) => {
    const isHeldOut = (row: Row) =>
      sources.includes(row.source) || (/^own:|\/t0:/.test(row.source) && foldOf(row.source) === fold);
    const weights = fitWeights(
      rows.filter((row) => !isHeldOut(row)),
      seed,
    );
    return rows.filter(isHeldOut).map((row) => ({ row, ...scoreOf(row.text, weights) }));
  });
}

function foldOf(source: string): number {
  let hash = 0;
  for (const letter of source) hash = mix(Math.imul(hash, 31) + letter.charCodeAt(0));
  return (hash >>> 0) % folds.length;
}

/** The highest score of any view, as triage takes it, without the hard rules. */
export function scoreOf(text: string, weights: Weights): { readonly score: number; readonly words: number } {
  const scores = viewsOf(text).map((view) => classify(view.text, weights).score);
  return { score: Math.max(...scores), words: text.split(/\s+/).length };
}
