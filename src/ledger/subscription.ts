import { dayMs, type Millis } from "../clock.ts";
import type { AccountId, HostId, SubscriptionId } from "../ids.ts";
import type { NanoUsd } from "../money.ts";
import type { ModelPurpose, PaymentPurpose, Receipt } from "./payment.ts";
import { graceUntil } from "./price-book.ts";
import type { PriceSheet } from "./pricing.ts";

/** PayPal's own words, and `CREATED` before PayPal has it. */
export type SubscriptionStatus =
  | "CREATED"
  | "APPROVAL_PENDING"
  | "APPROVED"
  | "ACTIVE"
  | "SUSPENDED"
  | "CANCELLED"
  | "EXPIRED";

/** A monthly payment: for a host's right to serve, for a consumer's credit, or for a model. */
export interface Subscription {
  readonly id: SubscriptionId;
  readonly accountId: AccountId;
  readonly purpose: PaymentPurpose;
  readonly monthly: NanoUsd;
  readonly status: SubscriptionStatus;
  /** Where each month's price comes from. */
  readonly funding: "paypal" | "credit";
  readonly paypalId: string | null;
  readonly approvalUrl: string | null;
  /** The end of the last month that was paid for; it stays when the subscription is cancelled. */
  readonly paidThrough: Millis | null;
  /** What PayPal failed to collect; a failed payment leaves the status ACTIVE. */
  readonly outstanding: NanoUsd;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
}

/** `paid`, `grace` (a payment is late), or `unpaid`: no paid work until it is. `sheets` are the network's. */
export function standingOf(
  subscription: Subscription | null,
  sheets: readonly PriceSheet[],
  now: Millis,
): "paid" | "grace" | "unpaid" {
  if (subscription === null || subscription.paidThrough === null) return "unpaid";
  if (now < subscription.paidThrough) return "paid";
  return now < (servesUntil(subscription, sheets) ?? 0) ? "grace" : "unpaid";
}

/** The end of what is paid, and of the grace of one that is to go on. Null before the first payment. */
export function servesUntil(subscription: Subscription, sheets: readonly PriceSheet[]): Millis | null {
  const { paidThrough, status } = subscription;
  return paidThrough === null || isFinal(status) ? paidThrough : graceUntil(sheets, paidThrough);
}

/** A month after `paidAt`, or the last day of that month. */
export function monthAfter(paidAt: Millis): Millis {
  const date = new Date(paidAt);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 2, 0)).getUTCDate();
  const day = Math.min(date.getUTCDate(), lastDay);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, day) + (paidAt % dayMs);
}

/** A month before `time`, or the last day of that month: what is left when the last month paid for is taken back. */
export function monthBefore(time: Millis): Millis {
  const date = new Date(time);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 0)).getUTCDate();
  const day = Math.min(date.getUTCDate(), lastDay);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - 1, day) + (time % dayMs);
}

/** Whether PayPal may still change it. */
export function isFinal(status: SubscriptionStatus): boolean {
  return status === "CANCELLED" || status === "EXPIRED";
}

/** Subscriptions. Each method moves money and record in one transaction, and may be repeated. */
export interface SubscriptionStore {
  /**
   * The subscription there is, for a model that the account subscribes to already, a host that is subscribed for, or
   * credit of the same amount: who asks again because no answer came does not pay twice. One that PayPal suspended is
   * no bar to a new one, but for a model.
   */
  create(subscription: Pick<Subscription, "id" | "accountId" | "purpose" | "monthly">): Promise<Subscription>;
  /**
   * Subscribes to a model and pays its first month with the account's credit; for one it subscribes to already, the
   * subscription there is, and one that was cancelled goes on when its paid month ends. Throws `insufficient_quota` or `payment_required`.
   */
  subscribeWithCredit(subscription: {
    readonly id: SubscriptionId;
    readonly accountId: AccountId;
    readonly purpose: ModelPurpose;
    readonly monthly: NanoUsd;
  }): Promise<Subscription>;
  /** Those paid with credit whose month is over, at most `limit`. */
  due(limit: number): Promise<readonly Subscription[]>;
  /** Takes the next month of a due one from credit, once; where credit is short it expires. */
  renew(id: SubscriptionId): Promise<Subscription>;
  subscribed(
    id: SubscriptionId,
    paypal: { readonly paypalId: string; readonly approvalUrl: string | null },
  ): Promise<Subscription>;
  /** What PayPal says it is now. */
  note(id: SubscriptionId, status: SubscriptionStatus, outstanding: NanoUsd): Promise<Subscription>;
  /** A month was paid at `paidAt`: once per sale. */
  paid(id: SubscriptionId, receipt: Receipt, paidAt: Millis): Promise<Subscription>;
  /** Takes back what PayPal gave back: once per refund. One of a whole month takes a month from what is paid for. */
  refund(id: SubscriptionId, receipt: Receipt): Promise<Subscription>;
  find(id: SubscriptionId): Promise<Subscription | null>;
  findByPaypal(paypalId: string): Promise<Subscription | null>;
  /** The one that counts for a host: the longest paid, else the newest. */
  ofHost(hostId: HostId): Promise<Subscription | null>;
  /** The one that counts for an account's use of a model: the longest paid, else the newest. */
  ofModel(accountId: AccountId, model: string): Promise<Subscription | null>;
  /** Newest first. */
  list(accountId: AccountId): Promise<readonly Subscription[]>;
  /** Not final at PayPal, those longest unasked after, at most `limit`; they count as asked after from now on. */
  open(limit: number): Promise<readonly Subscription[]>;
}
