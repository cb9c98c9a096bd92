import type { Migration } from "./migration.ts";

/** PayPal's transactions as its search tells them, beside which the books are held. */
export const reconciliationSchema: Migration = {
  name: "reconciliation",
  sql: `
    CREATE TABLE paypal_transactions (
      id TEXT NOT NULL,
      code TEXT NOT NULL,
      at INTEGER NOT NULL,
      gross INTEGER NOT NULL,
      fee INTEGER NOT NULL,
      reference TEXT,
      subject TEXT NOT NULL,
      is_matched INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (id, code)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX paypal_transactions_unmatched ON paypal_transactions(at) WHERE is_matched = 0;
    CREATE INDEX paypal_transactions_by_subject ON paypal_transactions(subject) WHERE subject <> '';
  `,
};
