import { createRequire } from "node:module";
import type { Entity } from "../entity.ts";
import { isWordAt, leftOf, type Scan } from "../scan.ts";

/** United States social security numbers by shape, or nine digits beside a cue; other national numbers by checksum or cue. */
export function findNationalIds(scan: Scan): Entity[] {
  if (!/\d[\da-z]{0,2}\d/i.test(scan.text)) return [];
  const found = cued(scan);
  return /\d[\d .-]{4}\d|[a-z]\d\d/i.test(scan.text) ? [...found, ...socialSecurity(scan), ...checked(scan)] : found;
}

const ssn = /(?<![\w-])\d{3}([- .])\d{2}\1\d{4}(?![\w]|-\d)/g;
const ssnPlain = /(?<![\w-])(?:\d{9}|\d{3}[- .]?\d{2}[- .]?\d{4})(?![\w]|-\d)/g;
const ssnCue = /(?:\bssn|social security|\bsocial\b|\bitin\b|\bsin\b|tax ?payer)[^.\n]{0,24}$/;

function socialSecurity(scan: Scan): Entity[] {
  const found: Entity[] = [];
  for (const match of scan.text.matchAll(ssn)) {
    if (match[1] === "-" || ssnCue.test(leftOf(scan, match.index, 40))) found.push(entity(match, "SSN"));
  }
  for (const match of scan.text.matchAll(ssnPlain)) {
    if (ssnCue.test(leftOf(scan, match.index, 40))) found.push(entity(match, "SSN"));
  }
  return found;
}

interface CheckedNumber {
  readonly pattern: RegExp;
  /** Where the number itself is too common a shape, a word that must stand before it. */
  readonly cue?: RegExp;
  /** The module of `stdnum` that checks it. */
  readonly module: string;
}

const checkedNumbers: readonly CheckedNumber[] = [
  { pattern: /\b\d{3}\.\d{3}\.\d{3}-\d{2}\b/g, module: "br/cpf" },
  { pattern: /\b\d{11}\b/g, cue: /\bcpf\b/, module: "br/cpf" },
  { pattern: /\b\d{8}-?[a-z]\b/gi, module: "es/dni" },
  { pattern: /\b[xyz]-?\d{7}-?[a-z]\b/gi, module: "es/nie" },
  { pattern: /\b[a-z]{6}\d{2}[a-ehlmprst]\d{2}[a-z]\d{3}[a-z]\b/gi, module: "it/codicefiscale" },
  { pattern: /\b[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?(?:\d{2}|2[ab]) ?\d{3} ?\d{3} ?\d{2}\b/gi, module: "fr/nir" },
  { pattern: /\b[2-9]\d{3} ?\d{4} ?\d{4}\b/g, cue: /aadha+r|uidai|\buid\b/, module: "in/aadhaar" },
  { pattern: /\b[a-z]{3}[pcfhatbljg][a-z]\d{4}[a-z]\b/gi, module: "in/pan" },
  { pattern: /\b[a-z]{4}\d{6}[hmx][a-z]{5}[a-z0-9]\d\b/gi, module: "mx/curp" },
  { pattern: /\b\d{11}\b/g, cue: /pesel/, module: "pl/pesel" },
  { pattern: /\b\d{9}\b/g, cue: /\bbsn\b|burgerservice/, module: "nl/bsn" },
  { pattern: /\b(?:\d{2})?\d{6}[-+]\d{4}\b/g, module: "se/personnummer" },
  { pattern: /\b\d{6}[-+a-f]\d{3}[0-9a-y]\b/gi, module: "fi/hetu" },
  { pattern: /\b\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}\b/g, module: "be/nn" },
  { pattern: /\b756\.\d{4}\.\d{4}\.\d{2}\b/g, module: "ch/ssn" },
  { pattern: /\b\d{1,2}\.?\d{3}\.?\d{3}-[\dk]\b/gi, module: "cl/rut" },
  { pattern: /\b\d{17}[\dx]\b/gi, module: "cn/ric" },
  { pattern: /\b\d{3} ?\d{3} ?\d{4}\b/g, cue: /\bnhs\b/, module: "gb/nino" },
  { pattern: /\b\d{6}-[1-4]\d{6}\b/g, module: "kr/rrn" },
  { pattern: /\b\d{13}\b/g, cue: /\b(?:za|south africa|identity|id)\b/, module: "za/idnr" },
  { pattern: /\b\d{11}\b/g, cue: /kimlik|\btc\b/, module: "tr/tckimlik" },
  { pattern: /\b[a-z]\d{6}\(?[\da]\)?(?!\w)/gi, cue: /hkid|hong kong/, module: "hk/hkid" },
  { pattern: /\b\d{2} ?\d{3} ?\d{3} ?\d{3}\b/g, cue: /steuer|\bidnr\b/, module: "de/idnr" },
];

/** Numbers whose shape alone is telling enough, so that no check is asked for. */
const shaped: readonly RegExp[] = [
  /\b(?![dfiquv]|bg|gb|kn|nk|nt|tn|zz)[abceghj-prstw-z][abceghj-nprstw-z] ?\d{2} ?\d{2} ?\d{2} ?[a-d]\b/gi,
  /\b[stfgm]\d{7}[a-z]\b/gi,
];

function checked(scan: Scan): Entity[] {
  const { text } = scan;
  const found: Entity[] = [];
  for (const { pattern, cue, module } of checkedNumbers) {
    if (cue !== undefined && !cue.test(scan.lower)) continue;
    for (const match of text.matchAll(pattern)) {
      if (isWordAt(text, match.index - 1)) continue;
      const near = cue?.test(leftOf(scan, match.index, 48)) ?? false;
      if (near || (cue === undefined && isValid(module, match[0]))) found.push(entity(match, "NATIONAL_ID"));
    }
  }
  for (const pattern of shaped) for (const match of text.matchAll(pattern)) found.push(entity(match, "NATIONAL_ID"));
  return found;
}

const require = createRequire(import.meta.url);

/** Loads one validator of `stdnum` when its shape is first met; the whole library takes ten times as long to load as one is worth. */
function isValid(module: string, number: string): boolean {
  const validator: { validate(value: string): { isValid: boolean } } = require(`stdnum/lib/cjs/${module}`);
  return validator.validate(number).isValid;
}

const cuedNumber =
  /(?:passport|driv(?:er|ing)(?:'?s)? licen[cs]e|licen[cs]e (?:number|no)|national id(?:entity)?|identity card|id card|id number|tax id|tax number|tin\b|medicare|medicaid|health (?:card|insurance)|insurance (?:number|no|id)|nhs|national insurance|\bni (?=number|no)|nino|military id|student id|employee id|member(?:ship)? (?:id|number)|patient id|mrn|medical record|voter id|personalausweis|ausweis|reisepass|passeport|pasaporte|sozialversicherung|steuer-?id|carte d'identité|aadha+r|cpf|pesel|bsn|curp|\brouting\b|sort code|\bbsb\b|account number|\baccount(?= ?[#:]? ?\d{6})|\ba\/c\b|acct|konto(?:nummer)?|vin|licen[cs]e plate|number plate|cvv|cvc|pin code|customer (?:id|number)|policy number)(?: ?(?:number|no\.?|nr\.?|num|#|id|code))?(?: (?:is|was|of|reads?|ends? (?:in|with)))?[ :#="']{0,4}/g;
const idToken = /^(?=[a-z0-9 -]*\d)[a-z]{0,4}[ -]?\d[a-z0-9]*(?:[ -](?=[a-z0-9]*\d)[a-z0-9]+){0,4}/i;

/** What follows "passport number", "driver's license", "account number" and the like: a token with digits in it. */
function cued(scan: Scan): Entity[] {
  const found: Entity[] = [];
  for (const match of scan.lower.matchAll(cuedNumber)) {
    const start = match.index + match[0].length;
    const token = idToken.exec(scan.text.slice(start, start + 40))?.[0];
    if (token === undefined || token.replace(/\D/g, "").length < 3) continue;
    const end = start + token.length;
    // A check letter that stands apart, as in "QQ 12 34 56 C".
    const letter = /^[ -][A-Z](?!\w)/.exec(scan.text.slice(end, end + 3))?.[0] ?? "";
    found.push({ start, end: end + letter.length, type: "NATIONAL_ID" });
  }
  return found;
}

function entity(match: RegExpExecArray, type: "SSN" | "NATIONAL_ID"): Entity {
  return { start: match.index, end: match.index + match[0].length, type };
}
