import type { z } from "zod";
import type { Entry } from "../../src/ledger/books.ts";
import { addUsd, formatUsd, type NanoUsd, nanoUsd } from "../../src/money.ts";
import type { receiptSchema } from "../../src/protocol/api.ts";
import type { SignedReceipt } from "../../src/verification/receipt.ts";

/** A receipt as the account that paid sees it: the signed document, and who was paid by the transfer it names. */
export function receiptDocument(signed: SignedReceipt, entries: readonly Entry[]): z.input<typeof receiptSchema> {
  const { receipt } = signed;
  const earned = (kind: Entry["account"]["kind"]) => sumOf(entries.filter(({ account }) => account.kind === kind));
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
    unbilled: receipt.unbilled,
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
    ledger: {
      consumerDebit: receipt.costUsd,
      hostCredit: formatUsd(earned("host-payable")),
      networkCredit: formatUsd(addUsd(earned("network-revenue"), earned("rounding"))),
      producerCredit: formatUsd(earned("producer-payable")),
    },
    transfer: receipt.transfer,
    signed,
  };
}

function sumOf(entries: readonly Entry[]): NanoUsd {
  return nanoUsd(entries.reduce((sum, { amount }) => sum + amount, 0n));
}
