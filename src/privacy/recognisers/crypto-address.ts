import { createHash } from "node:crypto";
import type { Entity } from "../entity.ts";
import { leftOf, type Scan } from "../scan.ts";

const ethereum = /(?<![\w])0x[0-9a-f]{40}(?![\w])/gi;
const base58 = /(?<![\w])[13LMDTrXZt][1-9A-HJ-NP-Za-km-z]{25,34}(?![\w])/g;
const bech32 = /(?<![\w])(?:bc1|tb1|ltc1|addr1|cosmos1)[02-9ac-hj-np-z]{25,98}(?![\w])/gi;
const monero = /(?<![\w])[48][1-9A-HJ-NP-Za-km-z]{94}(?![\w])/g;
const other = /(?<![\w])[1-9A-HJ-NP-Za-km-z]{43,44}(?![\w])/g;
const runLengthMin = 25;
const walletCue = /\b(?:wallet|solana|sol|address|phantom|crypto|xrp|ripple)\b/;

/** Wallet addresses: Bitcoin and its kin (base58check or bech32), Ethereum, Tron, Ripple, Monero; Solana beside a cue. */
export function findCryptoAddresses(scan: Scan): Entity[] {
  const { text } = scan;
  if (!hasLongRun(text)) return [];
  const found: Entity[] = [];
  const collect = (pattern: RegExp, accept: (address: string, start: number) => boolean) => {
    for (const match of text.matchAll(pattern)) {
      if (!accept(match[0], match.index)) continue;
      found.push({ start: match.index, end: match.index + match[0].length, type: "CRYPTO" });
    }
  };
  collect(ethereum, () => true);
  collect(bech32, (address) => address === address.toLowerCase() || address === address.toUpperCase());
  collect(monero, () => true);
  collect(base58, (address, start) => passesBase58Check(address) || walletCue.test(leftOf(scan, start, 48)));
  collect(other, (address, start) => /\d/.test(address) && walletCue.test(leftOf(scan, start, 48)));
  return found;
}

/** Whether some run of letters and digits is as long as the shortest address; without one nothing else need be tried. */
function hasLongRun(text: string): boolean {
  let length = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index) | 0x20;
    const isWord = (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39);
    length = isWord ? length + 1 : 0;
    if (length >= runLengthMin) return true;
  }
  return false;
}

const bitcoinAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** Base58Check: the last four bytes are the double SHA-256 of the rest (Bitcoin wiki, "Base58Check encoding"). */
function passesBase58Check(address: string): boolean {
  let value = 0n;
  for (const char of address) {
    const digit = bitcoinAlphabet.indexOf(char);
    if (digit === -1) return false;
    value = value * 58n + BigInt(digit);
  }
  const bytes = Buffer.from(value.toString(16).padStart(50, "0"), "hex");
  if (bytes.length !== 25) return false;
  return sha256(sha256(bytes.subarray(0, 21)))
    .subarray(0, 4)
    .equals(bytes.subarray(21));
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
