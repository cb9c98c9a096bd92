import type { Migration } from "./migration.ts";

/**
 * A payment refunded after a dispute about it was won is heard of in any order: for a while more may have been taken back
 * of it than was paid. What a payment has of both is counted, not limited.
 */
export const refundsSchema: Migration = {
  name: "refunds",
  sql: `
    ALTER TABLE payments ADD COLUMN taken_back INTEGER NOT NULL DEFAULT 0;
    UPDATE payments SET taken_back = refunded;
    ALTER TABLE payments DROP COLUMN refunded;
    ALTER TABLE payments RENAME COLUMN taken_back TO refunded;
  `,
};
