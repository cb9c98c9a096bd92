/**
 * A text made plain for recognisers: full-width forms, exotic digits, dashes and spaces become ASCII, characters
 * without width are left out. `originOf[i]` is the offset in the original of `text[i]`; absent where they agree.
 */
export interface Scan {
  readonly text: string;
  /** `text` in lower case, of the same length. */
  readonly lower: string;
  readonly originOf: Uint32Array | undefined;
  readonly originLength: number;
}

const hasExotic = /[^\n\r\t -~]/;

export function scanOf(original: string): Scan {
  if (!hasExotic.test(original)) {
    return { text: original, lower: original.toLowerCase(), originOf: undefined, originLength: original.length };
  }
  const codes = new Uint16Array(original.length);
  const origins = new Uint32Array(original.length);
  let length = 0;
  for (let index = 0; index < original.length; index += 1) {
    const code = plainCode(original.charCodeAt(index));
    if (code === 0) continue;
    codes[length] = code;
    origins[length] = index;
    length += 1;
  }
  const text = textOf(codes.subarray(0, length));
  return {
    text,
    lower: lowerOf(text),
    originOf: length === original.length ? undefined : origins.subarray(0, length),
    originLength: original.length,
  };
}

/** The stretch of the original that `[start, end)` of the scan came from. */
export function originRange(scan: Scan, start: number, end: number): { start: number; end: number } {
  if (scan.originOf === undefined) return { start, end };
  const first = scan.originOf[start] ?? scan.originLength;
  const last = scan.originOf[end - 1];
  return { start: first, end: last === undefined ? scan.originLength : last + 1 };
}

const digitBlocks = [0x0660, 0x06f0, 0x0966, 0x09e6, 0x0e50, 0xff10] as const;

/** The ASCII code unit that stands for `code`, `code` itself, or 0 for a character without width. */
function plainCode(code: number): number {
  if (code < 0x80) return code;
  if (code === 0xad || (code >= 0x200b && code <= 0x200f) || code === 0x2060 || code === 0xfeff) return 0;
  if (code >= 0x202a && code <= 0x202e) return 0;
  if (code >= 0x2010 && code <= 0x2015) return 0x2d;
  if (code === 0x2212 || code === 0xfe63) return 0x2d;
  if (code === 0xa0 || (code >= 0x2000 && code <= 0x200a) || code === 0x202f || code === 0x3000) return 0x20;
  if (code === 0x2018 || code === 0x2019) return 0x27;
  if (code === 0x201c || code === 0x201d) return 0x22;
  if (code >= 0xff01 && code <= 0xff5e) return code - 0xfee0;
  if (code === 0x3002 || code === 0xff61) return 0x2e;
  for (const zero of digitBlocks) if (code >= zero && code <= zero + 9) return 0x30 + code - zero;
  return code;
}

function textOf(codes: Uint16Array): string {
  const pieceLength = 8192;
  let text = "";
  for (let start = 0; start < codes.length; start += pieceLength) {
    text += String.fromCharCode(...codes.subarray(start, start + pieceLength));
  }
  return text;
}

/** Lower case of the same length: characters whose lower case is longer (such as İ) stay as they are. */
export function lowerOf(text: string): string {
  const lower = text.toLowerCase();
  if (lower.length === text.length) return lower;
  return Array.from(text, (char) => (char.toLowerCase().length === char.length ? char.toLowerCase() : char)).join("");
}

/** The lower-case text just before `start`, at most `length` long: where a cue such as "my name is" stands. */
export function leftOf(scan: Scan, start: number, length: number): string {
  return scan.lower.slice(Math.max(0, start - length), start);
}

/** True for a letter or digit, of any script, at `index` of `text`. */
export function isWordAt(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  if (Number.isNaN(code)) return false;
  if (code < 0x80) return isAsciiWord(code);
  return wordCharacter.test(text.charAt(index)) || (code >= 0xd800 && code <= 0xdfff && isWordPair(text, index));
}

const wordCharacter = /[\p{L}\p{N}\p{M}]/u;

function isWordPair(text: string, index: number): boolean {
  const start = text.charCodeAt(index) >= 0xdc00 ? index - 1 : index;
  return wordCharacter.test(String.fromCodePoint(text.codePointAt(start) ?? 0));
}

function isAsciiWord(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
}

export function digitsOf(text: string): string {
  return text.replace(/\D+/g, "");
}

/** `text` without the `signs` at its end. */
export function trimEnd(text: string, signs: string): string {
  let end = text.length;
  while (end > 0 && signs.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
