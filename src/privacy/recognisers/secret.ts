import type { Entity } from "../entity.ts";
import type { Scan } from "../scan.ts";

interface SecretRule {
  /** Lower-case words of which one must be in the text before the pattern is tried. */
  readonly keywords: readonly string[];
  /** Matches the secret; where it has a first group, the group is the secret. */
  readonly pattern: RegExp;
  /** Rejects what matches the shape and is none: a variable, a placeholder of documentation. */
  readonly accept?: (secret: string) => boolean;
}

/** Formats as their issuers document them. */
const issued: readonly SecretRule[] = [
  { keywords: ["akia", "asia", "abia", "acca"], pattern: /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b/g },
  {
    keywords: ["aws"],
    pattern: /aws[\w .-]{0,24}(?:secret|key)[\w .-]{0,24}["']?\s?[:=]\s?["']?([A-Za-z0-9/+=]{40})(?![A-Za-z0-9/+=])/gi,
  },
  {
    // The secret that goes with one of the keys above, however the two are written beside each other.
    keywords: ["akia", "aws"],
    pattern: /(?<![\w/+=])(?=[\w/+]{0,39}[a-z])(?=[\w/+]{0,39}[A-Z])(?=[\w/+]{0,39}\d)[A-Za-z0-9/+]{40}(?![\w/+=])/g,
  },
  { keywords: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], pattern: /\bgh[pousr]_[A-Za-z0-9]{20,255}\b/g },
  { keywords: ["github_pat_"], pattern: /\bgithub_pat_\w{22,255}\b/g },
  {
    keywords: ["glpat-", "gldt-", "glrt-", "glptt-", "glsoat-"],
    pattern: /\bgl(?:pat|dt|rt|ptt|soat|ft|imt|agent)-[\w-]{16,}/g,
  },
  { keywords: ["xox", "xapp-"], pattern: /\b(?:xox[abeoprs]|xapp)-[\w-]{10,}/g },
  {
    keywords: ["sk_", "rk_", "pk_", "whsec_"],
    pattern: /\b(?:(?:sk|rk|pk)_(?:live|test|prod)_[A-Za-z0-9]{10,99}|whsec_[A-Za-z0-9+/=]{16,})/g,
  },
  { keywords: ["sk-"], pattern: /\bsk-[A-Za-z0-9][\w-]{18,}/g },
  { keywords: ["aiza"], pattern: /\bAIza[\w-]{35}/g },
  { keywords: ["ya29."], pattern: /\bya29\.[\w-]{20,}/g },
  { keywords: ["gocspx-"], pattern: /\bGOCSPX-[\w-]{20,}/g },
  { keywords: ["eyj"], pattern: /\beyJ(?:(?!-eyJ)[\w-]){8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?/g },
  { keywords: ["npm_"], pattern: /\bnpm_[A-Za-z0-9]{36}\b/g },
  { keywords: ["pypi-"], pattern: /\bpypi-[\w-]{50,}/g },
  { keywords: ["sg."], pattern: /\bSG\.[\w-]{16,}\.[\w-]{16,}/g },
  { keywords: ["hf_"], pattern: /\bhf_[A-Za-z0-9]{30,}\b/g },
  { keywords: ["dop_v1_", "doo_v1_", "dor_v1_"], pattern: /\bdo[por]_v1_[a-f0-9]{64}\b/g },
  { keywords: ["shpat_", "shpca_", "shppa_", "shpss_"], pattern: /\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b/g },
  { keywords: ["sq0", "eaaa"], pattern: /\b(?:sq0[a-z]{3}-[\w-]{22,}|EAAA[\w-]{56,})/g },
  { keywords: ["key-", "pubkey-"], pattern: /\b(?:pub)?key-[a-f0-9]{32}\b/g },
  { keywords: ["-us"], pattern: /\b[a-f0-9]{32}-us\d{1,2}\b/g },
  { keywords: ["twilio", "account_sid", "accountsid"], pattern: /\b(?:AC|SK)[a-f0-9]{32}\b/g },
  { keywords: [":aa"], pattern: /\b\d{8,10}:AA[\w-]{32,34}(?![\w-])/g },
  { keywords: ["discord"], pattern: /\b[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,}/g },
  { keywords: ["accountkey=", "sharedaccesskey="], pattern: /(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/=]{40,})/gi },
  { keywords: ["lin_api_"], pattern: /\blin_api_[A-Za-z0-9]{40}\b/g },
  { keywords: ["figd_"], pattern: /\bfigd_[\w-]{20,}/g },
  { keywords: ["ntn_", "secret_"], pattern: /\b(?:ntn|secret)_[A-Za-z0-9]{40,}\b/g },
  { keywords: ["atatt3", "atctt3"], pattern: /\bAT[AC]TT3[\w=-]{50,}/g },
  { keywords: ["nvapi-"], pattern: /\bnvapi-[\w-]{40,}/g },
  { keywords: ["gsk_", "r8_", "pplx-", "xai-", "tgp_v1_"], pattern: /\b(?:gsk_|r8_|pplx-|xai-|tgp_v1_)[\w-]{30,}/g },
  { keywords: ["hvs.", "hvb."], pattern: /\bhv[sb]\.[\w-]{20,}/g },
  { keywords: ["age-secret-key"], pattern: /\bAGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}\b/gi },
  {
    keywords: ["begin"],
    pattern:
      /-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,16000}?(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g,
  },
];

const anyIssued = new RegExp(
  issued.flatMap((rule) => rule.keywords.map((keyword) => keyword.replace(/\W/g, "\\$&"))).join("|"),
);

const name =
  "(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|auth[_-]?key|private[_-]?key|client[_-]?secret|encryption[_-]?key|signing[_-]?key|credentials?)";
const quoted = new RegExp(
  String.raw`${name}[\w-]{0,24}["']?\s{0,2}(?::=|=>|[:=])\s{0,2}(["'\`])((?:(?!\1)[^\n]){4,200})\1`,
  "gi",
);
const bare = new RegExp(String.raw`${name}[\w-]{0,24}\s{0,2}[:=]\s{0,2}([^\s"'\`,;<>(){}[\]]{4,200})`, "gi");
const prose =
  /\b(?:(?:pass(?:word|phrase|code)|pwd|passwort|contraseña|mot de passe|pin|pin code|secret|api key|access code|security code|cvv2?|cvc2?)(?: (?:for|to|of) [^.:\n]{1,30}?)?(?: (?:is|was|=)|:)|(?:pin|cvv2?|cvc2?|passcode))\s{1,2}["'`“]?([^\s"'`”,]{3,64})/gi;
const bearer = /\b(?:authorization["']?\s?[:=]\s?["']?)?(?:bearer|basic|token)\s{1,2}([A-Za-z0-9._~+/=-]{16,})/gi;
const keyNames = ["pass", "pwd", "secret", "token", "key", "credential"] as const;

const assigned: readonly SecretRule[] = [
  { keywords: keyNames, pattern: quoted, accept: isLiteral },
  { keywords: keyNames, pattern: bare, accept: looksSecret },
  {
    keywords: ["pass", "pwd", "contraseña", "mot de", "pin", "secret", "key", "code", "cvv", "cvc"],
    pattern: prose,
    accept: looksTyped,
  },
  { keywords: ["bearer", "basic", "token"], pattern: bearer, accept: looksSecret },
];

/**
 * API keys, tokens, private keys and passwords. A keyword prefilter keeps the price of the many rules that do not apply
 * at one substring search each (the scheme of gitleaks; the rules are this project's own, from issuers' documentation).
 */
export function findSecrets({ text, lower }: Scan): Entity[] {
  const found: Entity[] = [];
  for (const rule of anyIssued.test(lower) ? [...issued, ...assigned] : assigned) {
    if (!rule.keywords.some((keyword) => lower.includes(keyword))) continue;
    for (const match of text.matchAll(rule.pattern)) {
      const secret = match.length > 1 ? (match.at(-1) ?? match[0]) : match[0];
      const start = match.index + match[0].lastIndexOf(secret);
      const trimmed = match.length > 1 ? secret.replace(/[.,;:!?]$/, (mark) => (mark === "!" ? mark : "")) : secret;
      if (rule.accept?.(trimmed) ?? true) found.push({ start, end: start + trimmed.length, type: "SECRET" });
    }
  }
  return found;
}

const documented =
  /^(?:x{3,}|\*{3,}|\.{3}|<.*>|\$\{?.*|%\w+%|\{\{.*|your[\w -]*|example.*|changeme|placeholder|none|null|undefined|true|false|string|str|required|optional|password|secret|token|process\.env.*|os\.(?:environ|getenv).*|env\..*|self\..*|this\..*|req\..*|request\..*|config\..*|args\..*|options\..*)$/i;

function isLiteral(secret: string): boolean {
  return (
    !documented.test(secret) &&
    !/\s/.test(secret.trim()) &&
    (/[\d\W_]/.test(secret) || secret.length >= 6) &&
    !/^\[\w+_\d+\]$/.test(secret)
  );
}

/** A value no one would write as a plain word: it has a digit beside letters, or several kinds of sign. */
function looksSecret(secret: string): boolean {
  if (documented.test(secret) || /[.(]\w*\(|\)$|^[a-z_]+\.[a-z_.]+$/i.test(secret)) return false;
  if (/^\d{1,4}$/.test(secret)) return false;
  return /\d/.test(secret) && (/[a-z]/i.test(secret) || secret.length >= 6);
}

function looksTyped(secret: string): boolean {
  if (documented.test(secret)) return false;
  return /\d/.test(secret) || (/[^\w\s.'’-]/.test(secret.slice(0, -1)) && /\w/.test(secret) && secret.length >= 6);
}
