import type { Migration } from "./migration.ts";

/** The key an account began with manages it: keys with less may not. */
export const accountKeysSchema: Migration = {
  name: "account-keys",
  sql: `
    UPDATE api_keys SET scopes = scopes || ' admin'
    WHERE scopes = 'consume produce host' AND budget_day IS NULL AND budget_month IS NULL AND created_at = (
      SELECT min(created_at) FROM api_keys AS others WHERE others.account_id = api_keys.account_id
    );
  `,
};
