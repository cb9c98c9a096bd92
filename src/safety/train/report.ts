import type { Weights } from "../weights.ts";
import { auc, recallAt } from "./metrics.ts";
import type { Unseen } from "./unseen.ts";

/** A Markdown table of how each source fares unseen: against its own benign rows, or else all independent ones. */
export function reportOf(unseen: readonly Unseen[], weights: Weights): string {
  const rescaled = unseen.map(({ row, score }) => ({ row, score: rescale(score, weights) }));
  const groups = new Map<string, { row: Unseen["row"]; score: number }[]>();
  for (const scored of rescaled) {
    const name = scored.row.source.replace(/^own:.*/s, "own").replace(/\/t0:.*/s, "/t0");
    const group = groups.get(name) ?? [];
    group.push(scored);
    groups.set(name, group);
  }
  const independent = benignScores(rescaled.filter(({ row }) => !/^own:|^openai\//.test(row.source)));
  const lines = [
    "| source | rows | AUC | recall at 1% | at 5% | flagged, unsafe | flagged, benign |",
    "|---|---|---|---|---|---|---|",
  ];
  for (const [name, scored] of groups) {
    const unsafe = scored.filter(({ row }) => row.label === 1).map(({ score }) => score);
    const own = benignScores(scored);
    const benign = own.length > 0 ? own : independent;
    const figures =
      unsafe.length === 0
        ? ["–", "–", "–"]
        : [auc(unsafe, benign), recallAt(0.01, unsafe, benign), recallAt(0.05, unsafe, benign)].map(percent);
    lines.push(`| ${[name, scored.length, ...figures, flagged(unsafe), flagged(own)].join(" | ")} |`);
  }
  return lines.join("\n");
}

function benignScores(scored: readonly { row: Unseen["row"]; score: number }[]): number[] {
  return scored.filter(({ row }) => row.label === 0).map(({ score }) => score);
}

function flagged(scores: readonly number[]): string {
  return scores.length === 0 ? "–" : percent(scores.filter((score) => score >= 0.5).length / scores.length);
}

function percent(share: number | string): string {
  return (100 * Number(share)).toFixed(1);
}

function rescale(score: number, weights: Weights): number {
  const margin = Math.log(score / (1 - score));
  return 1 / (1 + Math.exp(-(weights.slope * margin + weights.intercept)));
}
