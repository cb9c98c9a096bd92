import * as z from "zod";
import { boundedList } from "../bounded-list.ts";
import { defaultRateLimits, type Scope, scopes } from "../identity/api-key.ts";

/**
 * The orchestrator's own HTTP API, beside the OpenAI one under `/v1` and the registry under `/api/v1/registry`.
 * `:name` in a path is a parameter. Authentication is `Authorization: Bearer <API key>` unless `isOpen`; any key will do
 * where no `scope` is named. Errors have OpenAI's shape, with our code. Amounts are decimal dollars as text, times
 * milliseconds since the epoch.
 */
interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: `/api/v1/${string}`;
  readonly isOpen: boolean;
  readonly scope?: Scope;
  /** Of the JSON body; of the query string where the method is GET. */
  readonly request: z.ZodType;
  readonly response: z.ZodType;
}

const nothing = z.object({});
const usd = z.string();
/** What a key may spend: nothing, or more. */
const budget = usd.regex(/^\d{1,9}(?:\.\d{1,9})?$/, "must be an amount in dollars, such as 2 or 0.25");
/** A key may be held to less than others, not more. */
const limitUpTo = (max: number) => z.int().min(1).max(max).default(max);

export const apiKeyRowSchema = z.looseObject({
  keyId: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(scopes)),
  createdAt: z.number(),
  revokedAt: z.number().nullable(),
  /** The first characters, to tell keys apart. */
  prefix: z.string(),
  budgetUsdPerDay: usd.nullable(),
  budgetUsdPerMonth: usd.nullable(),
  requestsPerMinute: z.int(),
  tokensPerMinute: z.int(),
});

export const accountSchema = z.looseObject({
  accountId: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  createdAt: z.number(),
  isVouched: z.boolean(),
  /** Who it counts as: itself where it is vouched for, "payment:…" by who paid for its hosts, or "unverified". */
  owner: z.string(),
});

export const modelRowSchema = z.looseObject({
  /** `owner/name:version`. */
  model: z.string(),
  digest: z.string().nullable(),
  sizeBytes: z.int().nullable(),
  summary: z.string().nullable(),
  license: z.string().nullable(),
  contextLength: z.int().nullable(),
  /** The producer's, on top of the network's price; "0.00" where free. */
  royaltyUsdPer100kTokens: usd,
  /** Of its weights, bought once or by the month; null where it is not sold so. */
  priceUsd: usd.nullable(),
  usdPerMonth: usd.nullable(),
  /** Hosts serving it now. */
  hosts: z.int(),
});

/** What was done for one request and who was paid: what `receipts show` prints. Never a prompt or an answer. */
export const receiptSchema = z.looseObject({
  receipt: z.string(),
  requestId: z.string(),
  createdAt: z.number(),
  model: z.string(),
  plan: z.string(),
  /** Tokens billed. */
  usage: z.looseObject({ promptTokens: z.int(), completionTokens: z.int() }),
  /** Tokens that hosts worked on and nobody pays for: beyond what a split request may cost, and what was not used. */
  unbilled: z.looseObject({ overCap: z.int(), unused: z.int() }),
  /** Fraction of the masked prompt's tokens the owner who saw most of it saw. */
  largestShare: z.number(),
  /** Fraction of the answer's tokens the owner who made most of it made. */
  largestAnswerShare: z.number(),
  masked: z.record(z.string(), z.int()),
  failovers: z.int(),
  hosts: z.array(
    z.looseObject({
      id: z.string(),
      owner: z.string(),
      promptTokens: z.int(),
      completionTokens: z.int(),
      outcome: z.string(),
    }),
  ),
  ledger: z.looseObject({
    consumerDebit: usd,
    hostCredit: usd,
    networkCredit: usd,
    producerCredit: usd,
  }),
  /** The receipt as the orchestrator signed it, hosts' statements within: what `receipts verify` reads. */
  signed: z.unknown(),
});
export type ReceiptDocument = z.infer<typeof receiptSchema>;

export const routes = {
  "network-show": {
    method: "GET",
    path: "/api/v1/network",
    isOpen: true,
    request: nothing,
    response: z.looseObject({
      networkId: z.string(),
      version: z.string(),
      protocolVersion: z.int(),
      enrolment: z.enum(["open", "invite"]),
      billing: z.enum(["off", "credits", "paypal"]),
      usdPer100kTokens: usd,
      /** Of the price, to the host: "95", "92.5". */
      hostSharePercent: z.string(),
      /** A month, of every host, where billing is `paypal`. */
      hostSubscriptionUsd: usd,
      /** How many days a monthly payment may be late. */
      graceDays: z.int(),
      priceVersion: z.int(),
    }),
  },
  "account-create": {
    method: "POST",
    path: "/api/v1/accounts",
    isOpen: true,
    request: z.object({
      name: z.string().min(1).max(80).optional(),
      email: z.email().max(254).optional(),
      invite: z.string().max(200).optional(),
    }),
    response: z.looseObject({ accountId: z.string(), apiKey: z.string() }),
  },
  "account-show": {
    method: "GET",
    path: "/api/v1/account",
    isOpen: false,
    request: nothing,
    response: accountSchema,
  },
  "keys-list": {
    method: "GET",
    path: "/api/v1/account/keys",
    isOpen: false,
    scope: "admin",
    request: nothing,
    response: z.looseObject({ keys: z.array(apiKeyRowSchema) }),
  },
  "keys-create": {
    method: "POST",
    path: "/api/v1/account/keys",
    isOpen: false,
    scope: "admin",
    request: z.object({
      name: z.string().min(1).max(64),
      scopes: boundedList(z.enum(scopes), { min: 1, max: scopes.length }).default([...scopes.slice(0, 3)]),
      budgetUsdPerDay: budget.nullable().default(null),
      budgetUsdPerMonth: budget.nullable().default(null),
      requestsPerMinute: limitUpTo(defaultRateLimits.requestsPerMinute),
      tokensPerMinute: limitUpTo(defaultRateLimits.tokensPerMinute),
    }),
    response: z.looseObject({ keyId: z.string(), apiKey: z.string() }),
  },
  "keys-revoke": {
    method: "DELETE",
    path: "/api/v1/account/keys/:keyId",
    isOpen: false,
    scope: "admin",
    request: nothing,
    response: z.looseObject({ keyId: z.string(), revokedAt: z.number() }),
  },
  "billing-balance": {
    method: "GET",
    path: "/api/v1/billing/balance",
    isOpen: false,
    request: nothing,
    /** `owed`, where a payment that was spent was taken back: what is earned or paid in goes there first. */
    response: z.looseObject({ available: usd, held: usd, owed: usd.optional() }),
  },
  "billing-usage": {
    method: "GET",
    path: "/api/v1/billing/usage",
    isOpen: false,
    request: z.object({
      by: z.enum(["day", "model", "key"]).default("day"),
      days: z.coerce.number().int().min(1).max(400).default(30),
    }),
    response: z.looseObject({
      rows: z.array(
        z.looseObject({
          /** A day (2026-11-30), a model or a key id, as asked. */
          group: z.string(),
          /** Of a key. */
          name: z.string().nullable(),
          requests: z.int(),
          promptTokens: z.int(),
          completionTokens: z.int(),
          costUsd: usd,
        }),
      ),
    }),
  },
  "receipt-show": {
    method: "GET",
    path: "/api/v1/receipts/:receipt",
    isOpen: false,
    request: nothing,
    response: receiptSchema,
  },
  "models-list": {
    method: "GET",
    path: "/api/v1/models",
    isOpen: false,
    request: z.object({ search: z.string().max(200).optional(), after: z.coerce.number().int().positive().optional() }),
    /** A page, of which those with most hosts come first; `next` goes on `after` it, where it was not the last. */
    response: z.looseObject({ models: z.array(modelRowSchema), next: z.int().nullable() }),
  },
  "models-show": {
    method: "GET",
    path: "/api/v1/models/:owner/:name",
    isOpen: false,
    request: z.object({ version: z.string().optional() }),
    response: modelRowSchema.extend({ manifest: z.unknown() }),
  },
} as const satisfies Record<string, Route>;

export type Routes = typeof routes;
export type RouteName = keyof Routes;
