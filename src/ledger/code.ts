import type { AccountId, TransferId } from "../ids.ts";
import type { NanoUsd } from "../money.ts";

/** Codes an operator makes, each good for credit once. */
export interface CodeStore {
  /** The code is in this answer and nowhere else. */
  create(amount: NanoUsd): Promise<string>;
  /** Credits the account and uses the code up, both or neither. Throws `not_found` for one unknown or used by another. */
  redeem(code: string, accountId: AccountId): Promise<{ readonly transferId: TransferId; readonly amount: NanoUsd }>;
}
