import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import type { Entity, EntityType } from "../../src/privacy/entity.ts";
import { selectMasked } from "../../src/privacy/policy.ts";
import { findEntities } from "../../src/privacy/recogniser.ts";

interface Row {
  readonly text: string;
  readonly spans: readonly { readonly start: number; readonly end: number; readonly type: string }[];
}

interface TypeFigures {
  /** Share of the spans of the label whose every character lies in some entity. */
  readonly recall: number;
  /** Share of them of which some character does. */
  readonly partial: number;
  /** Share of the entities of this type that touch a span of any label; null where no entity has the label's name. */
  readonly precision: number | null;
  readonly count: number;
}

const shared = "../shared/data";
const labelledFiles = ["presidio_synth_v2", "synthetic_chat", "adversarial"].map(
  (name) => `${shared}/privacy/${name}.jsonl`,
);
const benignFiles = ["selfinstruct_seed", "selfinstruct_user", "mtbench_vicuna", "humaneval", "t0_p3"].map(
  (name) => `${shared}/safety/benign_${name}.jsonl`,
);

/** Names other sets give to what an entity type covers. */
const aliases: Readonly<Partial<Record<EntityType, readonly string[]>>> = {
  BIRTH_DATE: ["DATE", "DATE_TIME", "DOB", "BIRTH_DATE"],
  DATE: ["DATE", "DATE_TIME"],
  ORG: ["ORG", "ORGANIZATION", "ORGANISATION", "COMPANY"],
  LOCATION: ["LOCATION", "LOC", "GPE", "CITY", "COUNTRY"],
  PERSON: ["PERSON", "PER", "NAME"],
  ADDRESS: ["ADDRESS", "STREET_ADDRESS"],
  PHONE: ["PHONE", "PHONE_NUMBER"],
  EMAIL: ["EMAIL", "EMAIL_ADDRESS"],
  IBAN: ["IBAN", "IBAN_CODE"],
  IP: ["IP", "IP_ADDRESS"],
  SSN: ["SSN", "US_SSN"],
  NATIONAL_ID: ["NATIONAL_ID", "DRIVER_LICENSE", "US_DRIVER_LICENSE", "PASSPORT"],
};

/** `npm run bench -- privacy [--data FILE…] [--json]`: what detection finds, what `standard` masks of benign text, and what it costs. */
export async function run(args: string[], json: boolean): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    options: { data: { type: "string", multiple: true }, misses: { type: "string" } },
    allowPositionals: true,
  });
  const given = [...(values.data ?? []), ...positionals];
  const files = (given.length > 0 ? given : labelledFiles).filter((file) => given.length > 0 || existsSync(file));
  const sets = files.map((file) => ({ name: basename(file, ".jsonl"), rows: rowsOf(file) }));
  const all = sets.flatMap((set) => set.rows);
  const types = figuresOf(all, "strict");
  const benign = benignFiles.filter((file) => existsSync(file)).flatMap((file) => rowsOf(file));
  const report = { types, maskedShare: rounded(maskedShare(benign)), msPer4KB: latency([...all, ...benign]) };
  if (json) {
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }
  for (const set of sets) {
    printTable(`${set.name}, everything found (what strict masks)`, figuresOf(set.rows, "strict"));
    printTable(`${set.name}, what standard masks`, figuresOf(set.rows, "standard"));
    if (values.misses !== undefined) printMisses(set.rows, values.misses);
  }
  process.stdout.write(
    `\nbenign text masked under standard: ${(report.maskedShare * 100).toFixed(2)}% of characters\n`,
  );
  process.stdout.write(`per 4 KB: p50 ${report.msPer4KB.p50} ms, p95 ${report.msPer4KB.p95} ms\n`);
}

function rowsOf(file: string): Row[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const row: Partial<Row> & { text: string } = JSON.parse(line);
      return { text: row.text, spans: row.spans ?? [] };
    });
}

function figuresOf(rows: readonly Row[], level: "standard" | "strict"): Record<string, TypeFigures> {
  const tallies = new Map<string, { full: number; partial: number; count: number; found: number; right: number }>();
  const tally = (label: string) => {
    const known = tallies.get(label) ?? { full: 0, partial: 0, count: 0, found: 0, right: 0 };
    tallies.set(label, known);
    return known;
  };
  for (const { text, spans } of rows) {
    const entities = selectMasked(text, findEntities(text, []), level);
    for (const span of spans) {
      const covered = coveredCharacters(span, entities);
      const own = tally(span.type);
      own.count += 1;
      own.full += covered === span.end - span.start ? 1 : 0;
      own.partial += covered > 0 ? 1 : 0;
    }
    for (const entity of entities) {
      for (const label of aliases[entity.type] ?? [entity.type]) {
        const own = tally(label);
        own.found += 1;
        own.right += spans.some((span) => span.start < entity.end && entity.start < span.end) ? 1 : 0;
      }
    }
  }
  const figures: Record<string, TypeFigures> = {};
  for (const [label, { full, partial, count, found, right }] of [...tallies].sort(([a], [b]) => a.localeCompare(b))) {
    if (count === 0) continue;
    figures[label] = {
      recall: rounded(full / count),
      partial: rounded(partial / count),
      precision: found === 0 ? null : rounded(right / found),
      count,
    };
  }
  return figures;
}

function coveredCharacters(span: { start: number; end: number }, entities: readonly Entity[]): number {
  let covered = 0;
  for (const { start, end } of entities) covered += Math.max(0, Math.min(end, span.end) - Math.max(start, span.start));
  return covered;
}

function maskedShare(rows: readonly Row[]): number {
  let masked = 0;
  let total = 0;
  for (const { text } of rows) {
    for (const { start, end } of selectMasked(text, findEntities(text, []), "standard")) masked += end - start;
    total += text.length;
  }
  return total === 0 ? 0 : masked / total;
}

const chunkLength = 4096;
const chunksMax = 200;
const roundsPerChunk = 5;

/**
 * Milliseconds to find and select in 4 KB, over chunks spread across the rows: each the best of five rounds after a
 * warm-up, so that what is timed is this code and not what else the machine was doing.
 */
function latency(rows: readonly Row[]): { p50: number; p95: number } {
  const joined = rows.map((row) => row.text).join("\n\n");
  const count = Math.min(chunksMax, Math.floor(joined.length / chunkLength));
  const chunks = Array.from({ length: count }, (_, index) => {
    const start = Math.floor((index * (joined.length - chunkLength)) / count);
    return joined.slice(start, start + chunkLength);
  });
  const timed = (chunk: string) => {
    const start = performance.now();
    selectMasked(chunk, findEntities(chunk, []), "standard");
    return performance.now() - start;
  };
  for (const chunk of chunks) timed(chunk);
  const times = chunks.map((chunk) => Math.min(...Array.from({ length: roundsPerChunk }, () => timed(chunk))));
  times.sort((a, b) => a - b);
  const at = (share: number) => rounded(times[Math.floor(times.length * share)] ?? 0);
  return { p50: at(0.5), p95: at(0.95) };
}

function printTable(title: string, figures: Record<string, TypeFigures>): void {
  process.stdout.write(
    `\n${title}\n${"label".padEnd(16)}${"recall".padStart(8)}${"partial".padStart(9)}${"precision".padStart(11)}${"count".padStart(7)}\n`,
  );
  for (const [label, { recall, partial, precision, count }] of Object.entries(figures)) {
    const columns = [
      recall.toFixed(3).padStart(8),
      partial.toFixed(3).padStart(9),
      (precision?.toFixed(3) ?? "-").padStart(11),
      String(count).padStart(7),
    ];
    process.stdout.write(`${label.padEnd(16)}${columns.join("")}\n`);
  }
}

function printMisses(rows: readonly Row[], label: string): void {
  for (const { text, spans } of rows) {
    const entities = findEntities(text, []);
    for (const span of spans) {
      if (span.type !== label || coveredCharacters(span, entities) === span.end - span.start) continue;
      const shown = `${text.slice(Math.max(0, span.start - 40), span.start)}⟦${text.slice(span.start, span.end)}⟧${text.slice(span.end, span.end + 30)}`;
      process.stdout.write(`miss ${shown.replaceAll("\n", "⏎")}\n`);
    }
  }
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
