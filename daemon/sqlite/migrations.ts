import { PeerError } from "../../src/errors.ts";
import type { Connection } from "./connection.ts";
import { accountEmailsSchema } from "./schema/account-emails.ts";
import { accountKeysSchema } from "./schema/account-keys.ts";
import { accountsSchema } from "./schema/accounts.ts";
import { economySchema } from "./schema/economy.ts";
import { graceSchema } from "./schema/grace.ts";
import { ledgerSchema } from "./schema/ledger.ts";
import { ledgerTimesSchema } from "./schema/ledger-times.ts";
import type { Migration } from "./schema/migration.ts";
import { modelVersionsSchema } from "./schema/model-versions.ts";
import { modelsSchema } from "./schema/models.ts";
import { reconciliationSchema } from "./schema/reconciliation.ts";
import { refundsSchema } from "./schema/refunds.ts";
import { salesSchema } from "./schema/sales.ts";

/** In order; the database's `user_version` counts how many of them it has. */
export const migrations: readonly Migration[] = [
  accountsSchema,
  ledgerSchema,
  modelsSchema,
  economySchema,
  reconciliationSchema,
  salesSchema,
  ledgerTimesSchema,
  refundsSchema,
  accountKeysSchema,
  graceSchema,
  accountEmailsSchema,
  modelVersionsSchema,
];

/** Brings the schema up to date, each step in a transaction. Throws `storage_failed` for a database of the future. */
export function migrate(connection: Connection, steps: readonly Migration[] = migrations): void {
  const version = Number(connection.prepare("PRAGMA user_version").pluck().get());
  if (version > steps.length) {
    throw new PeerError(
      "storage_failed",
      `The database is at schema ${version}; this PeerLLM knows ${steps.length}. Nothing was changed.`,
      { hint: "Install the newer version of PeerLLM that wrote it, or restore an older backup." },
    );
  }
  for (const [index, step] of steps.entries()) {
    if (index < version) continue;
    connection.transaction(() => {
      connection.exec(step.sql);
      connection.exec(`PRAGMA user_version = ${index + 1}`);
    })();
  }
}
