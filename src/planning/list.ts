/** One entry of a list in a text. */
export interface Entry {
  /** "1. ", "- ", "Review 2: ", as it stands. */
  readonly marker: string;
  readonly body: string;
}

export interface List {
  /** Text before the first entry, and after the last. */
  readonly before: string;
  readonly entries: readonly Entry[];
  readonly after: string;
}

const marked =
  /^[ \t]*((?:Q(?:uestion)?\s*)?(?:\(?\d{1,3}[.):]|\(?[a-zA-Z][.)])|[-*•–]|#{1,4} ?\d{1,3}[.):]?)[ \t]+((?![ \t]).*)$/;
const labelled =
  /^[ \t]*((?:#{1,4} ?|\*\*)?(?:document|doc|review|text|article|email|e-mail|message|ticket|comment|passage|paragraph|sentence|section|chapter|story|poem|product|item|case|note|entry|report|abstract|resume|tweet|post|letter|question|row|customer|feedback|transcript|essay|answer|example|recipe|joke|headline|title) ?#?(?:\d{1,3}|[A-Z])(?:\*\*)?[:.)—-](?:\*\*)?)[ \t]*((?![ \t]).*)$/i;
const rule = /^\s*(?:-{3,}|={3,}|\*{3,}|_{3,}|#{3,})\s*$/;

/** The list in `text`: numbered, lettered or bulleted lines, labelled parts ("Review 2:") or parts between rules. */
export function listOf(text: string): List | undefined {
  return labelledList(text) ?? markedList(text) ?? ruledList(text) ?? inlineList(text);
}

function markedList(text: string): List | undefined {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => marked.test(line));
  if (first < 0) return undefined;
  const indent = indentOf(lines[first] ?? "");
  const kind = kindOf(lines[first] ?? "");
  const entries: Entry[] = [];
  let index = first;
  for (; index < lines.length; index++) {
    const line = lines[index] ?? "";
    const match = marked.exec(line);
    if (match !== null && indentOf(line) === indent && kindOf(line) === kind) {
      entries.push({ marker: `${match[1]} `, body: match[2] ?? "" });
      continue;
    }
    const last = entries.at(-1);
    const isBlank = line.trim() === "";
    const continues = indentOf(line) > indent && !isBlank;
    if (continues && last !== undefined)
      entries[entries.length - 1] = { ...last, body: `${last.body}\n${line.trim()}` };
    else if (!isBlank) break;
  }
  return finish(lines.slice(0, first), entries, lines.slice(index));
}

function labelledList(text: string): List | undefined {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => labelled.test(line));
  if (first < 0) return undefined;
  const word = labelWord(lines[first] ?? "");
  const entries: Entry[] = [];
  for (const line of lines.slice(first)) {
    const match = labelled.exec(line);
    const last = entries.at(-1);
    if (match !== null && labelWord(line) === word) entries.push({ marker: `${match[1]} `, body: match[2] ?? "" });
    else if (last !== undefined) entries[entries.length - 1] = { ...last, body: `${last.body}\n${line}` };
  }
  return finish(lines.slice(0, first), entries, []);
}

/** Parts between lines of dashes; the text before the first rule belongs to no part. */
function ruledList(text: string): List | undefined {
  const [before = "", ...parts] = text.split(/\n(?=[ \t]*(?:-{3,}|={3,}|\*{3,}|_{3,}|#{3,})[ \t]*\n)/);
  const entries = parts
    .map((part) => ({
      marker: "",
      body: part
        .split("\n")
        .filter((line) => !rule.test(line))
        .join("\n"),
    }))
    .filter((entry) => entry.body.trim() !== "");
  return finish([before], entries, []);
}

/** "1) … 2) … 3) …" within one line, numbered from 1. */
function inlineList(text: string): List | undefined {
  if (text.includes("\n") || !/(?:^|\s)\(?1[.)]\s/.test(text)) return undefined;
  const pieces = text.split(/(?:^|\s)(\(?\d{1,2}[.)])\s+/);
  const [before = "", ...rest] = pieces;
  const entries: Entry[] = [];
  for (let index = 0; index + 1 < rest.length; index += 2) {
    entries.push({ marker: `${rest[index]} `, body: rest[index + 1] ?? "" });
  }
  const isCounted = entries.every((entry, index) => Number(entry.marker.replace(/\D/g, "")) === index + 1);
  return isCounted ? finish([before], entries, []) : undefined;
}

function finish(before: readonly string[], entries: readonly Entry[], after: readonly string[]): List | undefined {
  const trimmed = entries.map((entry) => ({ ...entry, body: entry.body.trim() }));
  if (trimmed.length < 2 || trimmed.some((entry) => entry.body === "")) return undefined;
  return { before: before.join("\n").trim(), entries: trimmed, after: after.join("\n").trim() };
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function kindOf(line: string): string {
  return (marked.exec(line)?.[1] ?? "").replace(/\d+/, "1").replace(/[a-zA-Z](?=[.)])/, "a");
}

function labelWord(line: string): string {
  return (labelled.exec(line)?.[1] ?? "")
    .replace(/[^a-z-]/gi, "")
    .toLowerCase()
    .replace(/[a-z]$/, "");
}
