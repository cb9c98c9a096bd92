import { isIPv6 } from "node:net";
import type { Entity } from "../entity.ts";
import { leftOf, type Scan } from "../scan.ts";

const octet = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const point = String.raw`(?:\.|\[\.\]|\(\.\)|\[dot\])`;
const version4 = new RegExp(String.raw`(?<![\d.\w-])${octet}(?:${point}${octet}){3}(?![\w]|\.\d)`, "g");
const version6 =
  /(?<![\w:.])(?:[0-9a-f]{0,4}:){2,8}(?:[0-9a-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?(?:%[\w.]{1,16})?(?![\w:])/gi;
const mac = /(?<![\w:.-])(?:[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2})(?![\w:-])/gi;
/** Two short groups of hexadecimal digits and what joins them: without it there is neither a v6 nor a MAC address. */
const hasGroups = /::|[0-9a-f]:[0-9a-f]{1,4}:|[0-9a-f]-[0-9a-f]{2}-|\.[0-9a-f]{4}\./i;
const versionCue = /(?:version|ver\.?|release|build|v)\s*$/;

/** Internet addresses (v4, also as `1[.]2[.]3[.]4`; v6) and MAC addresses. */
export function findNetworkAddresses(scan: Scan): Entity[] {
  const { text } = scan;
  const found: Entity[] = [];
  for (const match of text.matchAll(version4)) {
    if (!versionCue.test(leftOf(scan, match.index, 10))) found.push(entity(match, "IP"));
  }
  if (!hasGroups.test(text)) return found;
  for (const match of text.matchAll(version6)) {
    const address = match[0].split("%")[0] ?? "";
    if (isIPv6(address) && /[0-9a-f]/i.test(address)) found.push(entity(match, "IP"));
  }
  for (const match of text.matchAll(mac)) if (/[a-f:-]/i.test(match[0])) found.push(entity(match, "MAC"));
  return found;
}

function entity(match: RegExpExecArray, type: Entity["type"]): Entity {
  return { start: match.index, end: match.index + match[0].length, type };
}
