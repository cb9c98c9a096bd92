import type { Migration } from "./migration.ts";

export const accountsSchema: Migration = {
  name: "accounts",
  sql: `
    CREATE TABLE accounts (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      vouched_at INTEGER,
      payment_identity TEXT
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE api_keys (
      id TEXT PRIMARY KEY,
      account_id TEXT NOT NULL REFERENCES accounts(id),
      name TEXT NOT NULL,
      prefix TEXT NOT NULL UNIQUE,
      hash BLOB NOT NULL,
      scopes TEXT NOT NULL,
      budget_day INTEGER,
      budget_month INTEGER,
      requests_per_minute INTEGER NOT NULL,
      tokens_per_minute INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      revoked_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX api_keys_by_account ON api_keys(account_id, created_at);

    CREATE TABLE invites (
      hash BLOB PRIMARY KEY,
      uses_left INTEGER NOT NULL CHECK (uses_left >= 0),
      expires_at INTEGER,
      created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE hosts (
      id TEXT PRIMARY KEY,
      account_id TEXT NOT NULL REFERENCES accounts(id),
      public_key TEXT NOT NULL,
      first_seen_at INTEGER NOT NULL,
      last_seen_at INTEGER NOT NULL,
      benchmark TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX hosts_by_account ON hosts(account_id, first_seen_at);

    CREATE TABLE receipts (
      id TEXT PRIMARY KEY,
      account_id TEXT NOT NULL REFERENCES accounts(id),
      created_at INTEGER NOT NULL,
      json TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
  `,
};
