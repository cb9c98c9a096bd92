import type { AccountId, ReceiptId } from "../ids.ts";
import type { SignedReceipt } from "./receipt.ts";

/** Receipts, kept for the account that paid. A receipt holds no word of a prompt or answer. */
export interface ReceiptStore {
  save(accountId: AccountId, receipt: SignedReceipt): Promise<void>;
  /** Null where there is none, or it is another account's. */
  find(accountId: AccountId, id: ReceiptId): Promise<SignedReceipt | null>;
}
