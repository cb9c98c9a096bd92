import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import type { LedgerAccountKind } from "../../src/ledger/account.ts";
import { type AuditEntry, type AuditReport, newAudit } from "../../src/ledger/audit.ts";
import { transferIdOf } from "../../src/ledger/transfer.ts";
import type { Connection, Statement } from "./connection.ts";
import type { Database } from "./database.ts";

interface EntryRow {
  readonly transfer: bigint;
  readonly kind: AuditEntry["kind"];
  readonly account: bigint;
  readonly amount: bigint;
}

interface AccountRow {
  readonly id: bigint;
  readonly kind: LedgerAccountKind;
  readonly owner: string;
  readonly balance: bigint;
}

const entriesPerTurn = 5_000;

/** Audits a snapshot of the books on a connection of its own, letting the event loop run in between. */
export async function auditBooks(database: Database): Promise<AuditReport> {
  const reader = database.openReader();
  try {
    reader.exec("BEGIN");
    return await auditSnapshot(reader);
  } finally {
    reader.close();
  }
}

async function auditSnapshot(reader: Connection): Promise<AuditReport> {
  const accounts = reader.prepare<[], AccountRow>("SELECT id, kind, owner, balance FROM ledger_accounts").all();
  const byId = new Map(accounts.map((account) => [account.id, account]));
  const selectEntries: Statement<[], EntryRow> = reader.prepare(
    `SELECT entries.transfer, transfers.kind, entries.account, entries.amount
     FROM transfers JOIN entries ON entries.transfer = transfers.sequence ORDER BY transfers.sequence`,
  );
  const audit = newAudit();
  let count = 0;
  for (const row of selectEntries.iterate()) {
    const account = byId.get(row.account);
    audit.add({
      transfer: Number(row.transfer),
      kind: row.kind,
      accountKind: account?.kind ?? "rounding",
      owner: account?.owner ?? `missing ${row.account}`,
      amount: row.amount,
    });
    count += 1;
    if (count % entriesPerTurn === 0) await turnOfTheLoop();
  }
  return audit.conclude({
    balances: accounts,
    openHolds: openHolds(reader),
    closedOpenHolds: closedOpenHolds(reader),
    hostEarnings: sumsOf(
      reader,
      "SELECT account_id AS owner, sum(amount) AS amount FROM earnings_days WHERE role = 'host' GROUP BY 1",
    ),
    producerEarnings: sumsOf(
      reader,
      "SELECT account_id AS owner, sum(amount) AS amount FROM earnings_days WHERE role = 'producer' GROUP BY 1",
    ),
    charged: sumsOf(reader, "SELECT account_id AS owner, sum(amount) AS amount FROM usage_days GROUP BY 1"),
  });
}

function openHolds(reader: Connection): { owner: string; amount: bigint }[] {
  return reader
    .prepare<[], { owner: string; amount: bigint }>("SELECT account_id AS owner, amount FROM open_holds")
    .all();
}

function closedOpenHolds(reader: Connection): string[] {
  const isKnown = reader.prepare<[string], { found: bigint }>("SELECT 1 AS found FROM transfers WHERE id = ?");
  const ids = reader
    .prepare<[], { id: string }>("SELECT id FROM open_holds")
    .all()
    .map((row) => row.id);
  return ids.filter((id) =>
    ["settle", "release"].some((end) => isKnown.get(transferIdOf(`${end}:${id}`)) !== undefined),
  );
}

function sumsOf(reader: Connection, sql: string): Map<string, bigint> {
  const rows = reader.prepare<[], { owner: string; amount: bigint }>(sql).all();
  return new Map(rows.map((row) => [row.owner, row.amount]));
}
