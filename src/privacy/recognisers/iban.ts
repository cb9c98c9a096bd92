import type { Entity } from "../entity.ts";
import { isWordAt, leftOf, type Scan } from "../scan.ts";

/** Length of an IBAN by country, from the SWIFT IBAN registry. */
const ibanLengths: Readonly<Record<string, number>> = {
  AD: 24,
  AE: 23,
  AL: 28,
  AT: 20,
  AZ: 28,
  BA: 20,
  BE: 16,
  BG: 22,
  BH: 22,
  BI: 27,
  BR: 29,
  BY: 28,
  CH: 21,
  CR: 22,
  CY: 28,
  CZ: 24,
  DE: 22,
  DJ: 27,
  DK: 18,
  DO: 28,
  EE: 20,
  EG: 29,
  ES: 24,
  FI: 18,
  FK: 18,
  FO: 18,
  FR: 27,
  GB: 22,
  GE: 22,
  GI: 23,
  GL: 18,
  GR: 27,
  GT: 28,
  HR: 21,
  HU: 28,
  IE: 22,
  IL: 23,
  IQ: 23,
  IS: 26,
  IT: 27,
  JO: 30,
  KW: 30,
  KZ: 20,
  LB: 28,
  LC: 32,
  LI: 21,
  LT: 20,
  LU: 20,
  LV: 21,
  LY: 25,
  MC: 27,
  MD: 24,
  ME: 22,
  MK: 19,
  MN: 20,
  MR: 27,
  MT: 31,
  MU: 30,
  NI: 28,
  NL: 18,
  NO: 15,
  OM: 23,
  PK: 24,
  PL: 28,
  PS: 29,
  PT: 25,
  QA: 29,
  RO: 24,
  RS: 22,
  RU: 33,
  SA: 24,
  SC: 31,
  SD: 18,
  SE: 24,
  SI: 19,
  SK: 24,
  SM: 27,
  SO: 23,
  ST: 25,
  SV: 28,
  TL: 23,
  TN: 24,
  TR: 26,
  UA: 29,
  VA: 22,
  VG: 24,
  XK: 20,
  YE: 30,
};

const head = /[a-z]{2}[ -]?\d[ -]?\d(?=[ -]?[a-z0-9])/gi;
const cue = /\b(?:iban|account|konto|bank|compte|cuenta|rekening)\b/;

/** International bank account numbers: known country, its length, ISO 7064 mod 97; next to the word IBAN a wrong check digit is forgiven. */
export function findIbans(scan: Scan): Entity[] {
  const { text } = scan;
  const found: Entity[] = [];
  for (const match of text.matchAll(head)) {
    if (isWordAt(text, match.index - 1)) continue;
    const length = ibanLengths[match[0].slice(0, 2).toUpperCase()];
    if (length === undefined) continue;
    const taken = take(text, match.index, length);
    if (taken === undefined || isWordAt(text, taken.end)) continue;
    if (passesMod97(taken.compact) || cue.test(leftOf(scan, match.index, 32))) {
      found.push({ start: match.index, end: taken.end, type: "IBAN" });
    }
  }
  return found;
}

/** The first `length` letters and digits from `start`, single spaces and dashes between them left out. */
function take(text: string, start: number, length: number): { compact: string; end: number } | undefined {
  let compact = "";
  let index = start;
  while (compact.length < length) {
    const char = text.charAt(index);
    if (/[a-zA-Z0-9]/.test(char)) compact += char;
    else if (!/[ \-.]/.test(char) || !/[a-zA-Z0-9]/.test(text.charAt(index + 1))) return undefined;
    index += 1;
  }
  return { compact: compact.toUpperCase(), end: index };
}

/** ISO 7064 mod 97-10 as ISO 13616 applies it. */
export function passesMod97(compact: string): boolean {
  let remainder = 0;
  for (const char of compact.slice(4) + compact.slice(0, 4)) {
    const value = Number.parseInt(char, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}
