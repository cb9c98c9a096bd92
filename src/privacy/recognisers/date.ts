import type { Entity } from "../entity.ts";
import { leftOf, type Scan } from "../scan.ts";

const day = String.raw`(?:0?[1-9]|[12]\d|3[01])`;
const month = "(?:0?[1-9]|1[0-2])";
const year = String.raw`(?:1[89]\d\d|20\d\d)`;
const monthName =
  "(?:jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|f[ée]vrier|mar(?:ch|s|zo)?|märz|apr(?:il)?|avril|abril|may|mai|mayo|june?|juni|juin|junio|july?|juli|juillet|julio|aug(?:ust)?|août|agosto|sept?(?:ember|embre|iembre)?|oct(?:ober|obre|ubre)?|okt(?:ober)?|nov(?:ember|embre|iembre)?|dec(?:ember)?|dez(?:ember)?|d[ée]cembre|diciembre|ene(?:ro)?|enero)";
const time = String.raw`(?:[T ]\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?`;
const patterns = [
  new RegExp(String.raw`(?<![\d.\w-])${year}[-/.]${month}[-/.]${day}${time}(?![\d]|[.-]\d)`, "gi"),
  new RegExp(String.raw`(?<![\d.\w/-])${day}[-/.] ?${month}[-/.] ?(?:${year}|\d\d)(?![\w]|[-/.]\d)`, "gi"),
  new RegExp(String.raw`(?<![\d.\w/-])${month}[-/.]${day}[-/.](?:${year}|\d\d)(?![\w]|[-/.]\d)`, "gi"),
  new RegExp(String.raw`(?<![\w])${monthName}\.? ${day}(?:st|nd|rd|th)?,? ?(?:${year}|'\d\d)(?!\w)`, "gi"),
  new RegExp(
    String.raw`(?<![\w])${day}(?:st|nd|rd|th|\.)?(?: of| de)?[ -]${monthName}\.?(?: de)?,?[ -](?:${year}|'?\d\d)(?!\w)`,
    "gi",
  ),
  new RegExp(String.raw`(?<!\d)${year} ?[年년] ?${month} ?[月월] ?${day} ?[日일]`, "g"),
] as const;
const hasDate = new RegExp(String.raw`\d[-/.] ?\d{1,2}[-/.]|\d ?[年년]|${monthName}`, "i");
const birthCue =
  /(?:\bborn|birth|\bdob\b|d\.o\.b|\bb\.|b-day|bday|geboren|geb\.|geburt|naissance|\bn[ée]e?\b|nacid[oa]|nacimiento|nat[oa] il|nascid[oa]|nascimento|data di nascita|födelse|syntym|urodz|родил|рожден|誕生|生年|出生|생년월일|생일)[^.!?\n]{0,40}$/u;

/** Calendar dates with a year. One that stands beside a word of birth is a date of birth, which identifies. */
export function findDates(scan: Scan): Entity[] {
  if (!hasDate.test(scan.lower)) return [];
  const found: Entity[] = [];
  for (const pattern of patterns) {
    for (const match of scan.text.matchAll(pattern)) {
      const born = birthCue.test(leftOf(scan, match.index, 48));
      const end = match.index + match[0].length;
      found.push({ start: match.index, end, type: born ? "BIRTH_DATE" : "DATE" });
    }
  }
  return found;
}
