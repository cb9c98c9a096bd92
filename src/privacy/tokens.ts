/** A word, a number, a sign or a line break of a text. */
export interface Token {
  readonly start: number;
  readonly end: number;
  readonly kind: "word" | "sign" | "break";
}

const separator = 0;
const letter = 1;
const digit = 2;
const sign = 3;
const lineBreak = 4;
const unknown = 255;

const classOf = new Uint8Array(65_536).fill(unknown);

/**
 * Words keep the hyphens and apostrophes inside them ("Jean-Luc", "O'Brien"), but not a genitive "'s"; letters and digits
 * in one run are one word; every other sign stands alone, and so does a line break.
 */
export function tokenise(text: string): Token[] {
  const tokens: Token[] = [];
  for (let index = 0; index < text.length; ) {
    const kind = characterClass(text, index);
    if (kind === separator) {
      index += 1;
    } else if (kind === letter || kind === digit) {
      const end = wordEnd(text, index);
      tokens.push({ start: index, end, kind: "word" });
      index = end;
    } else {
      tokens.push({ start: index, end: index + 1, kind: kind === lineBreak ? "break" : "sign" });
      index += 1;
    }
  }
  return tokens;
}

function wordEnd(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length) {
    const kind = characterClass(text, end);
    if (kind === letter || kind === digit) {
      end += 1;
      continue;
    }
    const code = text.charCodeAt(end);
    if (code !== 0x27 && code !== 0x2d) break;
    if (end + 1 >= text.length || characterClass(text, end + 1) !== letter) break;
    if (code === 0x27 && isGenitive(text, end)) break;
    end += 1;
  }
  return end;
}

/** An apostrophe and an s, and no letter after. */
function isGenitive(text: string, apostrophe: number): boolean {
  const next = text.charCodeAt(apostrophe + 1) | 0x20;
  return next === 0x73 && (apostrophe + 2 >= text.length || characterClass(text, apostrophe + 2) !== letter);
}

function characterClass(text: string, index: number): number {
  const code = text.charCodeAt(index);
  const known = classOf[code] ?? unknown;
  if (known !== unknown) return known;
  const found = classify(text.charAt(index), code);
  classOf[code] = found;
  return found;
}

function classify(char: string, code: number): number {
  if (char === "\n") return lineBreak;
  if (/\s/.test(char)) return separator;
  if (/[\p{L}\p{M}]/u.test(char) || (code >= 0xd800 && code <= 0xdfff)) return letter;
  return /\p{N}/u.test(char) ? digit : sign;
}
