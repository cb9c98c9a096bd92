import type { Entity } from "../entity.ts";
import { isWordAt, type Scan } from "../scan.ts";

/** E-mail addresses: plain ones at each `@`, and those written to escape a search ("jane dot doe [at] example dot org"). */
export function findEmails(scan: Scan): Entity[] {
  return [...plain(scan), ...disguised(scan)];
}

const localCharacter = /[\p{L}\p{N}\p{M}.!#$%&'*+/=?^_{|}~-]/u;
const domainCharacter = /[\p{L}\p{N}\p{M}.-]/u;
const localLengthMax = 64;
const domainLengthMax = 253;

function plain({ text }: Scan): Entity[] {
  const found: Entity[] = [];
  for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", at + 1)) {
    let start = at;
    while (start > 0 && at - start < localLengthMax && localCharacter.test(text.charAt(start - 1))) start -= 1;
    start = trimLocal(text, start, at);
    let end = at + 1;
    while (end < text.length && end - at < domainLengthMax && domainCharacter.test(text.charAt(end))) end += 1;
    while (end > at + 1 && !isWordAt(text, end - 1)) end -= 1;
    const domain = text.slice(at + 1, end);
    if (start < at && /^[^.-][\s\S]*\.[\p{L}][\p{L}\p{N}-]+$/u.test(domain)) found.push({ start, end, type: "EMAIL" });
  }
  return found;
}

/** Leaves out what clings to the front of the local part: quotes, slashes, `key=`, `mailto:`. */
function trimLocal(text: string, start: number, at: number): number {
  const local = text.slice(start, at);
  const clinging = /^[\s\S]*[=/?&'{}|](?=[^=/?&{}|']+$)|^[.!#$%&'*+/=?^{|}~-]+/.exec(local)?.[0].length ?? 0;
  return start + clinging;
}

const at = String.raw`(?:\s{0,2}[[({<]\s?(?:at|@|ät|a)\s?[\])}>]\s{0,2}|\s{1,2}@\s{1,2}|&#0?64;|&#x40;|&commat;|%40)`;
const dot = String.raw`(?:\s{0,2}[[({<]\s?(?:dot|\.|punkt|punto|point)\s?[\])}>]\s{0,2}|\s{1,2}(?:dot|punkt)\s{1,2}|\s?\.\s?)`;
const atom = String.raw`[\p{L}\p{N}_+-]{1,40}`;
const bracketed = new RegExp(`${atom}(?:${dot}${atom}){0,4}${at}${atom}(?:${dot}${atom}){1,4}`, "giu");
const spoken = new RegExp(
  String.raw`${atom}(?:\s{1,2}dot\s{1,2}${atom}|\.${atom}){0,4}\s{1,2}at\s{1,2}(?:${atom}\s{1,2}dot\s{1,2}){1,3}(?:com|org|net|edu|gov|info|name|biz|io|co|me|tv|app|dev|ai|\p{L}{2})(?![\p{L}\p{N}])`,
  "giu",
);
const mailHost = new RegExp(
  String.raw`${atom}(?:\s{1,2}dot\s{1,2}${atom}|\.${atom}){0,4}\s{1,2}at\s{1,2}(?:gmail|googlemail|outlook|hotmail|yahoo|icloud|proton(?:mail)?|gmx|live|aol|msn|fastmail|web|qq|163)\.(?:com|net|org|de|me|fr|it|es|co\.uk|ch|at)\b`,
  "giu",
);

function disguised({ text, lower }: Scan): Entity[] {
  const found: Entity[] = [];
  const collect = (pattern: RegExp) => {
    for (const match of text.matchAll(pattern)) found.push(trimSpoken(match.index, match[0]));
  };
  if (/[[({<]\s?(?:at|@|ät|a)\s?[\])}>]|\s@\s|&#0?64;|&#x40;|&commat;|%40/.test(lower)) collect(bracketed);
  if (/\sat\s/.test(lower)) {
    if (/\sdot\s/.test(lower)) collect(spoken);
    if (/\sat\s{1,2}(?:g|outlook|hotmail|yahoo|icloud|proton|live|aol|msn|fast|web|qq|163)/.test(lower))
      collect(mailHost);
  }
  return found;
}

/** "me at john dot smith at …" never happens in one match, but a domain's last word can run on: cut it at a top-level name. */
function trimSpoken(start: number, matched: string): Entity {
  const tail =
    /^([\s\S]*?(?:dot|punkt|[\])}>.])\s{0,2}(?:com|org|net|edu|gov|io|de|fr|it|es|uk|us|ca|au|info|me|ch|at|nl|se))(?=\s|\.\s)/i.exec(
      matched,
    );
  return { start, end: start + (tail?.[1] ?? matched).length, type: "EMAIL" };
}
