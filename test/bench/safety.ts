import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { packageFile } from "../../src/paths.ts";
import { defaultPolicy } from "../../src/safety/policy.ts";
import { type Row, readRows } from "../../src/safety/train/corpus.ts";
import { auc, recallAt } from "../../src/safety/train/metrics.ts";
import { triage, unsafeScore } from "../../src/safety/triage.ts";

interface SourceFigures {
  /** Null for a source without unsafe rows. */
  readonly auc: number | null;
  /** Share of unsafe rows found at 1% and 5% false positives; null likewise. */
  readonly recallAt1: number | null;
  readonly recallAt5: number | null;
  /** Share of the rows, of either label, that the default policy blocks or escalates. */
  readonly flagged: number;
  readonly count: number;
}

interface Scored {
  readonly row: Row;
  readonly score: number;
  readonly isFlagged: boolean;
}

/** `npm run bench -- safety [--data FILE…] [--json]`: rows `{text, label, category, source}`, one JSON each line. */
export async function run(args: readonly string[], json: boolean): Promise<void> {
  const files = filesOf(args);
  const scored = files.flatMap(readRows).map(scoreRow);
  const figures = { sources: figuresOf(scored), msPer4KB: timing(scored) };
  if (json) return void process.stdout.write(`${JSON.stringify(figures)}\n`);
  const percent = (share: number | null) => (share === null ? "   –" : (100 * share).toFixed(1)).padStart(6);
  process.stdout.write(`${"source".padEnd(34)}  count    auc  rec@1  rec@5  flagged (%)\n`);
  for (const [name, source] of Object.entries(figures.sources)) {
    const { count, flagged } = source;
    const columns = [source.auc, source.recallAt1, source.recallAt5, flagged].map(percent).join(" ");
    process.stdout.write(`${name.padEnd(34)} ${String(count).padStart(6)} ${columns}\n`);
  }
  process.stdout.write(`4 KB: p50 ${figures.msPer4KB.p50.toFixed(2)} ms, p95 ${figures.msPer4KB.p95.toFixed(2)} ms\n`);
}

function filesOf(args: readonly string[]): readonly string[] {
  const named = args.filter((argument) => !argument.startsWith("--"));
  if (named.length > 0) return named;
  const directory = packageFile("../shared/data/safety");
  if (!existsSync(directory)) return [packageFile("test/fixtures/safety/rows.jsonl")];
  return readdirSync(directory)
    .filter((name) => name.endsWith(".jsonl"))
    .sort()
    .map((name) => join(directory, name));
}

function scoreRow(row: Row): Scored {
  const result = triage(row.text, defaultPolicy);
  return { row, score: unsafeScore(result), isFlagged: result.action !== "allow" };
}

function figuresOf(scored: readonly Scored[]): Record<string, SourceFigures> {
  const allBenign = scored.filter(({ row }) => row.label === 0).map(({ score }) => score);
  const figures: Record<string, SourceFigures> = {};
  for (const source of new Set(scored.map(({ row }) => row.source))) {
    const own = scored.filter(({ row }) => row.source === source);
    const unsafe = own.filter(({ row }) => row.label === 1).map(({ score }) => score);
    const ownBenign = own.filter(({ row }) => row.label === 0).map(({ score }) => score);
    const benign = ownBenign.length > 0 ? ownBenign : allBenign;
    const isMeasurable = unsafe.length > 0 && benign.length > 0;
    figures[source] = {
      auc: isMeasurable ? auc(unsafe, benign) : null,
      recallAt1: isMeasurable ? recallAt(0.01, unsafe, benign) : null,
      recallAt5: isMeasurable ? recallAt(0.05, unsafe, benign) : null,
      flagged: own.filter(({ isFlagged }) => isFlagged).length / own.length,
      count: own.length,
    };
  }
  return figures;
}

/** Texts of 4,096 characters made of the rows themselves; of three tries the fastest, so that other programs don't count. */
function timing(scored: readonly Scored[]): { readonly p50: number; readonly p95: number } {
  const all = scored.map(({ row }) => row.text).join("\n");
  const times: number[] = [];
  for (let index = 0; index < 250; index++) {
    const from = (index * 7_919) % Math.max(1, all.length - 4_096);
    const text = all.slice(from, from + 4_096);
    times.push(Math.min(timeOf(text), timeOf(text), timeOf(text)));
  }
  const warm = times.slice(50).sort((a, b) => a - b);
  return { p50: warm[Math.floor(warm.length * 0.5)] ?? 0, p95: warm[Math.floor(warm.length * 0.95)] ?? 0 };
}

function timeOf(text: string): number {
  const start = performance.now();
  triage(text, defaultPolicy);
  return performance.now() - start;
}
