import type { Millis } from "../../src/clock.ts";
import { type AccountId, type HoldId, parseId, type TransferId } from "../../src/ids.ts";
import type { LedgerAccountKind } from "../../src/ledger/account.ts";
import {
  type Day,
  type DayRange,
  type DaySettlements,
  type Earned,
  type Entry,
  type EntryPage,
  type EntrySpan,
  transfersPerPage,
  type UsageGroup,
  type UsageRow,
  type WorkEarnings,
} from "../../src/ledger/books.ts";
import { type TransferKind, transferIdOf } from "../../src/ledger/transfer.ts";
import { type NanoUsd, nanoUsd, zeroUsd } from "../../src/money.ts";
import type { Connection, Statement } from "./connection.ts";

interface EntryRow {
  readonly id: TransferId;
  readonly kind: TransferKind;
  readonly at: bigint;
  readonly account_kind: LedgerAccountKind;
  readonly owner: string;
  readonly amount: bigint;
  readonly reference: string | null;
}

interface EarnedRow {
  readonly key: string;
  readonly tokens: bigint;
  readonly amount: bigint;
}

interface UsageGroupRow {
  readonly key: string;
  readonly requests: bigint;
  readonly prompt_tokens: bigint;
  readonly completion_tokens: bigint;
  readonly amount: bigint;
}

interface Span {
  readonly accountId: AccountId;
  readonly from: bigint;
}

/** Transfers by their numbers, both included. */
interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

interface RangeRow {
  readonly first: bigint | null;
  readonly last: bigint | null;
}

/** Numbers of the last transfer before a time, the first since, and the last of all. */
interface BoundsRow {
  readonly before: bigint | null;
  readonly since: bigint | null;
  readonly last: bigint | null;
}

const entryColumns = `transfers.id, transfers.kind, transfers.at, ledger_accounts.kind AS account_kind,
  ledger_accounts.owner, entries.amount, transfers.reference`;

const creditEntries = `FROM ledger_accounts JOIN entries ON entries.account = ledger_accounts.id
  JOIN transfers ON transfers.sequence = entries.transfer
  WHERE ledger_accounts.owner = @accountId AND ledger_accounts.kind IN ('consumer-credit', 'holds')`;

/** What the books tell: each query touches only the account and days asked for. */
export function newBooksReports(connection: Connection) {
  const selectTransfer: Statement<[TransferId], EntryRow> = connection.prepare(
    `SELECT ${entryColumns} FROM transfers JOIN entries ON entries.transfer = transfers.sequence
     JOIN ledger_accounts ON ledger_accounts.id = entries.account WHERE transfers.id = ? ORDER BY entries.amount`,
  );
  const selectRange: Statement<[{ readonly from: bigint; readonly until: bigint }], RangeRow> = connection.prepare(
    `SELECT (SELECT min(sequence) FROM transfers WHERE at >= @from) AS first,
       (SELECT max(sequence) FROM transfers WHERE at < @until) AS last`,
  );
  const selectNumber: Statement<[TransferId], bigint> = connection
    .prepare<[TransferId], bigint>("SELECT sequence FROM transfers WHERE id = ?")
    .pluck();
  const selectId: Statement<[bigint], TransferId> = connection
    .prepare<[bigint], TransferId>("SELECT id FROM transfers WHERE sequence = ?")
    .pluck();
  const selectOwned: Statement<[AccountId], bigint> = connection
    .prepare<[AccountId], bigint>("SELECT id FROM ledger_accounts WHERE owner = ?")
    .pluck();
  const selectNumbers: Statement<[bigint, bigint, bigint, bigint], bigint> = connection
    .prepare<[bigint, bigint, bigint, bigint], bigint>(
      "SELECT transfer FROM entries WHERE account = ? AND transfer BETWEEN ? AND ? ORDER BY transfer LIMIT ?",
    )
    .pluck();
  const selectEntries: Statement<[Span & Range & { readonly until: bigint }], EntryRow> = connection.prepare(
    `SELECT ${entryColumns} FROM ledger_accounts JOIN entries ON entries.account = ledger_accounts.id
     JOIN transfers ON transfers.sequence = entries.transfer
     WHERE ledger_accounts.owner = @accountId AND entries.transfer BETWEEN @first AND @last
       AND transfers.at >= @from AND transfers.at < @until
     ORDER BY transfers.sequence`,
  );
  const selectFirstDay: Statement<[AccountId], Day | null> = connection
    .prepare<[AccountId], Day | null>("SELECT min(day) FROM earnings_days WHERE account_id = ?")
    .pluck();
  const earnedBy = (column: "day" | "model"): Statement<[AccountId, Day], EarnedRow> =>
    connection.prepare(
      `SELECT ${column} AS key, sum(tokens) AS tokens, sum(amount) AS amount FROM (
         SELECT day, model, sum(amount) AS amount,
           max(sum(iif(role = 'host', tokens, 0)), sum(iif(role = 'producer', tokens, 0))) AS tokens
         FROM earnings_days WHERE account_id = ? AND day >= ? GROUP BY day, model
       ) GROUP BY 1 ORDER BY 1`,
    );
  const selectEarnedDays = earnedBy("day");
  const selectEarnedModels = earnedBy("model");
  const selectEarnedHosts: Statement<[AccountId], EarnedRow> = connection.prepare(
    `SELECT host_id AS key, sum(tokens) AS tokens, sum(amount) AS amount FROM earnings_days
     WHERE account_id = ? AND role = 'host' GROUP BY 1 ORDER BY 1`,
  );
  const usedBy = (column: "day" | "model" | "api_key_id"): Statement<[AccountId, Day, Day], UsageGroupRow> =>
    connection.prepare(
      `SELECT ${column} AS key, sum(requests) AS requests, sum(prompt_tokens) AS prompt_tokens,
         sum(completion_tokens) AS completion_tokens, sum(amount) AS amount
       FROM usage_days WHERE account_id = ? AND day BETWEEN ? AND ? GROUP BY 1 ORDER BY min(day), 1`,
    );
  const selectUsage = { day: usedBy("day"), model: usedBy("model"), key: usedBy("api_key_id") };

  const selectBounds: Statement<[{ readonly from: bigint }], BoundsRow> = connection.prepare(
    `SELECT (SELECT max(sequence) FROM transfers WHERE at < @from) AS before,
       (SELECT min(sequence) FROM transfers WHERE at >= @from) AS since, (SELECT max(sequence) FROM transfers) AS last`,
  );
  const sumBefore: Statement<[Span & { readonly before: bigint }], { credit: bigint | null }> = connection.prepare(
    `SELECT sum(entries.amount) AS credit ${creditEntries} AND entries.transfer <= @before AND transfers.at < @from`,
  );
  const sumSince: Statement<[Span & { readonly since: bigint }], { credit: bigint | null }> = connection.prepare(
    `SELECT sum(entries.amount) AS credit ${creditEntries} AND entries.transfer >= @since AND transfers.at >= @from`,
  );
  const sumNow: Statement<[AccountId], { credit: bigint | null }> = connection.prepare(
    "SELECT sum(balance) AS credit FROM ledger_accounts WHERE owner = ? AND kind IN ('consumer-credit', 'holds')",
  );

  /** From the first entry, or back from what it is now, whichever is the shorter way. */
  function creditAt(accountId: AccountId, time: Millis): NanoUsd {
    const from = BigInt(time);
    const { before, since, last } = selectBounds.get({ from }) ?? { before: null, since: null, last: null };
    if (before === null) return zeroUsd;
    if (since === null || last === null || last - since < before) {
      const moved = since === null ? 0n : (sumSince.get({ accountId, from, since })?.credit ?? 0n);
      return nanoUsd((sumNow.get(accountId)?.credit ?? 0n) - moved);
    }
    return nanoUsd(sumBefore.get({ accountId, from, before })?.credit ?? 0n);
  }

  /** Transfers are counted per account first, by index, so that a page reads no more than it gives. */
  function entries(accountId: AccountId, span: EntrySpan): EntryPage {
    const [from, until] = [BigInt(span.from), BigInt(span.until)];
    const range = selectRange.get({ from, until });
    const after = span.after === null ? null : (selectNumber.get(span.after) ?? null);
    const first = after === null ? (range?.first ?? null) : after + 1n;
    const end = range?.last ?? null;
    if (first === null || end === null || (span.after !== null && after === null)) return { entries: [], next: null };
    const limit = BigInt(transfersPerPage + 1);
    const owned = selectOwned.all(accountId).flatMap((account) => selectNumbers.all(account, first, end, limit));
    const numbers = [...new Set(owned)].sort((a, b) => (a < b ? -1 : 1)).slice(0, transfersPerPage + 1);
    const last = numbers[Math.min(numbers.length, transfersPerPage) - 1];
    if (last === undefined) return { entries: [], next: null };
    return {
      entries: selectEntries.all({ accountId, from, until, first, last }).map(entryOf),
      next: numbers.length > transfersPerPage ? (selectId.get(last) ?? null) : null,
    };
  }

  const sumDay: Statement<[Day, Day, Day], Record<keyof DaySettlements, bigint>> = connection.prepare(
    `SELECT (SELECT coalesce(sum(amount), 0) FROM usage_days WHERE day = ?) AS charged,
       (SELECT coalesce(sum(amount), 0) FROM earnings_days WHERE day = ? AND role = 'host') AS hosts,
       (SELECT coalesce(sum(amount), 0) FROM earnings_days WHERE day = ? AND role = 'producer') AS producers`,
  );

  function settledOn(day: Day): DaySettlements {
    const sums = sumDay.get(day, day, day);
    return {
      charged: nanoUsd(sums?.charged ?? 0n),
      hosts: nanoUsd(sums?.hosts ?? 0n),
      producers: nanoUsd(sums?.producers ?? 0n),
    };
  }

  function transfer(id: TransferId): readonly Entry[] {
    return selectTransfer.all(id).map(entryOf);
  }

  /** What a hold, open or closed, set aside. */
  function heldAmount(holdId: HoldId): NanoUsd {
    const held = transfer(transferIdOf(`hold:${holdId}`)).find((entry) => entry.account.kind === "holds");
    return held?.amount ?? zeroUsd;
  }

  function earnings(accountId: AccountId, from: Day): WorkEarnings {
    const hosts = selectEarnedHosts.all(accountId);
    return {
      firstDay: selectFirstDay.get(accountId) ?? null,
      days: selectEarnedDays.all(accountId, from).map((row) => ({ day: row.key, ...earnedOf(row) })),
      hosts: hosts.map((row) => ({ hostId: parseId("host", row.key), ...earnedOf(row) })),
      models: selectEarnedModels.all(accountId, "").map((row) => ({ model: row.key, ...earnedOf(row) })),
    };
  }

  return {
    transfer,
    heldAmount,
    settledOn,
    entries,
    creditAt,
    earnings,
    usage: (accountId: AccountId, { from, to }: DayRange, by: UsageGroup): readonly UsageRow[] =>
      selectUsage[by].all(accountId, from, to).map(usageOf),
  };
}

function entryOf(row: EntryRow): Entry {
  const owner = row.owner === "" ? null : parseId("account", row.owner);
  return {
    transferId: row.id,
    kind: row.kind,
    at: Number(row.at),
    account: { kind: row.account_kind, owner },
    amount: nanoUsd(row.amount),
    reference: row.reference,
  };
}

function earnedOf({ tokens, amount }: EarnedRow): Earned {
  return { tokens: Number(tokens), amount: nanoUsd(amount) };
}

function usageOf(row: UsageGroupRow): UsageRow {
  return {
    group: row.key,
    requests: Number(row.requests),
    promptTokens: Number(row.prompt_tokens),
    completionTokens: Number(row.completion_tokens),
    amount: nanoUsd(row.amount),
  };
}
