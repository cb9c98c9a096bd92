/** A string or number of a JSON text, decoded, with where its literal stands. */
export interface JsonLeaf {
  readonly start: number;
  readonly end: number;
  /** What a reader of the JSON would get: the string, or the number as written. */
  readonly text: string;
  /** The key it is the value of; empty for a key and for what stands in an array at the top. */
  readonly key: string;
}

const literal = /"(?:[^"\\]|\\[\s\S])*"|-?\d[\d.eE+-]*/g;

/** The leaves of a valid JSON text, keys among them, in text order. */
export function jsonLeaves(json: string): JsonLeaf[] {
  const leaves: JsonLeaf[] = [];
  let key = "";
  for (const match of json.matchAll(literal)) {
    const end = match.index + match[0].length;
    const text = match[0].startsWith('"') ? decodedString(match[0]) : match[0];
    const isKey = /^\s*:/.test(json.slice(end, end + 64));
    leaves.push({ start: match.index, end, text, key: isKey ? "" : key });
    if (isKey) key = text;
  }
  return leaves;
}

function decodedString(text: string): string {
  const value: unknown = JSON.parse(text);
  return typeof value === "string" ? value : text;
}

/** `json` with the leaves that changed written anew, as strings; all else to the letter as it was. */
export function replaceJsonLeaves(json: string, leaves: readonly JsonLeaf[], texts: readonly string[]): string {
  let replaced = "";
  let reached = 0;
  for (const [index, leaf] of leaves.entries()) {
    const text = texts[index] ?? leaf.text;
    if (text === leaf.text) continue;
    replaced += json.slice(reached, leaf.start) + JSON.stringify(text);
    reached = leaf.end;
  }
  return replaced + json.slice(reached);
}

/** Whether a text is a JSON object or array, and so must be read by its leaves. */
export function isJsonContainer(text: string): boolean {
  const first = text.trimStart().charAt(0);
  if (first !== "{" && first !== "[") return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
