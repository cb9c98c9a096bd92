import type { Migration } from "./migration.ts";

/**
 * When what was written: a month's statement does not read an account from its first entry, nor a day's total every day
 * there was.
 */
export const ledgerTimesSchema: Migration = {
  name: "ledger-times",
  sql: `
    CREATE INDEX transfers_by_time ON transfers(at);
    CREATE INDEX usage_days_by_day ON usage_days(day);
    CREATE INDEX earnings_days_by_day ON earnings_days(day, role);
  `,
};
