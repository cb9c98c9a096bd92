import { Command } from "commander";
import * as z from "zod";
import { parseUsd } from "../src/money.ts";
import { type EarningsDocument, economyRoutes } from "../src/protocol/economy-api.ts";
import { findAccess, openGateway } from "./access.ts";
import { calculatorCommand } from "./earnings-calculator.ts";
import { action, type Session } from "./session.ts";
import { sparkline } from "./views/chart.ts";
import { hasScreen, watch } from "./watch.ts";

/** `peerllm earnings`: what hosts and models of the account earned. */
export function earningsCommand(): Command {
  const earnings = new Command("earnings")
    .description("show what your hosts and models earned")
    .option(
      "--watch",
      "keep showing, live; without a terminal one line per change, into a pipe one every 15 s at least",
    )
    .addHelpText(
      "after",
      "\nDays and months are those of UTC.\n\nExamples:\n  peerllm earnings\n  peerllm earnings calculator --hours 8 --json",
    )
    .action(
      action(z.object({ watch: z.boolean().default(false) }), async (session, options) => {
        const gateway = await openGateway(session);
        const read = () => gateway.call(economyRoutes.earnings, {}, session.signal);
        if (options.watch && hasScreen(session)) {
          const { networkUrl } = await findAccess(session);
          const { showEarnings } = await import("./views/EarningsView.tsx");
          return showEarnings({ networkUrl, read }, session.signal);
        }
        if (options.watch) {
          return watch(session, read, describeChange);
        }
        const document = await read();
        session.printer.result(document, () => describeEarnings(session, document));
      }),
    );
  earnings.addCommand(calculatorCommand());
  return earnings;
}

function describeChange({ today, month, payable, owed }: EarningsDocument): string {
  return `today $${today}, month $${month}, payable $${payable}${owed === "0.00" ? "" : `, owed $${owed}`}`;
}

function lateUntil({ standing, servesUntil }: EarningsDocument["subscriptions"][number]): string {
  if (standing !== "grace" || servesUntil === null) return "";
  return `: its payment is late, and may be until ${new Date(servesUntil).toISOString().slice(0, 10)}`;
}

function owedFact(owed: string): [string, string] {
  return ["owed", `$${owed} for a payment taken back; what is payable pays it first`];
}

function describeEarnings({ printer }: Session, document: EarningsDocument): string {
  const estimate = document.monthEstimate === null ? "after a whole day" : `about $${document.monthEstimate}`;
  const days = document.days.map((day) => Number(parseUsd(day.usd)));
  const parts = [
    printer.facts([
      ["today", `$${document.today}`],
      ["this month", `$${document.month} (estimate: ${estimate}, not a promise)`],
      ["all time", `$${document.allTime}`],
      ["payable", `$${document.payable}`],
      ...(document.owed === "0.00" ? [] : [owedFact(document.owed)]),
      ["on its way", `$${document.pending}`],
      ["paid", `$${document.paid}`],
      ...document.subscriptions.map((each): [string, string] => [
        each.hostId ?? each.model ?? each.kind,
        `subscription ${each.standing}${lateUntil(each)}`,
      ]),
    ]),
    `last 30 days  ${sparkline(days, days.length)}`,
  ];
  if (document.hosts.length > 0) {
    const rows = document.hosts.map((host) => [host.hostId, String(host.tokens), host.usd]);
    parts.push(printer.table(["HOST", "TOKENS", "USD"], rows));
  }
  if (document.models.length > 0) {
    const rows = document.models.map((model) => [model.model, String(model.tokens), model.usd]);
    parts.push(printer.table(["MODEL", "TOKENS", "USD"], rows));
  }
  return parts.join("\n\n");
}
