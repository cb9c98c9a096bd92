import type { Millis } from "../clock.ts";
import type { AccountId, HostId, PaymentId } from "../ids.ts";
import { addUsd, minUsd, mulDiv, type NanoUsd, nanoUsd, subtractUsd } from "../money.ts";
import { type LedgerAccount, networkAccount, ownedAccount } from "./account.ts";
import { creditLegs, debitLegs } from "./settlement.ts";
import { hashOfRequest, type Leg, netLegs, type Transfer } from "./transfer.ts";

/** What a payment through PayPal buys. */
export type PaymentPurpose =
  | { readonly kind: "credit" }
  /** A model's weights; the producer bears PayPal's fee, the network keeps its share of the price. */
  | { readonly kind: "model"; readonly model: string; readonly producerId: AccountId }
  /** The right of a host to serve paid work. */
  | { readonly kind: "host"; readonly hostId: HostId };

/** `open`: waits for approval or for PayPal; `completed` is money received; `failed` is final too. */
export type PaymentState = "open" | "completed" | "failed";

/** One order at PayPal. */
export interface Payment {
  readonly id: PaymentId;
  readonly accountId: AccountId;
  readonly purpose: PaymentPurpose;
  readonly amount: NanoUsd;
  readonly state: PaymentState;
  readonly orderId: string | null;
  readonly approvalUrl: string | null;
  readonly captureId: string | null;
  /** Taken back so far, by refund or reversal. */
  readonly refunded: NanoUsd;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
}

/** Money that PayPal says it received or gave back. */
export interface Receipt {
  /** The fact's business key: "capture:…", "sale:…", "refund:…". A webhook and an answer about one fact share it. */
  readonly key: string;
  readonly amount: NanoUsd;
  /** PayPal's own; zero or less for what is given back. */
  readonly fee: NanoUsd;
}

/** What may be taken back: a consumer's free credit, or what is payable to a producer. */
export interface Standing {
  readonly available: NanoUsd;
}

const networkShareOfSales = { numerator: 5n, denominator: 100n } as const;

/** The transfer that a received payment makes. */
export function receivedTransfer(
  accountId: AccountId,
  purpose: PaymentPurpose,
  receipt: Receipt,
  owed: NanoUsd,
): Transfer {
  const { amount, fee } = receipt;
  const clearing = { account: networkAccount("paypal-clearing"), amount: subtractUsd(fee, amount) };
  const fees = { account: networkAccount("paypal-fees"), amount: nanoUsd(-fee) };
  switch (purpose.kind) {
    case "credit":
      return received("credit", receipt, [...creditLegs(accountId, amount, owed), clearing, fees]);
    case "host":
      return received("subscription", receipt, [
        { account: networkAccount("network-revenue"), amount },
        clearing,
        fees,
      ]);
    case "model": {
      const share = networkPart(amount);
      const producer = {
        account: ownedAccount("producer-payable", purpose.producerId),
        amount: subtractUsd(amount, addUsd(fee, share)),
      };
      return received("sale", receipt, [
        producer,
        { account: networkAccount("network-revenue"), amount: share },
        clearing,
      ]);
    }
    default:
      return purpose satisfies never;
  }
}

/**
 * The transfer that a refund or reversal makes. What was spent, or paid out to a producer, becomes a receivable, so that
 * no balance falls below zero.
 */
export function refundedTransfer(
  accountId: AccountId,
  purpose: PaymentPurpose,
  receipt: Receipt,
  standing: Standing,
): Transfer {
  const { amount, fee } = receipt;
  const clearing = { account: networkAccount("paypal-clearing"), amount: addUsd(amount, fee) };
  const fees = { account: networkAccount("paypal-fees"), amount: nanoUsd(-fee) };
  switch (purpose.kind) {
    case "credit":
      return received("credit-reversal", receipt, [
        ...debitLegs(accountId, amount, standing.available),
        clearing,
        fees,
      ]);
    case "host":
      return received("credit-reversal", receipt, [
        { account: networkAccount("network-revenue"), amount: nanoUsd(-amount) },
        clearing,
        fees,
      ]);
    case "model": {
      const share = networkPart(amount);
      const taken = minUsd(subtractUsd(amount, share), standing.available);
      return received("credit-reversal", receipt, [
        { account: ownedAccount("producer-payable", purpose.producerId), amount: nanoUsd(-taken) },
        { account: ownedAccount("receivable", purpose.producerId), amount: nanoUsd(taken + share - amount) },
        { account: networkAccount("network-revenue"), amount: nanoUsd(-share) },
        clearing,
        fees,
      ]);
    }
    default:
      return purpose satisfies never;
  }
}

function networkPart(amount: NanoUsd): NanoUsd {
  return mulDiv(amount, networkShareOfSales.numerator, networkShareOfSales.denominator, "floor");
}

function received(kind: Transfer["kind"], receipt: Receipt, legs: readonly Leg[]): Transfer {
  const requestHash = hashOfRequest({ amount: receipt.amount, key: receipt.key });
  return { kind, idempotencyKey: receipt.key, requestHash, reference: receipt.key, legs: netLegs(legs) };
}

/** The account whose standing says how much a refund can take back. */
export function refundedAccount(accountId: AccountId, purpose: PaymentPurpose): LedgerAccount {
  return purpose.kind === "model"
    ? ownedAccount("producer-payable", purpose.producerId)
    : ownedAccount("consumer-credit", accountId);
}

/** Payments by order. Each method moves money and record in one transaction, and may be repeated. */
export interface PaymentStore {
  /** Persists the intent before PayPal is told: its id is the key of every attempt. */
  create(payment: Pick<Payment, "id" | "accountId" | "purpose" | "amount">): Promise<Payment>;
  ordered(id: PaymentId, order: { readonly orderId: string; readonly approvalUrl: string | null }): Promise<Payment>;
  /** Credits once, whoever says so first. */
  complete(id: PaymentId, captureId: string, receipt: Receipt): Promise<Payment>;
  fail(id: PaymentId): Promise<Payment>;
  /** Takes back what PayPal gave back: once per refund. */
  refund(id: PaymentId, receipt: Receipt): Promise<Payment>;
  find(id: PaymentId): Promise<Payment | null>;
  findByOrder(orderId: string): Promise<Payment | null>;
  findByCapture(captureId: string): Promise<Payment | null>;
  /** Not final yet, oldest first, at most `limit`. */
  open(limit: number): Promise<readonly Payment[]>;
}
