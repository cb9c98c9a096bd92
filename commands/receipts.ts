import { Command } from "commander";
import * as z from "zod";
import { PeerError } from "../src/errors.ts";
import type { ReceiptDocument } from "../src/protocol/api.ts";
import { routes } from "../src/protocol/api.ts";
import { networkIdOf } from "../src/protocol/handshake.ts";
import { parseReceiptFile } from "../src/protocol/receipt-file.ts";
import { verifyReceipt } from "../src/verification/receipt.ts";
import { openGateway } from "./access.ts";
import type { Printer } from "./printer.ts";
import { action, type Session } from "./session.ts";
import { readTextFile } from "./text-file.ts";

/** `peerllm receipts …`: what was done for a request, and who was paid. */
export function receiptsCommand(): Command {
  const receipts = new Command("receipts")
    .description("show what was done for a request, and who was paid")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm receipts show receipt_abc… --json > receipt.json\n  peerllm receipts verify receipt.json",
    );
  receipts.addCommand(
    new Command("show")
      .description("show a receipt")
      .argument("<receipt>", "its id, from the answer's `peerllm.receipt` or the header x-peerllm-receipt")
      .addHelpText("after", "\nExample:\n  peerllm receipts show receipt_abc… --json > receipt.json")
      .action(
        action(z.object({}), async (session, _, [receipt = ""]) => {
          const gateway = await openGateway(session);
          const document = await gateway.call(routes["receipt-show"], {}, session.signal, { receipt });
          session.printer.result(document, () => describeReceipt(document, session.printer));
        }),
      ),
  );
  receipts.addCommand(
    new Command("verify")
      .description("check a receipt's signatures, offline")
      .argument("<file>", "what `receipts show --json` printed")
      .option("--network-id <id>", "the network that must have signed it")
      .addHelpText("after", "\nExample:\n  peerllm receipts verify receipt.json --network-id network_abc…")
      .action(action(z.object({ networkId: z.string().optional() }), verify)),
  );
  return receipts;
}

/** The receipt names the keys it is checked with, so who signed it is said, for people to compare. */
async function verify(session: Session, options: { networkId?: string | undefined }, [file = ""]: readonly string[]) {
  const text = await readTextFile(file);
  const signed = parseReceiptFile(text);
  verifyReceipt(signed);
  const { receipt } = signed;
  const networkId = networkIdOf(receipt.networkPublicKey);
  if (options.networkId !== undefined && options.networkId !== networkId) {
    throw new PeerError("receipt_invalid", `The receipt is signed by ${networkId}, not by ${options.networkId}.`);
  }
  const legs = receipt.subtasks.flatMap((subtask) => subtask.legs);
  const statements = legs.filter((leg) => leg.statement !== null).length;
  const document = { valid: true, receipt: receipt.receiptId, networkId, hosts: legs.length, statements };
  session.printer.result(document, () =>
    session.printer.facts([
      ["receipt", receipt.receiptId],
      ["signed by", networkId],
      ["statements", `${statements} of ${legs.length} hosts' parts are stated and signed by the host`],
    ]),
  );
}

/** Why hosts worked on more tokens than are paid for, where they did. */
function describeWork({ hosts, unbilled: { overCap, unused } }: ReceiptDocument): string {
  const sum = (count: (host: ReceiptDocument["hosts"][number]) => number) =>
    hosts.reduce((total, host) => total + count(host), 0);
  const worked = `${sum((host) => host.promptTokens)} in, ${sum((host) => host.completionTokens)} out`;
  const reasons = [
    ...(overCap === 0 ? [] : [`${overCap} are free: a split request costs at most 1.25 times an unsplit one`]),
    ...(unused === 0
      ? []
      : [`${unused} are free: the answer holds nothing of them (lost or replaced hosts, backups, cuts)`]),
  ];
  return reasons.length === 0 ? `${worked}: the same` : `${worked}; ${reasons.join("; ")}`;
}

export function describeReceipt(receipt: ReceiptDocument, printer: Printer): string {
  const masked = Object.entries(receipt.masked).map(([type, count]) => `${count} ${type}`);
  return [
    printer.facts([
      ["receipt", receipt.receipt],
      ["at", new Date(receipt.createdAt).toISOString()],
      ["model", receipt.model],
      ["plan", receipt.plan],
      ["tokens you pay for", `${receipt.usage.promptTokens} in, ${receipt.usage.completionTokens} out`],
      ["tokens hosts worked on", describeWork(receipt)],
      ["masked", masked.length === 0 ? "nothing" : masked.join(", ")],
      ["most seen by one owner", `${Math.round(receipt.largestShare * 100)}% of the masked prompt`],
      ["most made by one owner", `${Math.round(receipt.largestAnswerShare * 100)}% of the answer`],
      ["failovers", String(receipt.failovers)],
      ["you paid", `$${receipt.ledger.consumerDebit}`],
      ["hosts earned", `$${receipt.ledger.hostCredit}`],
      ["producer earned", `$${receipt.ledger.producerCredit}`],
      ["network earned", `$${receipt.ledger.networkCredit}`],
    ]),
    "",
    printer.table(
      ["HOST", "OWNER", "IN", "OUT", "OUTCOME"],
      receipt.hosts.map((host) => [
        host.id,
        host.owner,
        String(host.promptTokens),
        String(host.completionTokens),
        host.outcome,
      ]),
    ),
  ].join("\n");
}
