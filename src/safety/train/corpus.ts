import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { Category } from "../policy.ts";

export interface Row {
  readonly text: string;
  readonly label: 0 | 1;
  readonly source: string;
  /** The source's own word. */
  readonly category: string;
  /** What the source says, in the policy's terms; empty where it says nothing. */
  readonly categories: readonly Category[];
}

const rowSchema = z.object({
  text: z.string(),
  label: z.union([z.literal(0), z.literal(1)]),
  category: z.string(),
  source: z.string(),
});

/** Every `*.jsonl` of `directory`, in the order of the file names. */
export function readCorpus(directory: string): readonly Row[] {
  if (!existsSync(directory)) return [];
  const files = readdirSync(directory)
    .filter((name) => name.endsWith(".jsonl"))
    .sort();
  return files.flatMap((name) => readRows(join(directory, name)));
}

export function readRows(file: string): readonly Row[] {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const row = rowSchema.parse(JSON.parse(line));
    return { ...row, categories: row.label === 1 ? categoriesOf(row.category) : [] };
  });
}

/** CatQA's and the moderation set's own categories; the other sources have none that says what the harm is. */
const known: readonly (readonly [RegExp, Category])[] = [
  [/Hate\/Harass.*(?:Racial|Religious)|^hate|\|hate/, "hate"],
  [/Cyberbullying|harassment|Emotional and psychological/, "harassment"],
  [/elf-harm/, "self-harm"],
  [/Adult Content/, "sexual"],
  [/Content Sexual exploitation|Online predation/, "sexual/minors"],
  [/violence|Assault and battery|Physical abuse|Neglect/, "violence"],
  [/Drug|Theft and Robbery|Doxxing|Surveillance|Tracking|Hazardous|Unsafe|Intellectual property/, "illicit"],
  [/Illegal Activity\/Weapon|Human Trafficking|Weapon making|Terrorism/, "illicit/violent"],
  [/Cybercrime|Malware|Data theft|Deepfake/, "cyber-abuse"],
  [/Fraud|Economic Harm/, "fraud"],
];

function categoriesOf(category: string): readonly Category[] {
  const text = category.replace("Hate/Harass/Violence/", "Hate/Harass/");
  return known.filter(([pattern]) => pattern.test(text)).map(([, name]) => name);
}

/** Rows a usage policy has no quarrel with, though their source calls them unsafe: plain financial advice. */
export function isOutsidePolicy(row: Row): boolean {
  return /^Tailored Financial Advice/.test(row.category);
}
