import { Command } from "commander";
import { z } from "zod";
import type { ReceiptDocument } from "../src/protocol/api.ts";
import { routes } from "../src/protocol/api.ts";
import { openGateway } from "./access.ts";
import type { Printer } from "./printer.ts";
import { action } from "./session.ts";

/** `peerllm receipts …`: what was done for a request, and who was paid. */
export function receiptsCommand(): Command {
  const receipts = new Command("receipts").description("show what was done for a request, and who was paid");
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
  return receipts;
}

export function describeReceipt(receipt: ReceiptDocument, printer: Printer): string {
  const masked = Object.entries(receipt.masked).map(([type, count]) => `${count} ${type}`);
  return [
    printer.facts([
      ["receipt", receipt.receipt],
      ["at", new Date(receipt.createdAt).toISOString()],
      ["model", receipt.model],
      ["plan", receipt.plan],
      ["tokens", `${receipt.usage.promptTokens} in, ${receipt.usage.completionTokens} out`],
      ["masked", masked.length === 0 ? "nothing" : masked.join(", ")],
      ["most seen by one owner", `${Math.round(receipt.largestShare * 100)}% of the masked prompt`],
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
