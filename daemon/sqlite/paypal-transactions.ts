import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import type { TransferId } from "../../src/ids.ts";
import {
  type ClearingEntry,
  openingKey,
  type PayPalTransaction,
  type PayPalTransactionStore,
} from "../../src/ledger/paypal-transactions.ts";
import { transferIdOf } from "../../src/ledger/transfer.ts";
import { type NanoUsd, nanoUsd } from "../../src/money.ts";
import type { Connection, Statement } from "./connection.ts";
import type { Database } from "./database.ts";

interface TransactionRow {
  readonly id: string;
  readonly code: string;
  readonly at: bigint;
  readonly gross: bigint;
  readonly fee: bigint;
  readonly reference: string | null;
  readonly subject: string;
}

interface ClearingRow {
  readonly idempotency_key: string;
  readonly at: bigint;
  readonly amount: bigint;
}

const columns = "id, code, at, gross, fee, reference, subject";
const entriesPerTurn = 5_000;

/** PayPal's transactions on SQLite, beside the entries that moved money there. */
export function openPayPalTransactions(database: Database): PayPalTransactionStore {
  const { connection } = database;
  const insert: Statement<[string, string, bigint, bigint, bigint, string | null, string]> = connection.prepare(
    `INSERT INTO paypal_transactions (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const selectUnmatched: Statement<[bigint], TransactionRow> = connection.prepare(
    `SELECT ${columns} FROM paypal_transactions WHERE is_matched = 0 ORDER BY at, id LIMIT ?`,
  );
  const markMatched: Statement<[string]> = connection.prepare(
    "UPDATE paypal_transactions SET is_matched = 1 WHERE id = ?",
  );
  const select: Statement<[string], TransactionRow> = connection.prepare(
    `SELECT ${columns} FROM paypal_transactions WHERE id = ?`,
  );
  const selectOfSubject: Statement<[string], TransactionRow> = connection.prepare(
    `SELECT ${columns} FROM paypal_transactions WHERE subject = ? AND subject <> '' ORDER BY at, id`,
  );
  const selectClearing: Statement<[TransferId], { sequence: bigint; amount: bigint | null }> = connection.prepare(
    `SELECT sequence, (SELECT sum(entries.amount) FROM entries JOIN ledger_accounts ON ledger_accounts.id = account
       WHERE transfer = sequence AND ledger_accounts.kind = 'paypal-clearing') AS amount
     FROM transfers WHERE transfers.id = ?`,
  );
  const selectHash: Statement<[TransferId], { request_hash: string }> = connection.prepare(
    "SELECT request_hash FROM transfers WHERE id = ?",
  );
  const selectFirst: Statement<[], { first: bigint | null }> = connection.prepare(
    `SELECT min(created_at) AS first FROM (SELECT min(created_at) AS created_at FROM payments
       UNION ALL SELECT min(created_at) FROM subscriptions UNION ALL SELECT min(created_at) FROM payouts)`,
  );

  function booked(keys: readonly string[]): NanoUsd | null {
    const found = keys.flatMap((key) => selectClearing.get(transferIdOf(key)) ?? []);
    return found.length === 0 ? null : nanoUsd(found.reduce((sum, { amount }) => sum - (amount ?? 0n), 0n));
  }

  return {
    note: (transactions) =>
      database.durably(() => {
        for (const { id, code, at, gross, fee, reference, subject } of transactions) {
          insert.run(id, code, BigInt(at), gross, fee, reference, subject);
        }
      }),
    unmatched: async (limit) => selectUnmatched.all(BigInt(limit)).map(transactionOf),
    matched: (ids) =>
      database.durably(() => {
        for (const id of ids) markMatched.run(id);
      }),
    find: async (id) => {
      const row = select.get(id);
      return row === undefined ? null : transactionOf(row);
    },
    ofSubject: async (subject) => selectOfSubject.all(subject).map(transactionOf),
    booked: async (keys) => booked(keys),
    isRequest: async (key, requestHash) => selectHash.get(transferIdOf(key))?.request_hash === requestHash,
    unlisted: async () => {
      const reader = database.openReader();
      try {
        return await findUnlisted(reader);
      } finally {
        reader.close();
      }
    },
    firstDealing: async () => {
      const first = selectFirst.get()?.first ?? null;
      return first === null ? null : Number(first);
    },
  };
}

/** Goes through the clearing account from its first entry, letting the event loop run in between. */
async function findUnlisted(reader: Connection): Promise<ClearingEntry[]> {
  const selectEntries: Statement<[], ClearingRow> = reader.prepare(
    `SELECT idempotency_key, transfers.at, entries.amount FROM ledger_accounts
     JOIN entries ON entries.account = ledger_accounts.id JOIN transfers ON transfers.sequence = entries.transfer
     WHERE ledger_accounts.kind = 'paypal-clearing' ORDER BY entries.transfer`,
  );
  const isListed: Statement<[string, string], { found: bigint }> = reader.prepare(
    `SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM paypal_transactions WHERE id = ?)
       OR EXISTS (SELECT 1 FROM paypal_transactions WHERE subject = ? AND subject <> '')`,
  );
  const unlisted: ClearingEntry[] = [];
  let count = 0;
  for (const { idempotency_key: key, at, amount } of selectEntries.iterate()) {
    const [kind = "", name = ""] = key.split(":");
    const isKnown = key === openingKey || isListed.get(name, kind === "payout" ? name : "") !== undefined;
    if (!isKnown) unlisted.push({ key, at: Number(at), net: nanoUsd(-amount) });
    count += 1;
    if (count % entriesPerTurn === 0) await turnOfTheLoop();
  }
  return unlisted;
}

function transactionOf(row: TransactionRow): PayPalTransaction {
  return {
    id: row.id,
    code: row.code,
    at: Number(row.at),
    gross: nanoUsd(row.gross),
    fee: nanoUsd(row.fee),
    reference: row.reference,
    subject: row.subject,
  };
}
