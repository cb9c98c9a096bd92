import { randomBytes } from "node:crypto";
import { PeerError } from "./errors.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type AccountId = Branded<"account">;
export type HostId = Branded<"host">;
export type NetworkId = Branded<"network">;
export type RequestId = Branded<"request">;
export type SubtaskId = Branded<"subtask">;
export type ReceiptId = Branded<"receipt">;
export type ApiKeyId = Branded<"key">;
export type TransferId = Branded<"transfer">;
export type HoldId = Branded<"hold">;
export type PayoutId = Branded<"payout">;
export type PaymentId = Branded<"payment">;
export type SubscriptionId = Branded<"subscription">;

interface IdTypes {
  account: AccountId;
  host: HostId;
  network: NetworkId;
  request: RequestId;
  subtask: SubtaskId;
  receipt: ReceiptId;
  key: ApiKeyId;
  transfer: TransferId;
  hold: HoldId;
  payout: PayoutId;
  payment: PaymentId;
  subscription: SubscriptionId;
}

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** RFC 4648 base32, lower case, without padding. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(buffer >>> bits) & 31];
    }
  }
  return bits === 0 ? text : text + alphabet[(buffer << (5 - bits)) & 31];
}

/** A fresh id: the kind, an underscore and 26 base32 characters (128 random bits). */
export function newId<Kind extends keyof IdTypes>(kind: Kind): IdTypes[Kind] {
  return mintId(kind, base32(randomBytes(16)));
}

/** The id of an identity that is a public key: 26 base32 characters of the key's digest. */
export function idOfDigest<Kind extends keyof IdTypes>(kind: Kind, digest: Uint8Array): IdTypes[Kind] {
  return mintId(kind, base32(digest.subarray(0, 16)));
}

/** Checks `text` once; throws `id_malformed`. */
export function parseId<Kind extends keyof IdTypes>(kind: Kind, text: string): IdTypes[Kind] {
  if (!isId(kind, text))
    throw new PeerError("id_malformed", `Not the id of ${article(kind)} ${kind}: "${text.slice(0, 64)}".`);
  return text;
}

function article(noun: string): "a" | "an" {
  return /^[aeiou]/.test(noun) ? "an" : "a";
}

export function isId<Kind extends keyof IdTypes>(kind: Kind, text: string): text is IdTypes[Kind] {
  return text.length === kind.length + 27 && text.startsWith(`${kind}_`) && /_[a-z2-7]{26}$/.test(text);
}

function mintId<Kind extends keyof IdTypes>(kind: Kind, suffix: string): IdTypes[Kind] {
  return `${kind}_${suffix}` as IdTypes[Kind];
}
