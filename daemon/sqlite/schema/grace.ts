import type { Migration } from "./migration.ts";

/** How long a monthly payment may be late is said with the prices; until it was, it was three days. */
export const graceSchema: Migration = {
  name: "grace",
  sql: `
    ALTER TABLE price_sheets ADD COLUMN grace_days INTEGER NOT NULL DEFAULT 3 CHECK (grace_days >= 0);
  `,
};
