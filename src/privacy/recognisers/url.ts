import type { Entity } from "../entity.ts";
import { type Scan, trimEnd } from "../scan.ts";

const candidate = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>`]+/gi;
const secretKey =
  /[?&#;](?:[\w.-]{0,64}(?:token|secret|passw(?:or)?d|signature|api_?-?key|access_?-?key|session|auth|credential|otp|jwt)[\w.-]{0,64}|sig|key|code|pwd|pass|sid|k|t|hash|reset|invite|ticket|sv|se)=([^&#\s]{6,})/i;
const userInfo = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#\s:@]*@)*[^/?#\s:@]*:[^/?#\s@]*@/i;
const webhook =
  /(?:hooks\.slack\.com\/services|discord(?:app)?\.com\/api\/webhooks|webhook\.office\.com|maker\.ifttt\.com)\//i;
const profile =
  /(?:linkedin\.com\/in|facebook\.com|instagram\.com|twitter\.com|\/\/x\.com|t\.me|tiktok\.com\/@|github\.com|medium\.com\/@|snapchat\.com\/add|wa\.me|calendly\.com|paypal\.me|venmo\.com)\/[\w.%-]{2,}/i;

/** Links that carry a secret (credentials, a token in query or path, a webhook), or name a person's own page. */
export function findUrls({ text }: Scan): Entity[] {
  if (!text.includes("://")) return [];
  const found: Entity[] = [];
  for (const match of text.matchAll(candidate)) {
    const url = trimEnd(match[0], ".,;:!?)]}*");
    const end = match.index + url.length;
    if (userInfo.test(url) && !/^https?:/i.test(url)) found.push({ start: match.index, end, type: "SECRET" });
    else if (hasSecret(url) || profile.test(url)) found.push({ start: match.index, end, type: "URL" });
  }
  return found;
}

function hasSecret(url: string): boolean {
  if (userInfo.test(url) || webhook.test(url)) return true;
  const value = secretKey.exec(url)?.[1];
  if (value !== undefined && looksRandom(value, 8)) return true;
  return pathOf(url)
    .split(/[/?#&=.]/)
    .some((segment) => looksRandom(segment, 20));
}

function pathOf(url: string): string {
  const slash = url.indexOf("/", url.indexOf("://") + 3);
  return slash === -1 ? "" : url.slice(slash);
}

/** A run of letters and digits no one would type: long, mixed, and not words joined by dashes. */
function looksRandom(segment: string, lengthMin: number): boolean {
  if (segment.length < lengthMin || !/^[\w%.~+-]+$/.test(segment)) return false;
  if (!/\d/.test(segment) || !/[a-z]/i.test(segment)) return false;
  const hasLongPart = segment.split(/[-_]/).some((part) => part.length >= Math.min(lengthMin, 12));
  return hasLongPart || /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(segment);
}
