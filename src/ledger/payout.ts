import type { Millis } from "../clock.ts";
import type { AccountId, PayoutId, TransferId } from "../ids.ts";
import { addUsd, minUsd, type NanoUsd, nanosPerCent, nanoUsd, parseUsd, subtractUsd } from "../money.ts";
import { networkAccount, ownedAccount } from "./account.ts";
import { hashOfRequest, type Leg, netLegs, type Transfer, type TransferKind } from "./transfer.ts";

/** Where an account is paid: the one address the network has to keep. */
export interface PayoutSettings {
  readonly receiver: string;
  readonly receiverType: "EMAIL" | "PAYPAL_ID";
  /** Paid out once this much is payable. */
  readonly threshold: NanoUsd;
}

export const defaultPayoutThreshold = parseUsd("25");
/** Below this, fees eat a payout. */
export const payoutThresholdMin = parseUsd("1");

/**
 * `reserved`: set aside, not known to have been sent; `sent`: PayPal has it; `paid` and `returned` are final, but for a
 * payment taken back later, which makes `paid` `returned`.
 */
export type PayoutState = "reserved" | "sent" | "paid" | "returned";

export interface Payout {
  readonly id: PayoutId;
  readonly accountId: AccountId;
  /** Whole cents: host + producer. */
  readonly amount: NanoUsd;
  readonly hostPart: NanoUsd;
  readonly producerPart: NanoUsd;
  /** Fixed when it was reserved, so that a change of settings never redirects what is under way. */
  readonly receiver: string;
  readonly receiverType: PayoutSettings["receiverType"];
  /** The same in every attempt to send it: PayPal de-duplicates by it. */
  readonly batchId: string;
  readonly state: PayoutState;
  /** PayPal's ids and last word, null until known. */
  readonly paypalBatchId: string | null;
  readonly paypalItemId: string | null;
  readonly paypalStatus: string | null;
  readonly fee: NanoUsd | null;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
}

/** The whole cents of what is payable; what is less than a cent stays and counts next time. */
export function payoutParts(
  hostPayable: NanoUsd,
  producerPayable: NanoUsd,
): Pick<Payout, "amount" | "hostPart" | "producerPart"> {
  const total = addUsd(hostPayable, producerPayable);
  const amount = nanoUsd(total - (total % nanosPerCent));
  const hostPart = minUsd(hostPayable, amount);
  return { amount, hostPart, producerPart: subtractUsd(amount, hostPart) };
}

/** What a PayPal item's status means for the money. UNCLAIMED and ONHOLD may still go either way. */
export function payoutOutcome(itemStatus: string): "pending" | "paid" | "returned" {
  switch (itemStatus) {
    case "SUCCESS":
      return "paid";
    case "FAILED":
    case "RETURNED":
    case "BLOCKED":
    case "REFUNDED":
    case "REVERSED":
    case "CANCELED":
    case "CANCELLED":
    case "DENIED":
      return "returned";
    default:
      return "pending";
  }
}

/** What an account has earned and not been paid, and what it owes. */
export interface Dues {
  readonly hostPayable: NanoUsd;
  readonly producerPayable: NanoUsd;
  readonly owed: NanoUsd;
}

/** Earnings that paid what their account owed. */
export interface SetOff {
  readonly transferId: TransferId;
  readonly amount: NanoUsd;
  readonly at: Millis;
}

/**
 * What an account has earned pays what it owes, before any of it is paid out. `debt` is the transfer that last moved what
 * is owed, and names the set-off, which moves it too: what stands is set off once. Null where there is nothing to.
 */
export function setOffTransfer(accountId: AccountId, dues: Dues, debt: TransferId): Transfer | null {
  const hostPart = minUsd(dues.hostPayable, dues.owed);
  const producerPart = minUsd(dues.producerPayable, subtractUsd(dues.owed, hostPart));
  const amount = addUsd(hostPart, producerPart);
  if (amount === 0n) return null;
  return keyedTransfer("set-off", `set-off:${accountId}:${debt}`, debt, [
    { account: ownedAccount("host-payable", accountId), amount: nanoUsd(-hostPart) },
    { account: ownedAccount("producer-payable", accountId), amount: nanoUsd(-producerPart) },
    { account: ownedAccount("receivable", accountId), amount },
  ]);
}

export function reserveTransfer(payout: Payout): Transfer {
  return payoutTransfer(payout, "payout-reserve", `payout:${payout.id}:reserve`, [
    { account: ownedAccount("host-payable", payout.accountId), amount: nanoUsd(-payout.hostPart) },
    { account: ownedAccount("producer-payable", payout.accountId), amount: nanoUsd(-payout.producerPart) },
    { account: ownedAccount("host-pending-payout", payout.accountId), amount: payout.hostPart },
    { account: ownedAccount("producer-pending-payout", payout.accountId), amount: payout.producerPart },
  ]);
}

/** Posting and voiding share one key: whichever is written first, the other is a conflict. */
export function postTransfer(payout: Payout, fee: NanoUsd): Transfer {
  return payoutTransfer(payout, "payout-post", `payout:${payout.id}:close`, [
    { account: ownedAccount("host-pending-payout", payout.accountId), amount: nanoUsd(-payout.hostPart) },
    { account: ownedAccount("producer-pending-payout", payout.accountId), amount: nanoUsd(-payout.producerPart) },
    { account: networkAccount("paypal-clearing"), amount: addUsd(payout.amount, fee) },
    { account: networkAccount("paypal-fees"), amount: nanoUsd(-fee) },
  ]);
}

/** Nothing was paid: the amount is payable again. A fee that PayPal kept is the network's. */
export function voidTransfer(payout: Payout, fee: NanoUsd): Transfer {
  return payoutTransfer(payout, "payout-void", `payout:${payout.id}:close`, [
    { account: ownedAccount("host-pending-payout", payout.accountId), amount: nanoUsd(-payout.hostPart) },
    { account: ownedAccount("producer-pending-payout", payout.accountId), amount: nanoUsd(-payout.producerPart) },
    { account: ownedAccount("host-payable", payout.accountId), amount: payout.hostPart },
    { account: ownedAccount("producer-payable", payout.accountId), amount: payout.producerPart },
    { account: networkAccount("paypal-clearing"), amount: fee },
    { account: networkAccount("paypal-fees"), amount: nanoUsd(-fee) },
  ]);
}

/** A payment that had arrived came back. */
export function returnTransfer(payout: Payout): Transfer {
  return payoutTransfer(payout, "payout-void", `payout:${payout.id}:return`, [
    { account: networkAccount("paypal-clearing"), amount: nanoUsd(-payout.amount) },
    { account: ownedAccount("host-payable", payout.accountId), amount: payout.hostPart },
    { account: ownedAccount("producer-payable", payout.accountId), amount: payout.producerPart },
  ]);
}

function payoutTransfer(payout: Payout, kind: TransferKind, idempotencyKey: string, legs: readonly Leg[]): Transfer {
  return keyedTransfer(kind, idempotencyKey, payout.id, legs);
}

function keyedTransfer(kind: TransferKind, idempotencyKey: string, reference: string, legs: readonly Leg[]): Transfer {
  const moved = netLegs(legs);
  const hashed = moved.map((leg) => [leg.account.kind, leg.account.owner, leg.amount]);
  return { kind, idempotencyKey, requestHash: hashOfRequest({ kind, hashed }), reference, legs: moved };
}

/** Payouts: each method moves the money and the record in one transaction, and may be repeated. */
export interface PayoutStore {
  settings(accountId: AccountId): Promise<PayoutSettings | null>;
  setSettings(accountId: AccountId, settings: PayoutSettings): Promise<PayoutSettings>;
  /** Accounts with settings and at least their threshold payable. */
  due(): Promise<readonly AccountId[]>;
  /** Has the earnings of every account that owes pay it. Tells what was set off in all. */
  setOffAll(): Promise<NanoUsd>;
  /** Newest first, at most `limit`. */
  setOffs(accountId: AccountId, limit: number): Promise<readonly SetOff[]>;
  /**
   * Sets earnings off against what the account owes, and sets aside all that is payable then, in whole cents. Throws
   * `not_found` without settings, `conflict` where less than `least` is payable; the first of both is done all the same.
   */
  reserve(accountId: AccountId, least: NanoUsd): Promise<Payout>;
  /** PayPal took it. */
  sent(
    id: PayoutId,
    paypal: { readonly batchId: string; readonly itemId: string | null; readonly status: string },
  ): Promise<Payout>;
  /** Pays or returns it for good, as `itemStatus` says; pending statuses are only noted. */
  close(id: PayoutId, itemStatus: string, fee: NanoUsd): Promise<Payout>;
  find(id: PayoutId): Promise<Payout | null>;
  /** Not final yet, those longest unasked after, at most `limit`; they count as asked after from now on. */
  open(limit: number): Promise<readonly Payout[]>;
  /** Newest first, at most `limit`. */
  list(accountId: AccountId, limit: number): Promise<readonly Payout[]>;
  /** All that was ever paid to the account. */
  paid(accountId: AccountId): Promise<NanoUsd>;
}
