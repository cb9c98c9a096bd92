import type { Millis } from "../clock.ts";
import { addUsd, type NanoUsd, nanoUsd } from "../money.ts";
import { networkAccount } from "./account.ts";
import { hashOfRequest, type Transfer } from "./transfer.ts";

/** A movement on the network's account at PayPal, as its transaction search tells it. */
export interface PayPalTransaction {
  /** Of a capture, a sale or a refund the id its webhook names too. */
  readonly id: string;
  /** PayPal's event code: "T0006". */
  readonly code: string;
  readonly at: Millis;
  /** Signed, as PayPal writes it: minus where money leaves. */
  readonly gross: NanoUsd;
  /** Signed too: minus where PayPal keeps it. */
  readonly fee: NanoUsd;
  /** The transaction or subscription this one is about, or null. */
  readonly reference: string | null;
  /** What we gave with the call that caused it: the id of a payment, a subscription or a payout; else empty. */
  readonly subject: string;
}

/**
 * What a transaction is about. `other` is what nothing of ours causes: bank transfers, reserves, holds for a dispute that
 * is not decided yet.
 * Source: PayPal, "Transaction event codes".
 */
export type TransactionMeaning = "received" | "taken-back" | "given-back" | "payout" | "fee" | "other";

const payoutCodes = new Set(["T0001", "T0015", "T1114", "T1115"]);
const feeCodes = new Set(["T1108", "T1109"]);
const disputeHoldCodes = new Set(["T1110", "T1111"]);

export function meaningOf({ code, gross }: Pick<PayPalTransaction, "code" | "gross">): TransactionMeaning {
  if (payoutCodes.has(code)) return "payout";
  if (feeCodes.has(code) || code.startsWith("T01")) return "fee";
  if (disputeHoldCodes.has(code)) return "other";
  if (code.startsWith("T00")) return gross > 0n ? "received" : "other";
  if (code.startsWith("T11") || code.startsWith("T12")) return gross < 0n ? "taken-back" : "given-back";
  return "other";
}

/** What it changed PayPal's balance by. */
export function netOf({ gross, fee }: Pick<PayPalTransaction, "gross" | "fee">): NanoUsd {
  return addUsd(gross, fee);
}

/** The keys under which books may have it: those a webhook or an answer about it use, and those of reconciliation. */
export function bookedKeysOf(id: string): readonly string[] {
  return [`capture:${id}`, `sale:${id}`, `refund:${id}`, ...ownKeysOf(id)];
}

export function payoutKeysOf(payoutId: string): readonly string[] {
  return [`payout:${payoutId}:close`, `payout:${payoutId}:return`];
}

/** `paypal:` the transaction itself, `fee:` what PayPal's fee turned out to differ by. */
export function ownKeysOf(id: string): readonly string[] {
  return [`restored:${id}`, `paypal:${id}`, `fee:${id}`];
}

/** What was at PayPal when the network began, so that both balances can be compared as they are. */
export const openingKey = "paypal:opening";

/** Money that moved at PayPal and is PayPal's fee, or that nothing of ours explains; the second waits in suspense. */
export function adjustmentTransfer(
  idempotencyKey: string,
  amount: NanoUsd,
  against: "paypal-fees" | "paypal-suspense",
  reference: string,
): Transfer {
  return {
    kind: "paypal-adjustment",
    idempotencyKey,
    requestHash: hashOfRequest({ idempotencyKey, amount, against }),
    reference,
    legs: [
      { account: networkAccount("paypal-clearing"), amount: nanoUsd(-amount) },
      { account: networkAccount(against), amount },
    ],
  };
}

/** An entry of the books that moved money at PayPal. */
export interface ClearingEntry {
  readonly key: string;
  readonly at: Millis;
  /** What it says PayPal's balance changed by. */
  readonly net: NanoUsd;
}

/** PayPal's transactions as last read, kept so that only new ones need looking at. */
export interface PayPalTransactionStore {
  /** Adds what is new; what is known is left as it is. */
  note(transactions: readonly PayPalTransaction[]): Promise<void>;
  /** Not known to agree with the books yet, oldest first, at most `limit`. */
  unmatched(limit: number): Promise<readonly PayPalTransaction[]>;
  /** Those agree with the books, and will. */
  matched(ids: readonly string[]): Promise<void>;
  find(id: string): Promise<PayPalTransaction | null>;
  /** All about one payout. */
  ofSubject(subject: string): Promise<readonly PayPalTransaction[]>;
  /** What the transfers under these keys, where there are any, say PayPal's balance changed by; null for none at all. */
  booked(keys: readonly string[]): Promise<NanoUsd | null>;
  /** Whether the transfer under a key was asked for with this hash. */
  isRequest(key: string, requestHash: string): Promise<boolean>;
  /** Entries of the books that no transaction of PayPal's stands behind, oldest first. */
  unlisted(): Promise<readonly ClearingEntry[]>;
  /** When the network first asked anything of PayPal, or null. */
  firstDealing(): Promise<Millis | null>;
}
