import type { Clock } from "../../src/clock.ts";
import type { AccountId } from "../../src/ids.ts";
import type { Day } from "../../src/ledger/books.ts";
import type { ModelSales, Sale, SalesStore } from "../../src/ledger/sale.ts";
import { nanoUsd } from "../../src/money.ts";
import type { Connection, Statement } from "./connection.ts";
import type { Database } from "./database.ts";

interface PartsRow {
  readonly amount: bigint;
  readonly fee: bigint;
  readonly network_part: bigint;
  readonly producer_part: bigint;
}

interface SaleRow extends PartsRow {
  readonly key: string;
  readonly producer_id: AccountId;
  readonly model: string;
  readonly kind: Sale["kind"];
  readonly at: bigint;
}

interface ModelRow extends PartsRow {
  readonly model: string;
  readonly copies: bigint;
  readonly months: bigint;
  readonly refunds: bigint;
  readonly active: bigint;
}

interface DayRow {
  readonly day: Day;
  readonly model: string;
  readonly amount: bigint;
}

/** Writes a sale beside its transfer, in the same write of the database. */
export function newSalesWriter(connection: Connection): (sale: Sale | null) => void {
  const insert: Statement<[string, AccountId, string, string, bigint, bigint, bigint, bigint, bigint]> =
    connection.prepare("INSERT INTO sales VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  return (sale) => {
    if (sale === null) return;
    const { key, producerId, model, kind, amount, fee, network, producer, at } = sale;
    insert.run(key, producerId, model, kind, amount, fee, network, producer, BigInt(at));
  };
}

/** What producers sold, on SQLite. */
export function openSales(database: Database, clock: Clock): SalesStore {
  const { connection } = database;
  const select: Statement<[AccountId, bigint], SaleRow> = connection.prepare(
    "SELECT * FROM sales WHERE producer_id = ? ORDER BY at DESC, key LIMIT ?",
  );
  const selectModels: Statement<[AccountId, bigint], ModelRow> = connection.prepare(
    `WITH sold AS (
       SELECT model, sum(kind = 'once') AS copies, sum(kind = 'month') AS months, sum(kind = 'refund') AS refunds,
         sum(amount) AS amount, sum(fee) AS fee, sum(network_part) AS network_part, sum(producer_part) AS producer_part
       FROM sales WHERE producer_id = ? GROUP BY model
     )
     SELECT sold.*, (
       SELECT count(*) FROM subscriptions
       WHERE subscriptions.model = sold.model AND status = 'ACTIVE' AND paid_through > ?
     ) AS active FROM sold ORDER BY model`,
  );
  const selectDays: Statement<[AccountId], DayRow> = connection.prepare(
    `SELECT strftime('%Y-%m-%d', at / 1000, 'unixepoch') AS day, model, sum(producer_part) AS amount
     FROM sales WHERE producer_id = ? GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  return {
    list: async (producerId, limit) => select.all(producerId, BigInt(limit)).map(saleOf),
    models: async (producerId) => selectModels.all(producerId, BigInt(clock.now())).map(modelSalesOf),
    days: async (producerId) => selectDays.all(producerId).map((row) => ({ ...row, amount: nanoUsd(row.amount) })),
  };
}

function saleOf(row: SaleRow): Sale {
  const { key, producer_id: producerId, model, kind } = row;
  return { key, producerId, model, kind, at: Number(row.at), ...partsOf(row) };
}

function modelSalesOf(row: ModelRow): ModelSales {
  return {
    model: row.model,
    copies: Number(row.copies),
    months: Number(row.months),
    refunds: Number(row.refunds),
    activeSubscriptions: Number(row.active),
    ...partsOf(row),
  };
}

function partsOf(row: PartsRow) {
  return {
    amount: nanoUsd(row.amount),
    fee: nanoUsd(row.fee),
    network: nanoUsd(row.network_part),
    producer: nanoUsd(row.producer_part),
  };
}
