import type { Migration } from "./migration.ts";

/** Models sold: who may have their weights, what their producers sold, and whose payments name one owner. */
export const salesSchema: Migration = {
  name: "sales",
  sql: `
    ALTER TABLE payments ADD COLUMN model TEXT GENERATED ALWAYS AS (json_extract(purpose, '$.model')) VIRTUAL;
    CREATE INDEX payments_by_model ON payments(account_id, model) WHERE model IS NOT NULL;

    ALTER TABLE subscriptions ADD COLUMN funding TEXT NOT NULL DEFAULT 'paypal';
    ALTER TABLE subscriptions ADD COLUMN model TEXT GENERATED ALWAYS AS (json_extract(purpose, '$.model')) VIRTUAL;
    CREATE INDEX subscriptions_by_model ON subscriptions(account_id, model) WHERE model IS NOT NULL;
    CREATE INDEX subscriptions_due ON subscriptions(paid_through) WHERE funding = 'credit' AND status = 'ACTIVE';

    CREATE TABLE sales (
      key TEXT PRIMARY KEY,
      producer_id TEXT NOT NULL,
      model TEXT NOT NULL,
      kind TEXT NOT NULL CHECK (kind IN ('once', 'month', 'refund')),
      amount INTEGER NOT NULL,
      fee INTEGER NOT NULL,
      network_part INTEGER NOT NULL,
      producer_part INTEGER NOT NULL,
      at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sales_by_producer ON sales(producer_id, at);

    ALTER TABLE accounts ADD COLUMN payment_proof TEXT CHECK (payment_proof IN ('paid', 'was-paid'));

    -- Keyed digests of payers' ids, each with the owner it stands for: accounts that share a payer share the owner.
    CREATE TABLE payment_identities (
      digest TEXT PRIMARY KEY,
      owner TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
  `,
};
