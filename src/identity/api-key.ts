import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Millis } from "../clock.ts";
import { PeerError } from "../errors.ts";
import { type AccountId, type ApiKeyId, base32 } from "../ids.ts";
import type { NanoUsd } from "../money.ts";

/** What a key may do: send requests, publish models, connect hosts, manage the account (its keys and its money). */
export type Scope = "consume" | "produce" | "host" | "admin";

export const scopes = ["consume", "produce", "host", "admin"] as const satisfies readonly Scope[];

export function isScope(text: string): text is Scope {
  return scopes.some((scope) => scope === text);
}

/** Most a key may spend, holds included, in a day or month of UTC; null is no limit but the account's credit. */
export interface Budget {
  readonly perDay: NanoUsd | null;
  readonly perMonth: NanoUsd | null;
}

export const noBudget: Budget = { perDay: null, perMonth: null };

export interface RateLimits {
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
}

/** Generous: hundreds of requests at once from one key meet no limit but their credit. */
export const defaultRateLimits = {
  requestsPerMinute: 10_000,
  tokensPerMinute: 20_000_000,
} as const satisfies RateLimits;

/** A key as the network keeps it: never the secret itself. */
export interface ApiKey {
  readonly id: ApiKeyId;
  readonly accountId: AccountId;
  readonly name: string;
  /** The part of the secret that may be shown again: "sk-peer-abcdefghijklmnop". */
  readonly prefix: string;
  readonly scopes: readonly Scope[];
  readonly budget: Budget;
  readonly rateLimits: RateLimits;
  readonly createdAt: Millis;
  readonly revokedAt: Millis | null;
}

/** A secret, to be shown once: a prefix of 80 random bits to find it by, then 256 random bits to prove it. */
export interface ApiKeySecret {
  readonly text: string;
  readonly prefix: string;
  readonly hash: Buffer;
}

export function newApiKeySecret(): ApiKeySecret {
  const prefix = `sk-peer-${base32(randomBytes(10))}`;
  const text = `${prefix}${base32(randomBytes(32))}`;
  return { text, prefix, hash: hashOfSecret(text) };
}

/** The prefix of something shaped like a key, or null. */
export function prefixOfSecret(text: string): string | null {
  return /^(sk-peer-[a-z2-7]{16})[a-z2-7]{52}$/.exec(text)?.[1] ?? null;
}

/** SHA-256: enough for a secret of 256 random bits, which no dictionary holds. */
export function hashOfSecret(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Takes the same time whatever the difference. */
export function isSecretOf(text: string, hash: Uint8Array): boolean {
  const candidate = hashOfSecret(text);
  return candidate.length === hash.length && timingSafeEqual(candidate, hash);
}

/** Throws `permission_denied` where the key lacks `scope`. */
export function requireScope(key: ApiKey, scope: Scope): void {
  if (key.scopes.includes(scope)) return;
  throw new PeerError(
    "permission_denied",
    `The API key "${key.name}" may not do this: it lacks the scope "${scope}".`,
    {
      hint: `Use one that has it, or create it with "peerllm account keys create --scope ${scope}".`,
    },
  );
}
