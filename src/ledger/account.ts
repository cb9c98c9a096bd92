import type { AccountId } from "../ids.ts";
import type { NanoUsd } from "../money.ts";

/**
 * The books' accounts. Amounts are signed: a credit is positive, a debit negative. What the network owes or has earned
 * is credit-normal; what it has, has spent or is owed is debit-normal. Seen from its normal side no account is ever
 * below zero, but for the balance at PayPal, which a reversal overdraws when it was paid out before, and what is in
 * suspense there, which goes either way.
 */
const sides = {
  /** What a consumer may still spend. */
  "consumer-credit": "credit",
  /** Set aside for requests under way. */
  holds: "credit",
  /** Earned by an account's hosts, not yet paid out. */
  "host-payable": "credit",
  /** Reserved for a payout that was sent and not yet confirmed. */
  "host-pending-payout": "credit",
  /** Royalties and sales of a producer, not yet paid out. */
  "producer-payable": "credit",
  "producer-pending-payout": "credit",
  "network-revenue": "credit",
  /** Nanos too small to belong to anyone: what is left when both shares of a price are rounded down. */
  rounding: "credit",
  /** The network's balance at PayPal. */
  "paypal-clearing": "debit",
  "paypal-fees": "debit",
  /** What moved at PayPal and nothing of the network's explains: bank transfers, reserves, a dispute's hold. */
  "paypal-suspense": "debit",
  /** Credit given away: an operator's grants and redeem codes. */
  promotions: "debit",
  /** What an account owes because a payment it had already spent was reversed. */
  receivable: "debit",
} as const satisfies Record<string, "credit" | "debit">;

export type LedgerAccountKind = keyof typeof sides;

/** An account of the books. `owner` is null for the network's own accounts. */
export interface LedgerAccount {
  readonly kind: LedgerAccountKind;
  readonly owner: AccountId | null;
}

export function ownedAccount(kind: LedgerAccountKind, owner: AccountId): LedgerAccount {
  return { kind, owner };
}

export function networkAccount(kind: LedgerAccountKind): LedgerAccount {
  return { kind, owner: null };
}

/** "holds:account_…", "network-revenue": one name per account, for keys and for people. */
export function ledgerAccountName(account: LedgerAccount): string {
  return account.owner === null ? account.kind : `${account.kind}:${account.owner}`;
}

/** The signed sum of an account's entries, seen from its normal side. */
export function normalBalance(kind: LedgerAccountKind, signedSum: NanoUsd): bigint {
  return sides[kind] === "credit" ? signedSum : -signedSum;
}

export function mayOverdraw(kind: LedgerAccountKind): boolean {
  return kind === "paypal-clearing" || kind === "paypal-suspense";
}
