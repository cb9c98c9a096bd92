import {
  ApplicationContextUserAction,
  ExperienceContextShippingPreference,
  type Subscription as PayPalSubscription,
  type SubscriptionsController,
} from "@paypal/paypal-server-sdk";
import { type Clock, dayMs } from "../../src/clock.ts";
import { isPeerError, PeerError } from "../../src/errors.ts";
import { type AccountId, newId } from "../../src/ids.ts";
import type { PaymentPurpose } from "../../src/ledger/payment.ts";
import {
  isFinal,
  type Subscription,
  type SubscriptionStatus,
  type SubscriptionStore,
} from "../../src/ledger/subscription.ts";
import type { NanoUsd } from "../../src/money.ts";
import { parsePaypalAmount } from "./amount.ts";
import { outcomeOf, refused, required } from "./paypal-error.ts";
import type { newPlans } from "./plans.ts";

export interface MembershipOptions {
  readonly controller: SubscriptionsController;
  readonly plans: ReturnType<typeof newPlans>;
  readonly subscriptions: SubscriptionStore;
  readonly clock: Clock;
  readonly returnUrl: string;
  readonly payerSeen: PayerSeen;
}

export interface NewMembership {
  readonly accountId: AccountId;
  readonly purpose: PaymentPurpose;
  readonly monthly: NanoUsd;
}

/**
 * Told of a PayPal account that PayPal itself named with a finished payment of an account's: it `paid`, having agreed at
 * PayPal, or it `was-paid`, as the account asked.
 */
export type PayerSeen = (accountId: AccountId, payerId: string, how: "paid" | "was-paid") => Promise<void>;

/** PayPal remembers a subscription's request id for 72 hours. */
const attemptsMs = 70 * 3_600_000;
const approvalMs = 3 * dayMs;
/** How far back sales are asked for before the subscription was made here: clocks differ. */
const clockMarginMs = 3_600_000;
const statuses: readonly SubscriptionStatus[] = [
  "APPROVAL_PENDING",
  "APPROVED",
  "ACTIVE",
  "SUSPENDED",
  "CANCELLED",
  "EXPIRED",
];

/** Monthly payments. As with one-time ones, `advance` asks PayPal what is so and does what follows, any number of times. */
export function newMemberships(options: MembershipOptions) {
  const { controller, plans, subscriptions, clock, returnUrl, payerSeen } = options;

  async function begin({ accountId, purpose, monthly }: NewMembership): Promise<Subscription> {
    return advance(await subscriptions.create({ id: newId("subscription"), accountId, purpose, monthly }));
  }

  async function subscribe(subscription: Subscription): Promise<Subscription> {
    const planId = await plans.planFor(titleOf(subscription.purpose), subscription.monthly);
    const answer = await required("make a subscription", () =>
      controller.createSubscription({
        paypalRequestId: subscription.id,
        prefer: "return=representation",
        body: {
          planId,
          customId: subscription.id,
          applicationContext: {
            brandName: "PeerLLM",
            returnUrl,
            cancelUrl: returnUrl,
            userAction: ApplicationContextUserAction.SubscribeNow,
            shippingPreference: ExperienceContextShippingPreference.NoShipping,
          },
        },
      }),
    );
    const { id, links } = answer.result;
    const approvalUrl = links?.find(({ rel }) => rel === "approve")?.href ?? null;
    return subscriptions.subscribed(subscription.id, { paypalId: id ?? "", approvalUrl });
  }

  async function advance(subscription: Subscription): Promise<Subscription> {
    const { id, accountId, purpose, funding, paypalId, createdAt } = subscription;
    if (funding === "credit") return subscription;
    const age = clock.now() - createdAt;
    if (paypalId === null) {
      if (age > attemptsMs) return subscriptions.note(id, "EXPIRED", subscription.outstanding);
      return subscribe(subscription);
    }
    const outcome = await outcomeOf("show a subscription", () => controller.getSubscription({ id: paypalId }));
    if (!outcome.isDone) {
      if (outcome.refusal.status !== 404) throw refused("show a subscription", outcome.refusal);
      return subscriptions.note(id, "EXPIRED", subscription.outstanding);
    }
    const seen = outcome.result.result;
    const isAbandoned = statusOf(seen) === "APPROVAL_PENDING" && age > approvalMs;
    const noted = await subscriptions.note(id, isAbandoned ? "EXPIRED" : statusOf(seen), outstandingOf(seen));
    if (statusOf(seen) === "APPROVAL_PENDING") return noted;
    const now = await collect(noted, paypalId);
    const payerId = seen.subscriber?.payerId;
    const isPaidByPayer = purpose.kind === "host" && now.paidThrough !== null && payerId !== undefined;
    if (isPaidByPayer) await payerSeen(accountId, payerId, "paid");
    return now;
  }

  /** Every sale PayPal lists is recorded under its own id, so webhooks may be lost, late or double. */
  async function collect(subscription: Subscription, paypalId: string): Promise<Subscription> {
    const answer = await required("list a subscription's payments", () =>
      controller.listSubscriptionTransactions({
        id: paypalId,
        startTime: new Date(subscription.createdAt - clockMarginMs).toISOString(),
        endTime: new Date(clock.now() + clockMarginMs).toISOString(),
      }),
    );
    let now = subscription;
    for (const { id, status, amountWithBreakdown, time } of answer.result.transactions ?? []) {
      const amount = parsePaypalAmount(amountWithBreakdown.grossAmount);
      const fee = parsePaypalAmount(amountWithBreakdown.feeAmount);
      const isReceived = status === "COMPLETED" || status === "REFUNDED" || status === "PARTIALLY_REFUNDED";
      if (isReceived)
        now = await subscriptions.paid(subscription.id, { key: `sale:${id}`, amount, fee }, Date.parse(time));
    }
    return now;
  }

  /** What is paid stays paid for. Where PayPal does not say whether it did it, it is asked how things stand. */
  async function cancel(subscription: Subscription): Promise<Subscription> {
    const { paypalId, status } = subscription;
    if (isFinal(status)) return subscription;
    if (paypalId === null) return subscriptions.note(subscription.id, "CANCELLED", subscription.outstanding);
    const body = { reason: "Cancelled by the subscriber." };
    const outcome = await outcomeOf("cancel a subscription", () =>
      controller.cancelSubscription({ id: paypalId, body }),
    ).catch(unanswered);
    const now = await advance(subscription);
    if (isFinal(now.status)) return now;
    if (isPeerError(outcome)) throw outcome;
    if (outcome.isDone) return now;
    if (outcome.refusal.issue !== "SUBSCRIPTION_STATUS_INVALID")
      throw refused("cancel a subscription", outcome.refusal);
    throw new PeerError("conflict", `The subscription is ${now.status}; only an active one can be cancelled.`);
  }

  return { begin, advance, cancel };
}

export type Memberships = ReturnType<typeof newMemberships>;

function unanswered(error: unknown): PeerError {
  if (isPeerError(error, "upstream_failed")) return error;
  throw error;
}

/** What the payer reads, and what tells one plan from another. */
function titleOf(purpose: PaymentPurpose): string {
  return purpose.kind === "model" ? `PeerLLM model ${purpose.model}` : `PeerLLM ${purpose.kind}`;
}

function statusOf(seen: PayPalSubscription): SubscriptionStatus {
  return statuses.find((status) => status === seen.status) ?? "APPROVAL_PENDING";
}

function outstandingOf(seen: PayPalSubscription): NanoUsd {
  return parsePaypalAmount(seen.billingInfo?.outstandingBalance);
}
