import * as z from "zod";

/*
 * The money side of the orchestrator's HTTP API, as src/protocol/api.ts describes the rest: amounts are decimal dollars
 * as text, times milliseconds since the epoch, every route takes an API key: one that may manage the account (`admin`)
 * where its money is spent or sent away, beyond the reach of a key's budget.
 */
const nothing = z.object({});
const usd = z.string();

/** A payment or subscription on its way: the payer approves it in a browser. */
const paymentSchema = z.looseObject({
  paymentId: z.string(),
  usd,
  state: z.enum(["open", "completed", "failed"]),
  approvalUrl: z.string().nullable(),
});
export type PaymentDocument = z.infer<typeof paymentSchema>;

/** A model bought once; `paymentId` is null where it costs the account nothing. */
const purchaseSchema = paymentSchema.extend({ model: z.string(), paymentId: z.string().nullable() });
export type PurchaseDocument = z.infer<typeof purchaseSchema>;

const subscriptionSchema = z.looseObject({
  subscriptionId: z.string(),
  /** "host", "credit" or "model". */
  kind: z.string(),
  hostId: z.string().nullable(),
  /** `owner/name:version`, of a model. */
  model: z.string().nullable(),
  usdPerMonth: usd,
  status: z.string(),
  standing: z.enum(["paid", "grace", "unpaid"]),
  paidThrough: z.number().nullable(),
  /** The end of the grace that a late payment has, which is that of the paid time where it is cancelled. */
  servesUntil: z.number().nullable(),
  /** What PayPal could not collect. */
  outstandingUsd: usd,
  approvalUrl: z.string().nullable(),
});
export type SubscriptionDocument = z.infer<typeof subscriptionSchema>;

const payoutSchema = z.looseObject({
  payoutId: z.string(),
  usd,
  state: z.enum(["reserved", "sent", "paid", "returned"]),
  paypalStatus: z.string().nullable(),
  feeUsd: usd.nullable(),
  createdAt: z.number(),
});

const payoutsSchema = z.looseObject({
  payouts: z.array(payoutSchema),
  /** Earnings that paid what the account owed instead of being paid out, newest first. */
  setOffs: z.array(z.looseObject({ transfer: z.string(), usd, at: z.number() })),
  /** What is still owed. */
  owedUsd: usd,
});
export type PayoutsDocument = z.infer<typeof payoutsSchema>;

const payoutSettingsSchema = z.looseObject({ receiver: z.string().nullable(), thresholdUsd: usd });

/** What buyers paid, what PayPal and the network kept of it, and what is the producer's. */
const saleParts = { usd, feeUsd: usd, networkUsd: usd, earnedUsd: usd };
const salesSchema = z.looseObject({
  models: z.array(
    z.looseObject({
      model: z.string(),
      copies: z.int(),
      months: z.int(),
      refunds: z.int(),
      activeSubscriptions: z.int(),
      ...saleParts,
    }),
  ),
  /** Newest first; amounts are below zero for what was taken back. Never who bought. */
  sales: z.array(
    z.looseObject({ at: z.number(), model: z.string(), kind: z.enum(["once", "month", "refund"]), ...saleParts }),
  ),
});
export type SalesDocument = z.infer<typeof salesSchema>;

const sumSchema = z.looseObject({ tokens: z.int(), usd });

export const earningsSchema = z.looseObject({
  today: usd,
  month: usd,
  allTime: usd,
  pending: usd,
  payable: usd,
  paid: usd,
  /** Since a payment that was spent was taken back: earnings pay it before they are paid out. */
  owed: usd,
  /** Null before there is a whole day to go by. An estimate, not a promise. */
  monthEstimate: usd.nullable(),
  hosts: z.array(sumSchema.extend({ hostId: z.string() })),
  models: z.array(sumSchema.extend({ model: z.string() })),
  /** The last 30, oldest first. */
  days: z.array(sumSchema.extend({ day: z.string() })),
  subscriptions: z.array(subscriptionSchema),
});
export type EarningsDocument = z.infer<typeof earningsSchema>;

export const economyRoutes = {
  earnings: { method: "GET", path: "/api/v1/earnings", request: nothing, response: earningsSchema },
  "billing-topup": {
    method: "POST",
    path: "/api/v1/billing/payments",
    request: z.object({ usd }),
    response: paymentSchema,
  },
  "billing-payment": {
    method: "GET",
    path: "/api/v1/billing/payments/:paymentId",
    request: nothing,
    response: paymentSchema,
  },
  "billing-redeem": {
    method: "POST",
    path: "/api/v1/billing/redeem",
    request: z.object({ code: z.string().max(100) }),
    response: z.looseObject({ creditedUsd: usd, availableUsd: usd }),
  },
  /** A page of a month: `after` is the `next` of the page before. Its first page tells the opening, its last the closing. */
  "billing-statement": {
    method: "GET",
    path: "/api/v1/billing/statement",
    request: z.object({ month: z.string(), after: z.string().optional() }),
    response: z.looseObject({
      month: z.string(),
      openingUsd: usd.nullable(),
      closingUsd: usd.nullable(),
      lines: z.array(
        z.looseObject({
          at: z.number(),
          kind: z.string(),
          account: z.string(),
          usd,
          transfer: z.string(),
          reference: z.string().nullable(),
        }),
      ),
      /** The same lines as RFC 4180. */
      csv: z.string(),
      next: z.string().nullable(),
    }),
  },
  "subscriptions-list": {
    method: "GET",
    path: "/api/v1/subscriptions",
    request: nothing,
    response: z.looseObject({ subscriptions: z.array(subscriptionSchema) }),
  },
  /** For a host's right to serve, or, with `usd`, for monthly credit. */
  "subscription-begin": {
    method: "POST",
    path: "/api/v1/subscriptions",
    scope: "admin",
    request: z.object({ hostId: z.string().optional(), usd: usd.optional() }),
    response: subscriptionSchema,
  },
  "subscription-show": {
    method: "GET",
    path: "/api/v1/subscriptions/:subscriptionId",
    request: nothing,
    response: subscriptionSchema,
  },
  "subscription-cancel": {
    method: "DELETE",
    path: "/api/v1/subscriptions/:subscriptionId",
    scope: "admin",
    request: nothing,
    response: subscriptionSchema,
  },
  "model-buy": {
    method: "POST",
    path: "/api/v1/models/:owner/:name/purchases",
    scope: "admin",
    request: z.object({ version: z.string().optional() }),
    response: purchaseSchema,
  },
  "model-subscribe": {
    method: "POST",
    path: "/api/v1/models/:owner/:name/subscriptions",
    scope: "admin",
    request: z.object({ version: z.string().optional() }),
    response: subscriptionSchema,
  },
  "producer-sales": {
    method: "GET",
    path: "/api/v1/producer/sales",
    request: nothing,
    response: salesSchema,
  },
  "payout-settings-show": {
    method: "GET",
    path: "/api/v1/payouts/settings",
    scope: "admin",
    request: nothing,
    response: payoutSettingsSchema,
  },
  "payout-settings-set": {
    method: "POST",
    path: "/api/v1/payouts/settings",
    scope: "admin",
    /** What is not said stays as it is. */
    request: z.object({ receiver: z.string().min(1).max(254).optional(), thresholdUsd: usd.optional() }),
    response: payoutSettingsSchema,
  },
  "payout-request": {
    method: "POST",
    path: "/api/v1/payouts",
    scope: "admin",
    request: nothing,
    response: payoutSchema,
  },
  "payouts-list": {
    method: "GET",
    path: "/api/v1/payouts",
    request: nothing,
    response: payoutsSchema,
  },
} as const;
