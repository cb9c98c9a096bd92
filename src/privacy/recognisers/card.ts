import type { Entity } from "../entity.ts";
import { digitsOf, leftOf, type Scan } from "../scan.ts";

const candidate = /(?<![\d.,])\d(?:[ .\-\n]{0,2}\d){11,18}(?![\d]|[.,]\d)/g;
const cue = /\b(?:card|credit|debit|visa|master ?card|amex|american express|cc|pan|maestro|diners|discover)\b/;

/** Payment cards: 12 to 19 digits of a known issuer range that pass Luhn; near a cue also those that do not (a typo is still a card). */
export function findCards(scan: Scan): Entity[] {
  const found: Entity[] = [];
  for (const match of scan.text.matchAll(candidate)) {
    const digits = digitsOf(match[0]);
    const cued = digits.length >= 12 && cue.test(leftOf(scan, match.index, 48));
    if (!isGrouped(match[0])) continue;
    if ((hasIssuer(digits) && passesLuhn(digits)) || cued) {
      found.push({ start: match.index, end: match.index + match[0].length, type: "CREDIT_CARD" });
    }
  }
  return found;
}

/** Cards are written whole, in fours, or 4-6-5; a list of years or prices is not one. */
function isGrouped(text: string): boolean {
  const groups = text.split(/\D+/);
  if (groups.every((group) => group.length === 1)) return true;
  return groups.length === 1 || groups.every((group, index) => group.length >= 3 || index === groups.length - 1);
}

/** Issuer ranges of ISO/IEC 7812 (Visa, Mastercard, Amex, Diners, Discover, JCB, UnionPay, Maestro). */
function hasIssuer(digits: string): boolean {
  if (digits.length === 12) return /^(?:50|5[6-9]|6)/.test(digits);
  return /^(?:4|5[0-9]|2[2-7]|3[0-9]|6|1800|2131|9)/.test(digits);
}

/** Luhn's check (ISO/IEC 7812-1, annex B) over a string of digits. */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 48;
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
