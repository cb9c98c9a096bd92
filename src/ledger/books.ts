import type { Millis } from "../clock.ts";
import type { Budget } from "../identity/api-key.ts";
import type { AccountId, ApiKeyId, HoldId, HostId, TransferId } from "../ids.ts";
import type { NanoUsd } from "../money.ts";
import type { LedgerAccount } from "./account.ts";
import type { AuditReport } from "./audit.ts";
import type { Settlement, SettlementResult } from "./settlement.ts";
import type { Transfer, TransferKind } from "./transfer.ts";

/** A day of UTC: "2026-11-03". */
export type Day = string;

export function dayOf(time: Millis): Day {
  return new Date(time).toISOString().slice(0, 10);
}

export interface HoldRequest {
  readonly accountId: AccountId;
  readonly apiKeyId: ApiKeyId;
  /** The key's own limits, checked together with the account's credit. */
  readonly budget: Budget;
  readonly amount: NanoUsd;
  readonly idempotencyKey: string;
}

/** Where credit comes from: given away, or paid through PayPal. */
export type CreditSource =
  | { readonly kind: "promotion" }
  /** `fee` is PayPal's own, as its capture states it. */
  | { readonly kind: "paypal"; readonly fee: NanoUsd };

export interface Credit {
  readonly accountId: AccountId;
  readonly amount: NanoUsd;
  readonly source: CreditSource;
  readonly idempotencyKey: string;
  readonly reference: string | null;
}

export interface Balance {
  readonly available: NanoUsd;
  readonly held: NanoUsd;
  /** What the account owes since a payment it had spent was reversed; above zero, paid use is refused. */
  readonly owed: NanoUsd;
}

/** One account's part of a transfer. */
export interface Entry {
  readonly transferId: TransferId;
  readonly kind: TransferKind;
  readonly at: Millis;
  readonly account: LedgerAccount;
  readonly amount: NanoUsd;
  readonly reference: string | null;
}

/** From `from` until before `until`; after a transfer that an earlier page ended with, or null for the first page. */
export interface EntrySpan {
  readonly from: Millis;
  readonly until: Millis;
  readonly after: TransferId | null;
}

export interface EntryPage {
  /** Oldest first, whole transfers. */
  readonly entries: readonly Entry[];
  /** Where the next page begins, or null for the last page. */
  readonly next: TransferId | null;
}

export interface Earned {
  readonly tokens: number;
  readonly amount: NanoUsd;
}

/**
 * What an account earned by work, as a host's share or as royalty. Tokens of a producer's model that its own hosts worked
 * on pay twice and count once, but where hosts are told apart.
 */
export interface WorkEarnings {
  /** Null before it earned anything. */
  readonly firstDay: Day | null;
  /** From the day asked for, oldest first, without idle ones. */
  readonly days: readonly (Earned & { readonly day: Day })[];
  /** Of all time, as its models are. A royalty is under no host. */
  readonly hosts: readonly (Earned & { readonly hostId: HostId })[];
  readonly models: readonly (Earned & { readonly model: string })[];
}

export type UsageGroup = "day" | "model" | "key";

export interface UsageRow {
  /** A day, a model or a key's id. */
  readonly group: string;
  readonly requests: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly amount: NanoUsd;
}

/** What all requests of a day came to. The network's part is what hosts and producers leave. */
export interface DaySettlements {
  readonly charged: NanoUsd;
  readonly hosts: NanoUsd;
  readonly producers: NanoUsd;
}

/** What one page of entries reads: a month of a busy account is more than should be read at once. */
export const transfersPerPage = 2_000;

/** Whole days, both included. */
export interface DayRange {
  readonly from: Day;
  readonly to: Day;
}

/** The network's books. Every method that writes may be repeated: the idempotency key says it is the same fact. */
export interface Books {
  /**
   * Sets `amount` aside; the hold is the check. Throws `insufficient_quota` beyond the account's credit or the key's
   * budget, `payment_required` for an account that owes. Not durable: a crash releases it.
   */
  hold(request: HoldRequest): Promise<HoldId>;
  /** Throws what a hold would throw, and sets nothing aside. */
  check(request: Omit<HoldRequest, "idempotencyKey">): Promise<void>;
  /** Pays for the work, releases the rest, durable before it resolves. `conflict` for a hold released or settled otherwise. */
  settle(holdId: HoldId, settlement: Settlement): Promise<SettlementResult>;
  /** Gives the whole hold back; a hold that is not open is left alone. */
  release(holdId: HoldId): Promise<void>;
  /** Releases every open hold: nothing is under way when a network starts. Tells how many there were. */
  releaseAll(): Promise<number>;

  credit(credit: Credit): Promise<TransferId>;
  /** Takes a reversed payment back; what was already spent becomes a receivable. */
  reverseCredit(credit: Credit): Promise<TransferId>;
  /**
   * Takes a grant or a redeemed code back by a transfer of its own, once; what was already spent becomes a receivable.
   * Throws `not_found` for anything else: what PayPal paid is given back at PayPal.
   */
  reverseGrant(id: TransferId): Promise<{ readonly accountId: AccountId; readonly amount: NanoUsd }>;
  /** Any other balanced transfer. `conflict` where it would take an account below zero. */
  post(transfer: Transfer): Promise<TransferId>;

  balance(accountId: AccountId): Promise<Balance>;
  /** The balance of one account of the books, from its normal side. */
  balanceOf(account: LedgerAccount): Promise<NanoUsd>;
  transfer(id: TransferId): Promise<readonly Entry[]>;
  /** A page of the entries of everything an account owns: at most `transfersPerPage`. */
  entries(accountId: AccountId, span: EntrySpan): Promise<EntryPage>;
  /** Credit, spendable or held, as it stood before `time`. */
  creditAt(accountId: AccountId, time: Millis): Promise<NanoUsd>;
  earnings(accountId: AccountId, from: Day): Promise<WorkEarnings>;
  /** The group that was used first comes first. */
  usage(accountId: AccountId, days: DayRange, by: UsageGroup): Promise<readonly UsageRow[]>;
  /** Over all accounts; reads every day's sums, so not for every second. */
  settledOn(day: Day): Promise<DaySettlements>;

  /** Recomputes every balance from the first entry. */
  audit(): Promise<AuditReport>;
}
