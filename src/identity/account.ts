import type { Millis } from "../clock.ts";
import type { AccountId, ApiKeyId } from "../ids.ts";
import type { ApiKey, Budget, RateLimits, Scope } from "./api-key.ts";

/** Someone who consumes, hosts or produces; one account may do all three. */
export interface Account {
  readonly id: AccountId;
  readonly name: string;
  /** Where its operator can reach whose it is; null where none was given. */
  readonly email: string | null;
  readonly createdAt: Millis;
  /** When the operator said this account is who it says it is, or null. */
  readonly vouchedAt: Millis | null;
  /**
   * Stands for the PayPal accounts that paid for its hosts or took its earnings, as PayPal named them; null before the
   * first. Accounts that share such a PayPal account, be it by way of a third, have the same one: one owner.
   */
  readonly paymentIdentity: string | null;
}

/**
 * What a payment proved: a PayPal account `paid` for it, its holder having agreed at PayPal; or it `was-paid` there, as
 * the account itself asked, which makes no other account its owner's.
 */
export type PaymentProof = "paid" | "was-paid";

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
  create(account: { readonly name: string; readonly email?: string | null }): Promise<Account>;
  find(id: AccountId): Promise<Account | null>;
  /** Those whose id, name or e-mail address has `words` in it, in any case; the newest first, at most `max`. */
  search(words: string, max: number): Promise<readonly Account[]>;
  /** How many there are. */
  count(): Promise<number>;
  /** The operator's word that the account is a known owner, or its withdrawal. */
  vouch(id: AccountId, isVouched: boolean): Promise<Account>;
  /**
   * Records what a payment proved about who owns the account: `digest` is of a payer's id, keyed, never of an address.
   * Accounts paid for by one payer are one owner, and so are all that are one with either. What `was-paid` counts only
   * until the account has an identity, and joins nobody else: anyone can have money sent to a stranger. True where
   * owners changed.
   */
  setPaymentIdentity(id: AccountId, digest: string, proof: PaymentProof): Promise<boolean>;
  /** The secret is in this answer and nowhere else. Throws `insufficient_quota` beyond 100 that are not revoked. */
  createKey(id: AccountId, key: NewApiKey): Promise<{ readonly key: ApiKey; readonly secret: string }>;
  keys(id: AccountId): Promise<readonly ApiKey[]>;
  /** Effective for the next request. Revoking twice is revoking once. */
  revokeKey(id: AccountId, keyId: ApiKeyId): Promise<ApiKey>;
  /** Throws `authentication_failed` for a secret that is unknown, malformed or revoked, without saying which. */
  authenticate(secret: string): Promise<{ readonly account: Account; readonly key: ApiKey }>;
}
