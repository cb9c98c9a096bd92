import type * as z from "zod";
import type { Entry } from "../../src/ledger/books.ts";
import { addUsd, formatUsd, type NanoUsd, nanoUsd } from "../../src/money.ts";
import type { receiptSchema } from "../../src/protocol/api.ts";
import { receiptFacts } from "../../src/protocol/receipt-file.ts";
import type { SignedReceipt } from "../../src/verification/receipt.ts";

/** A receipt as the account that paid sees it: the signed document, and who was paid by the transfer it names. */
export function receiptDocument(signed: SignedReceipt, entries: readonly Entry[]): z.input<typeof receiptSchema> {
  const { receipt } = signed;
  const earned = (kind: Entry["account"]["kind"]) => sumOf(entries.filter(({ account }) => account.kind === kind));
  return {
    ...receiptFacts(signed),
    ledger: {
      consumerDebit: receipt.costUsd,
      hostCredit: formatUsd(earned("host-payable")),
      networkCredit: formatUsd(addUsd(earned("network-revenue"), earned("rounding"))),
      producerCredit: formatUsd(earned("producer-payable")),
    },
    signed,
  };
}

function sumOf(entries: readonly Entry[]): NanoUsd {
  return nanoUsd(entries.reduce((sum, { amount }) => sum + amount, 0n));
}
