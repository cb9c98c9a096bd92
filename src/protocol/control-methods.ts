import * as z from "zod";
import type { RoleName } from "./control.ts";

/*
 * The methods of each role's control socket: what goes in and what comes out, for both ends. Amounts are decimal
 * dollars as text, times milliseconds since the epoch, ids as text. Results are open: a daemon may say more.
 */
export interface ControlMethod<Params extends z.ZodType, Result extends z.ZodType, Streams extends boolean> {
  readonly name: string;
  readonly params: Params;
  /** Of the one result, or of each item where `streams`. */
  readonly result: Result;
  readonly streams: Streams;
}

function answers<Params extends z.ZodType, Result extends z.ZodType>(
  name: string,
  params: Params,
  result: Result,
): ControlMethod<Params, Result, false> {
  return { name, params, result, streams: false };
}

function streams<Params extends z.ZodType, Result extends z.ZodType>(
  name: string,
  params: Params,
  result: Result,
): ControlMethod<Params, Result, true> {
  return { name, params, result, streams: true };
}

const nothing = z.object({});
const usd = z.string();

/** A host as the operator sees it. */
export const hostRowSchema = z.looseObject({
  hostId: z.string(),
  owner: z.string(),
  state: z.enum(["serving", "paused", "degraded", "offline"]),
  models: z.array(z.string()),
  sequences: z.int(),
  activeStreams: z.int(),
  decodeTokensPerSecond: z.number().nullable(),
  connectedAt: z.number(),
});
export type HostRow = z.infer<typeof hostRowSchema>;

/** An account as the operator sees it. */
const accountRowSchema = z.looseObject({
  accountId: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  createdAt: z.number(),
  isVouched: z.boolean(),
  available: usd,
  owed: usd,
});

export const networkModelSchema = z.looseObject({
  model: z.string(),
  digest: z.string().nullable(),
  sizeBytes: z.int().nullable(),
  /** Hosts serving it now. */
  hosts: z.int(),
});

/** What happened on a network that its operator may want to know. */
const networkEventSchema = z.looseObject({
  at: z.number(),
  kind: z.enum([
    "host-joined",
    "host-left",
    "host-refused",
    "host-paused",
    "host-resumed",
    /** Gave up a subtask, which another host takes over where one can. */
    "host-failed",
    /** Failed three times in a row: it gets no work for a while. */
    "breaker-opened",
    "breaker-closed",
  ]),
  /** Null for one that did not prove who it is. */
  hostId: z.string().nullable(),
});
export type NetworkEvent = z.infer<typeof networkEventSchema>;

/** Of what consumers paid, who gets what; the network's part includes what rounding leaves. */
const sharesSchema = z.looseObject({ chargedUsd: usd, hostsUsd: usd, producersUsd: usd, networkUsd: usd });

export const networkStatusSchema = z.looseObject({
  networkId: z.string(),
  url: z.string(),
  pid: z.int(),
  startedAt: z.number(),
  billing: z.enum(["off", "credits", "paypal"]),
  isPrivate: z.boolean(),
  accounts: z.int(),
  hosts: z.array(hostRowSchema),
  /** Since the start, but for the two of now. */
  requests: z.looseObject({
    active: z.int(),
    queued: z.int(),
    completed: z.int(),
    failed: z.int(),
    refused: z.int(),
  }),
  tokens: z.looseObject({ prompt: z.int(), completion: z.int() }),
  /** Second by second, oldest first, 60 of each: requests completed, and answer tokens as hosts delivered them. */
  lastMinute: z.looseObject({ requests: z.array(z.int()), tokens: z.array(z.int()) }),
  /** Milliseconds from a request's arrival to the first text of its answer, over the last 512; null for none yet. */
  firstTextMs: z.looseObject({ p50: z.number(), p95: z.number(), answers: z.int() }).nullable(),
  /** Hosts given up in the middle of a subtask, since the start. */
  failovers: z.int(),
  /** `today` by UTC. */
  settled: z.looseObject({ lastMinute: sharesSchema, today: sharesSchema }),
  /** The last 50, oldest first. */
  events: z.array(networkEventSchema),
});
export type NetworkStatus = z.infer<typeof networkStatusSchema>;

const billingMode = z.enum(["off", "credits", "paypal"]);

export const priceSheetSchema = z.looseObject({
  version: z.int(),
  /** It applies to requests admitted from then on. */
  since: z.number(),
  billing: billingMode,
  usdPer100kTokens: usd,
  /** Of the price, to the host: "95", "92.5". */
  hostSharePercent: z.string(),
  /** A month, of every host, where billing is `paypal`. */
  hostSubscriptionUsd: usd,
  /** How many days a monthly payment may be late. */
  graceDays: z.int(),
});
/** What applies now, and every version there was and is to come, oldest first. */
export const priceSchema = priceSheetSchema.extend({ versions: z.array(priceSheetSchema) });
export type PriceDocument = z.output<typeof priceSchema>;

/** The books beside PayPal's list of transactions. */
export const paypalComparisonSchema = z.looseObject({
  /**
   * `late`: they differ by what PayPal's reports, up to three hours behind, may not show yet; `unavailable`: PayPal
   * could not be asked, and `why` says it.
   */
  comparison: z.enum(["equal", "late", "different", "unavailable"]),
  why: z.string().nullable(),
  /** Null where unavailable, as what follows. */
  paypalUsd: usd.nullable(),
  booksUsd: usd,
  isEqual: z.boolean().nullable(),
  inTransitUsd: usd.nullable(),
  /** Written to the books just now. */
  posted: z.int(),
  /** PayPal's transactions that the books lack: at most 20 of them. */
  lacking: z.array(z.looseObject({ transaction: z.string(), code: z.string(), at: z.number(), usd, why: z.string() })),
  /** Entries of the books that PayPal's reports, which reach that far, don't have: at most 20 of them. */
  unlisted: z.array(z.looseObject({ key: z.string(), at: z.number(), usd })),
  /** Entries too young to be in PayPal's reports. */
  recent: z.int(),
  comparedThrough: z.number().nullable(),
});
export type PayPalComparison = z.output<typeof paypalComparisonSchema>;

export const networkMethods = {
  status: answers("status", nothing, networkStatusSchema),
  invite: answers(
    "invite",
    z.object({ uses: z.int().min(1).max(1_000).default(1), hours: z.number().positive().max(8_760).default(168) }),
    z.looseObject({ invite: z.string(), uses: z.int(), expiresAt: z.number() }),
  ),
  credit: answers(
    "credit",
    z.object({ account: z.string(), usd }),
    z.looseObject({ accountId: z.string(), credited: usd, available: usd, transfer: z.string() }),
  ),
  /** Takes a grant back. */
  reverse: answers(
    "reverse",
    z.object({ transfer: z.string() }),
    z.looseObject({ accountId: z.string(), reversed: usd, available: usd, owed: usd }),
  ),
  audit: answers(
    "audit",
    nothing,
    /** What each kind of account holds, and what is wrong, in words; `paypal` is null where it has no part. */
    z.looseObject({
      balanced: z.boolean(),
      transfers: z.int(),
      entries: z.int(),
      openHolds: z.int(),
      totals: z.record(z.string(), usd),
      problems: z.array(z.string()).readonly(),
      paypal: paypalComparisonSchema.nullable(),
    }),
  ),
  /** Posts what PayPal's list of transactions has and the books lack. */
  reconcile: answers("reconcile", nothing, paypalComparisonSchema),
  "code-create": answers("code-create", z.object({ usd }), z.looseObject({ code: z.string(), usd })),
  "price-show": answers("price-show", nothing, priceSchema),
  /** What is not said stays as it was in the version before; `from` null is now. */
  "price-set": answers(
    "price-set",
    z.object({
      usdPer100kTokens: usd.optional(),
      hostSharePercent: z.string().optional(),
      hostSubscriptionUsd: usd.optional(),
      graceDays: z.int().min(0).max(60).optional(),
      billing: billingMode.optional(),
      from: z.number().nullable().default(null),
    }),
    priceSchema,
  ),
  /** Those whose id, name or e-mail address has `words` in it, newest first; at most 100, `isWhole` says whether all. */
  accounts: answers(
    "accounts",
    z.object({ words: z.string().max(254).default("") }),
    z.looseObject({ accounts: z.array(accountRowSchema), isWhole: z.boolean() }),
  ),
  hosts: answers("hosts", nothing, z.looseObject({ hosts: z.array(hostRowSchema) })),
  models: answers("models", nothing, z.looseObject({ models: z.array(networkModelSchema) })),
  vouch: answers(
    "vouch",
    z.object({ account: z.string(), isVouched: z.boolean().default(true) }),
    z.looseObject({ accountId: z.string(), isVouched: z.boolean() }),
  ),
  "policy-show": answers("policy-show", nothing, z.looseObject({ policy: z.unknown() })),
  "policy-set": answers("policy-set", z.object({ policy: z.unknown() }), z.looseObject({ policy: z.unknown() })),
} as const;

export const benchmarkSchema = z.looseObject({
  prefillTokensPerSecond: z.number(),
  /** Of one answer alone, and of all at once. */
  decodeTokensPerSecond: z.number(),
  decodeTokensPerSecondAtAllSequences: z.number(),
});

export const hostStatusSchema = z.looseObject({
  state: z.enum(["serving", "paused", "degraded", "offline"]),
  /** Whether its network gives it work: one that asks hosts to pay gives none before. */
  isEntitled: z.boolean(),
  pid: z.int(),
  /** Null where the host serves this machine alone. */
  hostId: z.string().nullable(),
  networkUrl: z.string().nullable(),
  /** The local endpoint's, where there is one; ends in `/v1`. */
  baseUrl: z.string().nullable(),
  startedAt: z.number(),
  models: z.array(z.string()),
  sequences: z.int(),
  activeStreams: z.int(),
  served: z.looseObject({ subtasks: z.int(), promptTokens: z.int(), completionTokens: z.int() }),
  benchmark: benchmarkSchema.nullable(),
  /** Whose word it is that it takes nothing new now. */
  pausedBy: z.enum(["owner", "schedule"]).nullable(),
  /** Until when, where its owner paused it for a time. */
  pausedUntil: z.number().nullable(),
  /** When it serves; null: always. */
  schedule: z.string().nullable(),
});

export const hostModelSchema = z.looseObject({
  model: z.string(),
  digest: z.string().nullable(),
  sizeBytes: z.int(),
  isLoaded: z.boolean(),
  isPinned: z.boolean(),
});

/** A subtask as its host sees it, told while it runs to the host's own operator and kept nowhere. */
export const seenSubtaskSchema = z.looseObject({
  kind: z.enum(["begin", "end"]),
  subtaskId: z.string(),
  model: z.string(),
  /** The (masked) prompt as it arrived, at `begin`. */
  prompt: z.string().optional(),
  promptTokens: z.int().optional(),
  completionTokens: z.int().optional(),
});

export const hostMethods = {
  status: answers("status", nothing, hostStatusSchema),
  pause: answers("pause", z.object({ forMs: z.number().positive().nullable().default(null) }), hostStatusSchema),
  resume: answers("resume", nothing, hostStatusSchema),
  benchmark: answers("benchmark", z.object({ model: z.string().optional() }), benchmarkSchema),
  "schedule-show": answers("schedule-show", nothing, z.looseObject({ schedule: z.string().nullable() })),
  "schedule-set": answers(
    "schedule-set",
    z.object({ schedule: z.string().nullable() }),
    z.looseObject({ schedule: z.string().nullable() }),
  ),
  "models-list": answers("models-list", nothing, z.looseObject({ models: z.array(hostModelSchema) })),
  "models-pull": streams(
    "models-pull",
    z.object({ model: z.string() }),
    z.looseObject({
      kind: z.enum(["progress", "done"]),
      model: z.string(),
      doneBytes: z.int(),
      totalBytes: z.int().nullable(),
    }),
  ),
  "models-remove": answers(
    "models-remove",
    z.object({ model: z.string() }),
    z.looseObject({ model: z.string(), freedBytes: z.int() }),
  ),
  "models-pin": answers("models-pin", z.object({ model: z.string(), isPinned: z.boolean() }), hostModelSchema),
  "models-capacity": answers(
    "models-capacity",
    nothing,
    z.looseObject({ usedBytes: z.int(), freeBytes: z.int(), memoryBytes: z.int(), models: z.int() }),
  ),
  subtasks: streams("subtasks", nothing, seenSubtaskSchema),
} as const;

export const proxyStatusSchema = z.looseObject({
  baseUrl: z.string(),
  pid: z.int(),
  networkUrl: z.string(),
  startedAt: z.number(),
  model: z.string().nullable(),
  privacy: z.enum(["standard", "strict"]),
  fallback: z.enum(["none", "local"]),
  requests: z.looseObject({ active: z.int(), completed: z.int(), failed: z.int() }),
});

export const proxyMethods = {
  status: answers("status", nothing, proxyStatusSchema),
} as const;

/** What the frame around every role answers itself. */
export const frameMethods = {
  ping: answers(
    "ping",
    nothing,
    z.looseObject({ pid: z.int(), role: z.string(), version: z.string(), startedAt: z.number() }),
  ),
  /** Answers at once; the process is gone some time later. `isImmediate` skips the drain. */
  shutdown: answers("shutdown", z.object({ isImmediate: z.boolean().default(false) }), z.looseObject({ pid: z.int() })),
} as const;

/** Every method a daemon of the role answers, by name. */
export const controlMethods = {
  network: { ...networkMethods, ...frameMethods },
  host: { ...hostMethods, ...frameMethods },
  proxy: { ...proxyMethods, ...frameMethods },
} as const satisfies Record<RoleName, Record<string, ControlMethod<z.ZodType, z.ZodType, boolean>>>;
