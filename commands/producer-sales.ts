import { Command } from "commander";
import * as z from "zod";
import { economyRoutes, type SalesDocument } from "../src/protocol/economy-api.ts";
import { openGateway } from "./access.ts";
import { action, type Session } from "./session.ts";

/** `peerllm producer sales`: what your models sold; never to whom. */
export function producerSalesCommand(): Command {
  return new Command("sales")
    .description("show what your models' weights sold")
    .addHelpText(
      "after",
      `
EARNED is what is left of the price for you: PayPal's fee and the network's 5% are off. What is taken back is below
zero. Royalties are in "peerllm earnings"; "peerllm payout" sends both.

Examples:
  peerllm producer sales
  peerllm producer sales --json`,
    )
    .action(
      action(z.object({}), async (session) => {
        const gateway = await openGateway(session);
        const document = await gateway.call(economyRoutes["producer-sales"], {}, session.signal);
        session.printer.result(document, () => describeSales(session, document));
      }),
    );
}

const shownMax = 20;

function describeSales({ printer }: Session, { models, sales }: SalesDocument): string {
  if (models.length === 0) return "Nothing sold yet.";
  const totals = models.map((each) => [
    each.model,
    String(each.copies),
    String(each.months),
    String(each.activeSubscriptions),
    String(each.refunds),
    each.usd,
    each.feeUsd,
    each.networkUsd,
    each.earnedUsd,
  ]);
  const rows = sales
    .slice(0, shownMax)
    .map((each) => [
      new Date(each.at).toISOString().slice(0, 16).replace("T", " "),
      each.model,
      each.kind,
      each.usd,
      each.earnedUsd,
    ]);
  return [
    printer.table(["MODEL", "ONCE", "MONTHS", "ACTIVE", "REFUNDS", "USD", "FEES", "NETWORK", "EARNED"], totals),
    printer.table(["TIME (UTC)", "MODEL", "SOLD", "USD", "EARNED"], rows),
  ].join("\n\n");
}
