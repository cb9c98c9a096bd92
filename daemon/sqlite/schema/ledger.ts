import type { Migration } from "./migration.ts";

/**
 * `transfers` and `entries` are the books: appended, never changed, which triggers enforce. The other tables are sums
 * of them, kept for speed and proved by the audit. Amounts are nano-dollars; a credit is positive.
 */
export const ledgerSchema: Migration = {
  name: "ledger",
  sql: `
    CREATE TABLE ledger_accounts (
      id INTEGER PRIMARY KEY,
      kind TEXT NOT NULL,
      owner TEXT NOT NULL,
      side INTEGER NOT NULL CHECK (side IN (1, 0, -1)),
      balance INTEGER NOT NULL CHECK (balance * side >= 0),
      UNIQUE (owner, kind)
    ) STRICT;

    CREATE TABLE transfers (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      kind TEXT NOT NULL,
      idempotency_key TEXT NOT NULL,
      request_hash TEXT NOT NULL,
      reference TEXT,
      at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE entries (
      transfer INTEGER NOT NULL REFERENCES transfers(sequence),
      account INTEGER NOT NULL REFERENCES ledger_accounts(id),
      amount INTEGER NOT NULL CHECK (amount <> 0),
      PRIMARY KEY (transfer, account)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX entries_by_account ON entries(account, transfer);

    CREATE TRIGGER transfers_are_kept BEFORE DELETE ON transfers BEGIN SELECT RAISE(ABORT, 'ledger rows are append-only'); END;
    CREATE TRIGGER transfers_are_final BEFORE UPDATE ON transfers BEGIN SELECT RAISE(ABORT, 'ledger rows are append-only'); END;
    CREATE TRIGGER entries_are_kept BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'ledger rows are append-only'); END;
    CREATE TRIGGER entries_are_final BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'ledger rows are append-only'); END;

    CREATE TABLE open_holds (
      id TEXT PRIMARY KEY,
      account_id TEXT NOT NULL,
      api_key_id TEXT NOT NULL,
      amount INTEGER NOT NULL CHECK (amount >= 0)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX open_holds_by_key ON open_holds(api_key_id, amount);

    CREATE TABLE usage_days (
      account_id TEXT NOT NULL,
      api_key_id TEXT NOT NULL,
      day TEXT NOT NULL,
      model TEXT NOT NULL,
      requests INTEGER NOT NULL,
      prompt_tokens INTEGER NOT NULL,
      completion_tokens INTEGER NOT NULL,
      amount INTEGER NOT NULL,
      PRIMARY KEY (account_id, api_key_id, day, model)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE earnings_days (
      account_id TEXT NOT NULL,
      role TEXT NOT NULL,
      host_id TEXT NOT NULL,
      day TEXT NOT NULL,
      model TEXT NOT NULL,
      requests INTEGER NOT NULL,
      tokens INTEGER NOT NULL,
      amount INTEGER NOT NULL,
      PRIMARY KEY (account_id, day, role, host_id, model)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE price_sheets (
      version INTEGER PRIMARY KEY,
      effective_from INTEGER NOT NULL,
      billing TEXT NOT NULL,
      per_100k_tokens INTEGER NOT NULL CHECK (per_100k_tokens >= 0),
      host_share_basis_points INTEGER NOT NULL CHECK (host_share_basis_points BETWEEN 0 AND 10000),
      host_subscription INTEGER NOT NULL CHECK (host_subscription >= 0)
    ) STRICT;
    CREATE TRIGGER price_sheets_are_final BEFORE UPDATE ON price_sheets BEGIN SELECT RAISE(ABORT, 'a new price is a new version'); END;
  `,
};
