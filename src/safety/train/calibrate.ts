import type { Weights } from "../weights.ts";
import type { Unseen } from "./unseen.ts";

/** Benign texts of unseen sources that may score 0.5, and 0.9, or more. */
const shareAtHalf = 0.01;
const shareAtNine = 0.001;

/**
 * Sets slope and intercept so that scores mean something to a policy: of benign texts whose source was not trained on,
 * 1% score above 0.5 and 0.1% above 0.9. `unseen` holds scores of classifiers with slope 1 and intercept 0.
 */
export function calibrate(weights: Weights, unseen: readonly Unseen[]): Weights {
  const benign = unseen
    .filter(({ row }) => row.label === 0 && isIndependent(row.source))
    .map(({ score }) => logit(score));
  benign.sort((a, b) => b - a);
  const half = benign[Math.floor(shareAtHalf * benign.length)] ?? 0;
  const nine = benign[Math.floor(shareAtNine * benign.length)] ?? 1;
  const slope = Math.log(9) / Math.max(0.1, nine - half);
  return { ...weights, slope: round6(slope), intercept: round6(-slope * half) };
}

/** The moderation set's benign rows stand at the edge of its policy, and the own look-alikes are made to be hard. */
function isIndependent(source: string): boolean {
  return !source.startsWith("own:") && !source.startsWith("openai/");
}

function logit(score: number): number {
  const bounded = Math.min(1 - 1e-12, Math.max(1e-12, score));
  return Math.log(bounded / (1 - bounded));
}

function round6(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
