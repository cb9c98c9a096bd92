import type { Clock } from "../../src/clock.ts";
import type { PayPalRecords } from "../../src/ledger/paypal-records.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";

interface EventRow {
  readonly id: string;
  readonly body: string;
  readonly received_at: bigint;
}

/** The webhook inbox, and what was made once at PayPal, on SQLite. A processed event keeps its id, not its body. */
export function openPayPalRecords(database: Database, clock: Clock): PayPalRecords {
  const { connection } = database;
  const insert: Statement<[string, bigint, string]> = connection.prepare(
    "INSERT INTO webhook_events (id, received_at, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const selectWaiting: Statement<[bigint], EventRow> = connection.prepare(
    "SELECT id, body, received_at FROM webhook_events WHERE processed_at IS NULL ORDER BY received_at, id LIMIT ?",
  );
  const markProcessed: Statement<[bigint, string]> = connection.prepare(
    "UPDATE webhook_events SET processed_at = ?, body = '' WHERE id = ?",
  );
  const selectObject: Statement<[string], { paypal_id: string }> = connection.prepare(
    "SELECT paypal_id FROM paypal_objects WHERE name = ?",
  );
  const insertObject: Statement<[string, string]> = connection.prepare(
    "INSERT INTO paypal_objects VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET paypal_id = excluded.paypal_id",
  );
  return {
    receive: ({ id, body }) => database.durably(() => insert.run(id, BigInt(clock.now()), body).changes === 1),
    waiting: async (limit) =>
      selectWaiting.all(BigInt(limit)).map((row) => ({
        id: row.id,
        body: row.body,
        receivedAt: Number(row.received_at),
      })),
    processed: (id) => database.durably(() => void markProcessed.run(BigInt(clock.now()), id)),
    find: async (name) => selectObject.get(name)?.paypal_id ?? null,
    remember: (name, paypalId) => database.durably(() => void insertObject.run(name, paypalId)),
  };
}
