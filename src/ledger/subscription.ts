import type { Millis } from "../clock.ts";
import type { AccountId, HostId, SubscriptionId } from "../ids.ts";
import type { NanoUsd } from "../money.ts";
import type { PaymentPurpose, Receipt } from "./payment.ts";

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
  readonly paypalId: string | null;
  readonly approvalUrl: string | null;
  /** The end of the last month that was paid for; it stays when the subscription is cancelled. */
  readonly paidThrough: Millis | null;
  /** What PayPal failed to collect; a failed payment leaves the status ACTIVE. */
  readonly outstanding: NanoUsd;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
}

/** After a failed payment a host serves on for this long. */
export const graceMs = 3 * 86_400_000;

/** `paid`, `grace` (a payment is late), or `unpaid`: no paid work until it is. */
export function standingOf(subscription: Subscription | null, now: Millis): "paid" | "grace" | "unpaid" {
  const paidThrough = subscription?.paidThrough ?? null;
  if (subscription === null || paidThrough === null) return "unpaid";
  if (now < paidThrough) return "paid";
  const isEnded = subscription.status === "CANCELLED" || subscription.status === "EXPIRED";
  return !isEnded && now < paidThrough + graceMs ? "grace" : "unpaid";
}

/** A month after `paidAt`, or the last day of that month. */
export function monthAfter(paidAt: Millis): Millis {
  const date = new Date(paidAt);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 2, 0)).getUTCDate();
  const day = Math.min(date.getUTCDate(), lastDay);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, day) + (paidAt % 86_400_000);
}

/** Whether PayPal may still change it. */
export function isFinal(status: SubscriptionStatus): boolean {
  return status === "CANCELLED" || status === "EXPIRED";
}

/** Subscriptions. Each method moves money and record in one transaction, and may be repeated. */
export interface SubscriptionStore {
  create(subscription: Pick<Subscription, "id" | "accountId" | "purpose" | "monthly">): Promise<Subscription>;
  subscribed(
    id: SubscriptionId,
    paypal: { readonly paypalId: string; readonly approvalUrl: string | null },
  ): Promise<Subscription>;
  /** What PayPal says it is now. */
  note(id: SubscriptionId, status: SubscriptionStatus, outstanding: NanoUsd): Promise<Subscription>;
  /** A month was paid at `paidAt`: once per sale. */
  paid(id: SubscriptionId, receipt: Receipt, paidAt: Millis): Promise<Subscription>;
  refund(id: SubscriptionId, receipt: Receipt): Promise<Subscription>;
  find(id: SubscriptionId): Promise<Subscription | null>;
  findByPaypal(paypalId: string): Promise<Subscription | null>;
  /** The one that counts for a host: the longest paid, else the newest. */
  ofHost(hostId: HostId): Promise<Subscription | null>;
  /** Newest first. */
  list(accountId: AccountId): Promise<readonly Subscription[]>;
  /** Not final, the longest unseen first, at most `limit`. */
  open(limit: number): Promise<readonly Subscription[]>;
}
