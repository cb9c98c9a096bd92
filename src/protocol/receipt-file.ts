import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { PeerError } from "../errors.ts";
import { parsePublicKey } from "../identity/key.ts";
import { parseId } from "../ids.ts";
import { addUsd, type NanoUsd, parseUsd } from "../money.ts";
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

/** What of a receipt as `receipts show` prints it repeats the signed receipt, for people to read. */
export function receiptFacts({ receipt }: SignedReceipt) {
  const legs = receipt.subtasks.flatMap((subtask) => subtask.legs);
  return {
    receipt: receipt.receiptId,
    requestId: receipt.requestId,
    createdAt: Date.parse(receipt.issuedAt),
    model: receipt.model,
    plan: receipt.plan.strategy,
    reason: receipt.plan.reason,
    privacy: receipt.privacy,
    usage: receipt.usage,
    unbilled: { ...receipt.unbilled },
    largestShare: receipt.largestPromptShare,
    largestAnswerShare: receipt.largestAnswerShare,
    masked: receipt.masked,
    failovers: receipt.failovers,
    hosts: legs.map(({ hostId, owner, promptTokens, completionTokens, outcome }) => ({
      id: hostId,
      owner,
      promptTokens,
      completionTokens,
      outcome,
    })),
    transfer: receipt.transfer,
  };
}

/**
 * Reads a receipt from the text of a file: one as the orchestrator signed it, or what `receipts show --json` prints,
 * which carries that as `signed` and must say the same. Says nothing of its signatures. Throws `receipt_invalid`.
 */
export function parseReceiptFile(text: string): SignedReceipt {
  const document = parseJson(text);
  const isShown = typeof document === "object" && document !== null && "signed" in document;
  const signed = parseSigned(isShown ? document.signed : document);
  if (isShown) requireSameFacts(document, signed);
  return signed;
}

function parseSigned(document: unknown): SignedReceipt {
  try {
    return signedReceiptSchema.parse(document);
  } catch (cause) {
    throw new PeerError("receipt_invalid", "This is not a receipt, or not one this version knows.", { cause });
  }
}

/** Who was paid isn't signed, what was paid is: the shares have to come to it. */
function requireSameFacts(document: object, signed: SignedReceipt): void {
  const shown = new Map<string, unknown>(Object.entries(document));
  const altered = Object.entries(receiptFacts(signed)).find(
    ([name, value]) => shown.has(name) && !isDeepStrictEqual(shown.get(name), value),
  );
  if (altered !== undefined) throw new PeerError("receipt_invalid", `Its "${altered[0]}" is not what was signed.`);
  if (shown.has("ledger") && !comesTo(shown.get("ledger"), parseUsd(signed.receipt.costUsd))) {
    throw new PeerError("receipt_invalid", 'Its "ledger" does not come to the cost that was signed.');
  }
}

const usd = z
  .string()
  .regex(/^\d{1,9}(?:\.\d{1,9})?$/)
  .transform(parseUsd);
const ledgerSchema = z.object({ consumerDebit: usd, hostCredit: usd, networkCredit: usd, producerCredit: usd });

function comesTo(shown: unknown, cost: NanoUsd): boolean {
  const ledger = ledgerSchema.safeParse(shown);
  if (!ledger.success) return false;
  const { consumerDebit, hostCredit, networkCredit, producerCredit } = ledger.data;
  return consumerDebit === cost && addUsd(hostCredit, networkCredit, producerCredit) === cost;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PeerError("receipt_invalid", "This is not a receipt: it isn't JSON.", { cause });
  }
}
