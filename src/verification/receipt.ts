import { createHash } from "node:crypto";
import { canonicalJson } from "../canonical-json.ts";
import { PeerError } from "../errors.ts";
import { isSignedBy, type KeyPair, type PublicKey } from "../identity/key.ts";
import type { ReceiptId, RequestId, TransferId } from "../ids.ts";
import { isStatementBy, type SignedStatement } from "./statement.ts";

/** One host's part in one subtask. Tokens are the orchestrator's own counts. */
export interface ReceiptLeg {
  readonly hostId: string;
  readonly hostPublicKey: PublicKey;
  readonly owner: string;
  readonly epoch: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** False where the host sends text: then its statement counts by its own server's measure. */
  readonly reportsTokens: boolean;
  readonly outcome: "finished" | "lost" | "cancelled";
  /** Null where the host died before it could make one. */
  readonly statement: SignedStatement | null;
}

/** Tokens of the legs that nobody pays for: the legs' tokens are those billed and these. */
export interface UnbilledTokens {
  /** Beyond what a split request may cost at most: 1.25 times an unsplit one. */
  readonly overCap: number;
  /** Of work that the answer doesn't hold: hosts that were lost or replaced, backups, and what was not released. */
  readonly unused: number;
}

export interface ReceiptSubtask {
  readonly index: number;
  readonly legs: readonly ReceiptLeg[];
}

/** What was done for one request, told without a word of its prompt or answer. */
export interface Receipt {
  readonly version: 1;
  readonly receiptId: ReceiptId;
  readonly requestId: RequestId;
  readonly networkPublicKey: PublicKey;
  /** ISO 8601, UTC. */
  readonly issuedAt: string;
  readonly model: string;
  readonly modelDigest: string;
  readonly privacy: "standard" | "strict";
  readonly plan: { readonly strategy: string; readonly reason: string };
  readonly subtasks: readonly ReceiptSubtask[];
  /** Identifiers masked, counted by type. */
  readonly masked: Readonly<Record<string, number>>;
  /** Largest fraction (0..1) of the masked prompt's tokens that one owner saw, backups and replacements counted. */
  readonly largestPromptShare: number;
  /** Largest fraction (0..1) of the answer's tokens that one owner made. */
  readonly largestAnswerShare: number;
  readonly failovers: number;
  /** Tokens billed. */
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number };
  readonly unbilled: UnbilledTokens;
  /** Exact decimal dollars. */
  readonly costUsd: string;
  /** The ledger's transfer that settled it. */
  readonly transfer: TransferId;
}

export interface SignedReceipt {
  readonly receipt: Receipt;
  /** The orchestrator's Ed25519 signature over the canonical JSON of `receipt`, base64url. */
  readonly signature: string;
}

export function signReceipt(key: KeyPair, receipt: Receipt): SignedReceipt {
  return { receipt, signature: key.sign(receiptBytes(receipt)) };
}

/**
 * Checks a receipt with the public keys it names and nothing else. Throws `receipt_invalid`, saying which part fails:
 * the orchestrator's signature, a host's statement that is not signed by it or speaks of other work, or a bill for
 * other tokens than the hosts' parts hold.
 */
export function verifyReceipt({ receipt, signature }: SignedReceipt): void {
  if (!isSignedBy(receipt.networkPublicKey, receiptBytes(receipt), signature)) {
    throw new PeerError("receipt_invalid", `Receipt ${receipt.receiptId} is not signed by the network it names.`);
  }
  for (const subtask of receipt.subtasks) {
    for (const leg of subtask.legs) verifyLeg(receipt, subtask.index, leg);
  }
  verifyTokens(receipt);
}

function verifyTokens({ receiptId, subtasks, usage, unbilled }: Receipt): void {
  const legs = subtasks.flatMap((subtask) => subtask.legs);
  const worked = legs.reduce((sum, leg) => sum + leg.promptTokens + leg.completionTokens, 0);
  const told = usage.promptTokens + usage.completionTokens + unbilled.overCap + unbilled.unused;
  if (worked === told) return;
  throw new PeerError(
    "receipt_invalid",
    `Receipt ${receiptId} tells of ${told} tokens; its hosts' parts of ${worked}.`,
  );
}

function verifyLeg(receipt: Receipt, index: number, leg: ReceiptLeg): void {
  const { statement } = leg;
  if (statement === null) return;
  if (!isStatementBy(leg.hostPublicKey, statement)) {
    throw new PeerError("receipt_invalid", `The statement of host ${leg.hostId} on subtask ${index} is not its own.`);
  }
  const isOfThisLeg = statement.epoch === leg.epoch && statement.digest === receipt.modelDigest;
  const isCountedAlike = !leg.reportsTokens || statement.completionTokens === leg.completionTokens;
  if (!isOfThisLeg || !isCountedAlike) {
    throw new PeerError("receipt_invalid", `The statement of host ${leg.hostId} on subtask ${index} is of other work.`);
  }
}

function receiptBytes(receipt: Receipt): Uint8Array {
  return createHash("sha256").update(canonicalJson(receipt)).digest();
}
