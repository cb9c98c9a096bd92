import type { Migration } from "./migration.ts";

/** Where the operator can reach who gave an address. */
export const accountEmailsSchema: Migration = {
  name: "account-emails",
  sql: `
    ALTER TABLE accounts ADD COLUMN email TEXT;
  `,
};
