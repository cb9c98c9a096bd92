import type { Millis } from "../clock.ts";
import type { AccountId, ApiKeyId } from "../ids.ts";
import type { ApiKey, Budget, RateLimits, Scope } from "./api-key.ts";

/** Someone who consumes, hosts or produces; one account may do all three. */
export interface Account {
  readonly id: AccountId;
  readonly name: string;
  readonly createdAt: Millis;
  /** When the operator said this account is who it says it is, or null. */
  readonly vouchedAt: Millis | null;
  /** A digest of the payment identity that PayPal verified, or null. Accounts with the same one are the same owner. */
  readonly paymentIdentity: string | null;
}

/** Who an account belongs to, as far as the network can tell. */
export type Owner = string;

/** Accounts nobody vouches for could all be one person, so together they count as one owner. */
export const unknownOwner: Owner = "unverified";

export function ownerOf(account: Account): Owner {
  if (account.paymentIdentity !== null) return `payment:${account.paymentIdentity}`;
  return account.vouchedAt === null ? unknownOwner : account.id;
}

export interface NewApiKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly budget?: Budget;
  readonly rateLimits?: RateLimits;
}

/** Accounts and their API keys. Methods throw `not_found` for an account or key that is not there. */
export interface AccountStore {
  create(account: { readonly name: string }): Promise<Account>;
  find(id: AccountId): Promise<Account | null>;
  list(): Promise<readonly Account[]>;
  /** The operator's word that the account is a known owner, or its withdrawal. */
  vouch(id: AccountId, isVouched: boolean): Promise<Account>;
  /** Records what a payment proved about who owns the account: a digest, never an address. */
  setPaymentIdentity(id: AccountId, digest: string): Promise<Account>;
  /** The secret is in this answer and nowhere else. */
  createKey(id: AccountId, key: NewApiKey): Promise<{ readonly key: ApiKey; readonly secret: string }>;
  keys(id: AccountId): Promise<readonly ApiKey[]>;
  /** Effective for the next request. Revoking twice is revoking once. */
  revokeKey(id: AccountId, keyId: ApiKeyId): Promise<ApiKey>;
  /** Throws `authentication_failed` for a secret that is unknown, malformed or revoked, without saying which. */
  authenticate(secret: string): Promise<{ readonly account: Account; readonly key: ApiKey }>;
}
