import type { Millis } from "../clock.ts";
import { PeerError } from "../errors.ts";
import type { AccountId, HostId, PaymentId } from "../ids.ts";
import { addUsd, formatUsd, minUsd, type NanoUsd, nanoUsd, subtractUsd, zeroUsd } from "../money.ts";
import { type LedgerAccount, networkAccount, ownedAccount } from "./account.ts";
import { type Sale, salePartsOf } from "./sale.ts";
import { creditLegs, debitLegs } from "./settlement.ts";
import { hashOfRequest, type Leg, netLegs, type Transfer } from "./transfer.ts";

/** One version of a model, sold by its producer. */
export interface ModelPurpose {
  readonly kind: "model";
  /** `owner/name:version`. */
  readonly model: string;
  readonly producerId: AccountId;
}

/** What a payment buys. */
export type PaymentPurpose =
  | { readonly kind: "credit" }
  /** A model's weights; the producer bears PayPal's fee, the network keeps its share of the price. */
  | ModelPurpose
  /** The right of a host to serve paid work. */
  | { readonly kind: "host"; readonly hostId: HostId };

/** `open`: waits for approval or for PayPal; `completed` is money received; `failed` is final too. */
export type PaymentState = "open" | "completed" | "failed";

/** One order at PayPal, or one purchase paid with credit, which has no order. */
export interface Payment {
  readonly id: PaymentId;
  readonly accountId: AccountId;
  readonly purpose: PaymentPurpose;
  readonly amount: NanoUsd;
  readonly state: PaymentState;
  readonly orderId: string | null;
  readonly approvalUrl: string | null;
  readonly captureId: string | null;
  /**
   * Taken back so far, by refund or reversal, less what came back of it. PayPal's news of either may be late, so until it
   * is all here this may be beyond the amount, or below zero.
   */
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

/** The transfer that a received payment makes. `owed` is what the account that gets the money owes: it is paid first. */
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
      const { network, producer } = salePartsOf(amount, fee);
      // What the price does not cover of PayPal's fee is the network's to bear.
      const uncovered = nanoUsd(amount - fee - network - producer);
      return received("sale", receipt, [
        ...producerLegs(purpose.producerId, producer, owed),
        { account: networkAccount("network-revenue"), amount: network },
        { account: networkAccount("paypal-fees"), amount: uncovered },
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
      const { network: share } = salePartsOf(amount, zeroUsd);
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

/** The one transfer of a model paid with credit: from the buyer to its producer and the network. */
export function creditSaleTransfer(
  accountId: AccountId,
  purpose: ModelPurpose,
  sale: { readonly key: string; readonly amount: NanoUsd },
  owed: NanoUsd,
): Transfer {
  const { network, producer } = salePartsOf(sale.amount, zeroUsd);
  return received("sale", sale, [
    { account: ownedAccount("consumer-credit", accountId), amount: nanoUsd(-sale.amount) },
    ...producerLegs(purpose.producerId, producer, owed),
    { account: networkAccount("network-revenue"), amount: network },
  ]);
}

/** Throws `payment_required` for an account that owes, `insufficient_quota` where its credit is short of `price`. */
export function requireCredit(price: NanoUsd, { available, owed }: { available: NanoUsd; owed: NanoUsd }): void {
  const hint = 'Add credit with "peerllm billing redeem" or "peerllm billing topup"; an operator grants it too.';
  if (owed > 0n) {
    throw new PeerError("payment_required", `This account owes $${formatUsd(owed)}; that has to be paid first.`, {
      hint,
    });
  }
  if (price <= available) return;
  throw new PeerError(
    "insufficient_quota",
    `This costs $${formatUsd(price)}, but $${formatUsd(available)} of credit is free.`,
    { hint },
  );
}

/** How the producer sees a payment for a model, or one taken back. Null for what is no sale. */
export function saleOf(
  purpose: PaymentPurpose,
  { key, amount, fee }: Receipt,
  kind: Sale["kind"],
  at: Millis,
): Sale | null {
  if (purpose.kind !== "model") return null;
  const { model, producerId } = purpose;
  const parts = salePartsOf(amount, fee);
  if (kind !== "refund") return { key, model, producerId, kind, at, ...parts };
  const back = { amount: nanoUsd(-amount), fee: nanoUsd(-fee), network: nanoUsd(-parts.network) };
  return { key, model, producerId, kind, at, ...back, producer: subtractUsd(parts.network, amount) };
}

/** The account a payment's money goes to. */
export function payeeOf(accountId: AccountId, purpose: PaymentPurpose): AccountId {
  return purpose.kind === "model" ? purpose.producerId : accountId;
}

/** What a producer owes since a sale was taken back is paid first. */
function producerLegs(producerId: AccountId, amount: NanoUsd, owed: NanoUsd): Leg[] {
  const repaid = minUsd(amount, owed);
  return [
    { account: ownedAccount("receivable", producerId), amount: repaid },
    { account: ownedAccount("producer-payable", producerId), amount: subtractUsd(amount, repaid) },
  ];
}

function received(kind: Transfer["kind"], receipt: Pick<Receipt, "key" | "amount">, legs: readonly Leg[]): Transfer {
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
  /**
   * Persists the intent before PayPal is told: its id is the key of every attempt. For a model that the account is
   * buying, or has bought, the payment there is.
   */
  create(payment: Pick<Payment, "id" | "accountId" | "purpose" | "amount">): Promise<Payment>;
  ordered(id: PaymentId, order: { readonly orderId: string; readonly approvalUrl: string | null }): Promise<Payment>;
  /**
   * Buys a model with the account's credit, once: a second time is the first one's answer. Throws `insufficient_quota`
   * or `payment_required`.
   */
  buy(payment: {
    readonly id: PaymentId;
    readonly accountId: AccountId;
    readonly purpose: ModelPurpose;
    readonly amount: NanoUsd;
  }): Promise<Payment>;
  /** The payment by which the account has the model: completed, and not wholly taken back. */
  ofModel(accountId: AccountId, model: string): Promise<Payment | null>;
  /** Credits once, whoever says so first. */
  complete(id: PaymentId, captureId: string, receipt: Receipt): Promise<Payment>;
  fail(id: PaymentId): Promise<Payment>;
  /** Takes back what PayPal gave back: once per refund. */
  refund(id: PaymentId, receipt: Receipt): Promise<Payment>;
  /** Receives again what was taken back, where a dispute was won: once per fact. */
  restore(id: PaymentId, receipt: Receipt): Promise<Payment>;
  find(id: PaymentId): Promise<Payment | null>;
  findByOrder(orderId: string): Promise<Payment | null>;
  findByCapture(captureId: string): Promise<Payment | null>;
  /** Not final yet, those longest unasked after, at most `limit`; they count as asked after from now on. */
  open(limit: number): Promise<readonly Payment[]>;
}
