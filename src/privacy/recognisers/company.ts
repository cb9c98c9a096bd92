import type { Entity } from "../entity.ts";
import type { Scan } from "../scan.ts";
import type { Token } from "../tokens.ts";

const legalForms: ReadonlySet<string> = new Set(
  "inc ltd llc llp plc corp corporation gmbh ag kg ug bv nv sarl sas srl spa oy oyj ab asa aps kft zrt doo ooo pty limited incorporated company holdings".split(
    " ",
  ),
);
const wordsMax = 6;

/** Companies by their legal form: "Next Mediaworks Ltd", "Littelfuse Inc.", with the capitalised words before it. */
export function findCompanies({ text, lower }: Scan, tokens: readonly Token[]): Entity[] {
  const found: Entity[] = [];
  for (const [index, { start, end, kind }] of tokens.entries()) {
    if (kind !== "word" || !legalForms.has(lower.slice(start, end)) || !isCapital(text, lower, start)) continue;
    const first = firstWord(text, lower, tokens, index);
    if (first === undefined) continue;
    found.push({ start: first, end: text.charAt(end) === "." ? end + 1 : end, type: "ORG" });
  }
  return found;
}

/** Where the company's name begins: the capitalised words, numbers and joining signs before `index`, on the same line. */
function firstWord(text: string, lower: string, tokens: readonly Token[], index: number): number | undefined {
  let first: number | undefined;
  for (let back = index - 1; back >= 0 && index - back <= wordsMax; back -= 1) {
    const token = tokens[back];
    if (token === undefined || token.kind === "break") break;
    const value = text.slice(token.start, token.end);
    if (legalForms.has(value.toLowerCase())) break;
    const isName = token.kind === "word" && (isCapital(text, lower, token.start) || /^\d/.test(value));
    if (isName) first = token.start;
    else if (!/^(?:&|,|-|\.|and|of|und|et|y|e)$/.test(value)) break;
    else if (
      value === "," &&
      lower.slice(tokens[index]?.start, tokens[index]?.end) !== "inc" &&
      !/ (?:and|&) /.test(text.slice(token.end, token.end + 24))
    )
      break;
  }
  return first;
}

function isCapital(text: string, lower: string, index: number): boolean {
  return text.charCodeAt(index) !== lower.charCodeAt(index);
}
