import type { Migration } from "./migration.ts";

/** What goes on outside the books: codes, payments, subscriptions and payouts, and what PayPal calls them. */
export const economySchema: Migration = {
  name: "economy",
  sql: `
    CREATE TABLE codes (
      hash BLOB PRIMARY KEY,
      amount INTEGER NOT NULL CHECK (amount > 0),
      created_at INTEGER NOT NULL,
      redeemed_by TEXT
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE payments (
      id TEXT PRIMARY KEY,
      account_id TEXT NOT NULL,
      purpose TEXT NOT NULL,
      amount INTEGER NOT NULL CHECK (amount > 0),
      state TEXT NOT NULL DEFAULT 'open',
      order_id TEXT UNIQUE,
      approval_url TEXT,
      capture_id TEXT UNIQUE,
      refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded <= amount),
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX payments_open ON payments(updated_at) WHERE state = 'open';

    CREATE TABLE subscriptions (
      id TEXT PRIMARY KEY,
      account_id TEXT NOT NULL,
      purpose TEXT NOT NULL,
      host_id TEXT,
      monthly INTEGER NOT NULL CHECK (monthly > 0),
      status TEXT NOT NULL DEFAULT 'CREATED',
      paypal_id TEXT UNIQUE,
      approval_url TEXT,
      paid_through INTEGER,
      outstanding INTEGER NOT NULL DEFAULT 0,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX subscriptions_by_account ON subscriptions(account_id, created_at);
    CREATE INDEX subscriptions_by_host ON subscriptions(host_id, paid_through);
    CREATE INDEX subscriptions_open ON subscriptions(updated_at) WHERE status NOT IN ('CANCELLED', 'EXPIRED');

    CREATE TABLE payout_settings (
      account_id TEXT PRIMARY KEY,
      receiver TEXT NOT NULL,
      receiver_type TEXT NOT NULL,
      threshold INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE payouts (
      id TEXT PRIMARY KEY,
      account_id TEXT NOT NULL,
      host_part INTEGER NOT NULL,
      producer_part INTEGER NOT NULL,
      receiver TEXT NOT NULL,
      receiver_type TEXT NOT NULL,
      batch_id TEXT NOT NULL UNIQUE,
      state TEXT NOT NULL,
      paypal_batch_id TEXT,
      paypal_item_id TEXT,
      paypal_status TEXT,
      fee INTEGER,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX payouts_by_account ON payouts(account_id, created_at);
    CREATE INDEX payouts_open ON payouts(updated_at) WHERE state IN ('reserved', 'sent');

    -- Webhooks as they came, under PayPal's event id, until they are processed.
    CREATE TABLE webhook_events (
      id TEXT PRIMARY KEY,
      received_at INTEGER NOT NULL,
      body TEXT NOT NULL,
      processed_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX webhook_events_waiting ON webhook_events(received_at) WHERE processed_at IS NULL;

    -- Things made once at PayPal and found again: products, plans, the webhook.
    CREATE TABLE paypal_objects (
      name TEXT PRIMARY KEY,
      paypal_id TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
  `,
};
