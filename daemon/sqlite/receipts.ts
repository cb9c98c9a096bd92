import type { Clock } from "../../src/clock.ts";
import type { AccountId, ReceiptId } from "../../src/ids.ts";
import type { SignedReceipt } from "../../src/verification/receipt.ts";
import type { ReceiptStore } from "../../src/verification/receipt-store.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";

/** Receipts on SQLite, as the JSON they were signed as. */
export function openReceipts(database: Database, clock: Clock): ReceiptStore {
  const insert: Statement<[ReceiptId, AccountId, bigint, string]> = database.connection.prepare(
    "INSERT INTO receipts (id, account_id, created_at, json) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const select: Statement<[ReceiptId, AccountId], { json: string }> = database.connection.prepare(
    "SELECT json FROM receipts WHERE id = ? AND account_id = ?",
  );
  return {
    save: (accountId, receipt) =>
      database.durably(() => {
        insert.run(receipt.receipt.receiptId, accountId, BigInt(clock.now()), JSON.stringify(receipt));
      }),
    find: async (accountId, id) => {
      const row = select.get(id, accountId);
      return row === undefined ? null : parseReceipt(row.json);
    },
  };
}

/** What was written here was a signed receipt, and its signature says so to whoever checks it. */
function parseReceipt(json: string): SignedReceipt {
  return JSON.parse(json);
}
