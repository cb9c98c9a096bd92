import { z } from "zod";
import { PeerError } from "../errors.ts";
import { parsePublicKey } from "../identity/key.ts";
import { parseId } from "../ids.ts";
import type { SignedReceipt } from "../verification/receipt.ts";

const publicKey = z.string().transform(parsePublicKey);
const count = z.int().min(0);
const share = z.number().min(0).max(1);

const statementSchema = z.strictObject({
  subtask: z.string(),
  epoch: count,
  digest: z.string(),
  promptTokens: count,
  completionTokens: count,
  answerDigest: z.string(),
  firstTokenMs: z.number(),
  elapsedMs: z.number(),
  signature: z.string(),
});

const legSchema = z.strictObject({
  hostId: z.string(),
  hostPublicKey: publicKey,
  owner: z.string(),
  epoch: count,
  promptTokens: count,
  completionTokens: count,
  reportsTokens: z.boolean(),
  outcome: z.enum(["finished", "lost", "cancelled"]),
  statement: statementSchema.nullable(),
});

/** Strict, since all of it is signed: what this version doesn't know it can't vouch for. */
const signedReceiptSchema = z.strictObject({
  receipt: z.strictObject({
    version: z.literal(1),
    receiptId: z.string().transform((text) => parseId("receipt", text)),
    requestId: z.string().transform((text) => parseId("request", text)),
    networkPublicKey: publicKey,
    issuedAt: z.string(),
    model: z.string(),
    modelDigest: z.string(),
    privacy: z.enum(["standard", "strict"]),
    plan: z.strictObject({ strategy: z.string(), reason: z.string() }),
    subtasks: z.array(z.strictObject({ index: count, legs: z.array(legSchema) })),
    masked: z.record(z.string(), count),
    largestPromptShare: share,
    largestAnswerShare: share,
    failovers: count,
    usage: z.strictObject({ promptTokens: count, completionTokens: count }),
    unbilled: z.strictObject({ overCap: count, unused: count }),
    costUsd: z.string(),
    transfer: z.string().transform((text) => parseId("transfer", text)),
  }),
  signature: z.string(),
});

/**
 * Reads a receipt from the text of a file: one as the orchestrator signed it, or what `receipts show --json` prints,
 * which carries that as `signed`. Says nothing of its signatures. Throws `receipt_invalid`.
 */
export function parseReceiptFile(text: string): SignedReceipt {
  const document = parseJson(text);
  const signed = typeof document === "object" && document !== null && "signed" in document ? document.signed : document;
  try {
    return signedReceiptSchema.parse(signed);
  } catch (cause) {
    throw new PeerError("receipt_invalid", "This is not a receipt, or not one this version knows.", { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PeerError("receipt_invalid", "This is not a receipt: it isn't JSON.", { cause });
  }
}
