import { type CountryCode, isPossiblePhoneNumber, isValidPhoneNumber } from "libphonenumber-js";
import type { Entity } from "../entity.ts";
import { digitsOf, leftOf, type Scan } from "../scan.ts";

const candidate =
  /(?<![\w$€£#])(?<!\d[.,:/-])(?:\+ ?|\()?\d(?:[ ().\-/]{0,3}\d){6,15}(?: ?(?:ext\.?|extension|x|#|durchwahl) ?\d{1,6})?(?![\w%])/gi;
const cue =
  /(?:phone|\btel\.?|\bmob\.|\btlf\.?|\bcall|mobile|\bcell|\bfax|whats ?app|\btext\b|\bsms|\bdial|\bring\b|\breach|contact|\bnumber|hotline|landline|telefon|handy|t[eé]l[eé]phone|portable|m[oó]vil|celular|numero|n[uú]mero|teléfono|telefoon|signal|telegram|☎|📞|📱|ph[.:]|\bm:|\bt:|\bp:|номер|телефон|τηλ|電話|电话|手机|手機|携帯|拨打|撥打|전화|연락처|핸드폰|điện thoại|telepon|nomor|טלפון|נייד|โทร|جوال|اتصل|هاتف|फ़ोन|answering|message[sd]?\b|voicemail|registered|\bextension)(?:[^.!?\n]{0,28}|[^.!?\n]{0,4}[:：]\s{0,8})$/u;
/** "555 0199 (office)", "…-Fax" */
const cueAfter = /^[\s\-–(,:]{0,3}(?:office|home|work|cell|mobile|fax|tel|phone|direct|main|handy|privat)\b/;
const otherCue =
  /(?:order|invoice|ticket|account|card|ssn|social security|passport|licen[cs]e|tracking|reference|serial|isbn|issn|doi|id|zip|postal|version|iban|routing|population|postcode|code)(?: (?:number|no\.?|id|is|was))*[:#\s]*$/;

/** Regions a national number without a country code is tried in, when nothing beside it says it is a phone number. */
const leadingZeroRegions: readonly CountryCode[] = [
  "GB",
  "DE",
  "FR",
  "IT",
  "AU",
  "CH",
  "NL",
  "SE",
  "AT",
  "BE",
  "JP",
  "IN",
  "ZA",
  "NG",
  "TR",
  "UA",
  "RO",
  "PK",
  "KR",
  "EG",
  "SA",
  "AE",
];

/** Telephone numbers: international ones, national ones in a known grouping, others beside a cue; digits spelled out as words. */
export function findPhones(scan: Scan): Entity[] {
  const found: Entity[] = [];
  for (const match of scan.text.matchAll(candidate)) {
    const start = match.index;
    const number = unclosed(match[0]);
    if (isPhone(scan, start, number)) found.push({ start, end: start + number.length, type: "PHONE" });
  }
  return [...found, ...spokenPhones(scan), ...spacedPhones(scan)];
}

/** Without a bracket at the end that was opened outside. */
function unclosed(text: string): string {
  return text.replace(/[ .\-/(]+$/, "");
}

function isPhone(scan: Scan, start: number, number: string): boolean {
  const main = number.replace(/ ?(?:ext|x|#|durchwahl).*$/i, "");
  const digits = digitsOf(main);
  if (digits.length < 7 || digits.length > 15 || isSomethingElse(main)) return false;
  if (/^(\d)\1+$/.test(digits)) return false;
  if (main.startsWith("+")) return digits.length >= 8 && isPossibleInternational(main);
  const left = leftOf(scan, start, 40);
  if (otherCue.test(left)) return false;
  if (cue.test(left) || cueAfter.test(scan.lower.slice(start + number.length, start + number.length + 12))) return true;
  if (/^\d{1,2}(?: \d{1,2})+$/.test(main) && !/^0\d(?: \d\d){4}$/.test(main)) return false;
  if (/^00[1-9]/.test(digits) && digits.length >= 11) return isPossibleInternational(`+${digits.slice(2)}`);
  if (/^(?:1[ .-]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .\-/])[2-9]\d\d[ .-]\d{4}$/.test(main)) return true;
  if (/^[2-9]\d\d[2-9]\d{6}$/.test(main)) return isValidPhoneNumber(main, "US");
  if (!/^\(?0/.test(main) || digits.length < 9) return false;
  if (/^0\d{2,4}[ /-]/.test(main) || /^\(0\d{1,4}\)/.test(main) || /^0\d(?:[ .-]\d\d){4}$/.test(main)) return true;
  return leadingZeroRegions.some((region) => isValidPhoneNumber(main, region));
}

function isPossibleInternational(number: string): boolean {
  return isPossiblePhoneNumber(number.replace("(0)", ""));
}

/** Dates, times, versions, ranges of years, sums of money: digits with separators that are not dialled. */
function isSomethingElse(text: string): boolean {
  return (
    /^(?:19|20)\d\d[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|[12]\d|3[01])(?:\D|$)/.test(text) ||
    /^(?:0?[1-9]|[12]\d|3[01])[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:19|20)\d\d/.test(text) ||
    /^(?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|[12]\d|3[01])[-/. ](?:19|20)\d\d/.test(text) ||
    /^(?:19|20)\d\d ?- ?(?:19|20)\d\d$/.test(text) ||
    /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) ||
    /^\d+\.\d+$/.test(text) ||
    /^[1-9]\d{0,2}(?:[ .]000)+$/.test(text)
  );
}

const digitWord = "(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)";
const repeated = "(?:double |triple )?";
const spoken = new RegExp(
  String.raw`\b(?:plus )?${repeated}${digitWord}(?:[ ,-]{1,3}${repeated}${digitWord}){6,15}\b`,
  "g",
);

function spokenPhones({ lower }: Scan): Entity[] {
  return Array.from(lower.matchAll(spoken), (match) => ({
    start: match.index,
    end: match.index + match[0].length,
    type: "PHONE" as const,
  }));
}

const spaced = /(?<![\w.])\d(?:[ .-]{1,3}\d){6,14}(?![\w])/g;

/** "2 1 2 - 5 5 5 - 0 1 9 9": single digits, beside a cue. */
function spacedPhones(scan: Scan): Entity[] {
  const found: Entity[] = [];
  for (const match of scan.text.matchAll(spaced)) {
    if (cue.test(leftOf(scan, match.index, 40))) {
      found.push({ start: match.index, end: match.index + match[0].length, type: "PHONE" });
    }
  }
  return found;
}
