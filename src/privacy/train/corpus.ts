import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A sentence with the names in it, in UTF-16 code units. */
export interface Sentence {
  readonly text: string;
  readonly names: readonly { readonly start: number; readonly end: number; readonly type: "PER" | "LOC" | "ORG" }[];
}

/** The sentences of `FILE.jsonl` in `directory`, rows `{t: [token], g: [BIO tag]}`, written as running text. */
export function readCorpus(directory: string, file: string): Sentence[] {
  const lines = readFileSync(join(directory, `${file}.jsonl`), "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => sentenceOf(JSON.parse(line)));
}

function sentenceOf(row: { t: string[]; g: string[] }): Sentence {
  let text = "";
  const names: { start: number; end: number; type: "PER" | "LOC" | "ORG" }[] = [];
  for (const [index, token] of row.t.entries()) {
    if (text !== "" && !clings(text, token)) text += " ";
    const start = text.length;
    text += token;
    const tag = row.g[index] ?? "O";
    const type = /(?:PER|LOC|ORG)$/.exec(tag)?.[0];
    const last = names.at(-1);
    if (type !== "PER" && type !== "LOC" && type !== "ORG") continue;
    if (tag.startsWith("I") && last !== undefined) last.end = text.length;
    else names.push({ start, end: text.length, type });
  }
  return { text, names };
}

/** Whether a token is written without a space before it. */
function clings(text: string, token: string): boolean {
  return /^(?:[.,!?;:)\]}%]|'s|n't|'re|'ve|'ll|'d|'m)$/.test(token) || /[([{@#$]$/.test(text);
}
