import { createHash } from "node:crypto";
import { canonicalJson } from "../canonical-json.ts";
import { PeerError } from "../errors.ts";
import { idOfDigest, type TransferId } from "../ids.ts";
import { type NanoUsd, nanoUsd } from "../money.ts";
import { type LedgerAccount, ledgerAccountName } from "./account.ts";

export type TransferKind =
  | "hold"
  | "settle"
  | "release"
  | "credit"
  | "credit-reversal"
  | "payout-reserve"
  | "payout-post"
  | "payout-void"
  | "set-off"
  | "subscription"
  | "sale"
  | "paypal-adjustment"
  | "correction";

/** One side of a transfer: a credit is positive, a debit negative. */
export interface Leg {
  readonly account: LedgerAccount;
  readonly amount: NanoUsd;
}

/** Money that moves at one instant, all of it or none. Never changed once written: a correction is a reversal. */
export interface Transfer {
  readonly kind: TransferKind;
  /** Names the fact this records ("settle:hold_…", "capture:…"), so that recording it again is harmless. */
  readonly idempotencyKey: string;
  /** Of everything asked for under the key; the same key with another hash is a conflict. */
  readonly requestHash: string;
  /** What it is about, for people: a receipt id, a PayPal id. Never a name, an e-mail address or a prompt. */
  readonly reference: string | null;
  readonly legs: readonly Leg[];
}

/** The id a key stands for: the same key, the same transfer. */
export function transferIdOf(idempotencyKey: string): TransferId {
  return idOfDigest("transfer", createHash("sha256").update(idempotencyKey).digest());
}

/** SHA-256, in hexadecimal, of a value's canonical JSON. */
export function hashOfRequest(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}

/** Legs on one account become one leg, and legs of nothing disappear; the order of first mention is kept. */
export function netLegs(legs: readonly Leg[]): Leg[] {
  const netted = new Map<string, Leg>();
  for (const leg of legs) {
    const name = ledgerAccountName(leg.account);
    const amount = nanoUsd((netted.get(name)?.amount ?? 0n) + leg.amount);
    netted.set(name, { account: leg.account, amount });
  }
  return [...netted.values()].filter((leg) => leg.amount !== 0n);
}

/** Throws where the legs do not sum to zero: money would be made or lost. */
export function assertBalanced(transfer: Pick<Transfer, "kind" | "legs" | "idempotencyKey">): void {
  const sum = transfer.legs.reduce((total, leg) => total + leg.amount, 0n);
  if (sum === 0n) return;
  throw new PeerError(
    "unexpected",
    `The ${transfer.kind} transfer "${transfer.idempotencyKey}" is off balance by ${sum} nano-dollars; nothing was written.`,
  );
}
