import { Command } from "commander";
import * as z from "zod";
import { callDaemon } from "../src/client/control.ts";
import { errorTable } from "../src/errors.ts";
import { networkMethods, type PayPalComparison } from "../src/protocol/control-methods.ts";
import type { Printer } from "./printer.ts";
import { action } from "./session.ts";

type Audit = z.output<(typeof networkMethods)["audit"]["result"]>;

/** The one document, or the table, is out before the exit code says what was found. */
export function auditCommand(): Command {
  return new Command("audit")
    .description("recompute every balance from the first entry and prove the books; nothing is changed")
    .option("--require-paypal", "fail where PayPal could not be asked for its own figures")
    .addHelpText(
      "after",
      `
Where the network bills by PayPal, the books are held beside PayPal's list of transactions, one by one. Its reports run
up to three hours late: what is younger is waited for. Where PayPal can't be asked, the books are audited all the same
and "paypal" says "comparison": "unavailable", and why.

Exit code: 0 balanced; 1 the books don't balance, or differ from PayPal's; 4 PayPal can't be asked, with --require-paypal.

Example:
  peerllm network audit --json`,
    )
    .action(
      action(z.object({ requirePaypal: z.boolean().default(false) }), async (session, options) => {
        const { printer } = session;
        const audit = await callDaemon(session.home, "network", networkMethods.audit, {}, session.signal);
        printer.result(audit, () => describeAudit(printer, audit));
        if (!audit.balanced) process.exitCode = errorTable.unexpected.exitCode;
        else if (options.requirePaypal && (audit.paypal?.comparison ?? "unavailable") === "unavailable") {
          process.exitCode = errorTable.upstream_failed.exitCode;
        }
      }),
    );
}

export function reconcileCommand(): Command {
  return new Command("reconcile")
    .description("post what PayPal's list of transactions has and the books lack, as the network does every day")
    .addHelpText(
      "after",
      "\nA refund, reversal or payment whose webhook was lost is posted under the webhook's own key, so that it counts once.\n\nExample:\n  peerllm network reconcile --json",
    )
    .action(
      action(z.object({}), async (session) => {
        const { printer } = session;
        const found = await callDaemon(session.home, "network", networkMethods.reconcile, {}, session.signal);
        printer.result(found, () => describeComparison(printer, found));
        if (found.comparison === "different") process.exitCode = errorTable.unexpected.exitCode;
      }),
    );
}

function describeAudit(printer: Printer, audit: Audit): string {
  const { balanced, transfers, entries, openHolds, totals, problems, paypal } = audit;
  return [
    printer.facts([
      ["books", balanced ? "balanced" : "NOT balanced"],
      ["transfers", `${transfers}, of ${entries} entries`],
      ["open holds", String(openHolds)],
    ]),
    ...problems.map((problem) => `problem: ${problem}`),
    "",
    printer.table(
      ["ACCOUNTS", "USD"],
      Object.entries(totals).map(([kind, usd]) => [kind, usd]),
    ),
    ...(paypal === null ? [] : ["", describeComparison(printer, paypal)]),
  ].join("\n");
}

function describeComparison(printer: Printer, paypal: PayPalComparison): string {
  const { comparison, why, paypalUsd, booksUsd, inTransitUsd, posted, recent, lacking, unlisted } = paypal;
  const date = (at: number) => new Date(at).toISOString();
  const rows = [
    ...lacking.map((one) => [one.transaction, one.code, date(one.at), `$${one.usd}`, one.why]),
    ...unlisted.map((one) => [one.key, "-", date(one.at), `$${one.usd}`, "PayPal does not list it."]),
  ];
  return [
    printer.facts([
      ["PayPal", comparison],
      ...(why === null ? [] : [["why", why] as const]),
      ["PayPal has", paypalUsd === null ? "-" : `$${paypalUsd}`],
      ["the books say", `$${booksUsd}`],
      ["in transit", inTransitUsd === null ? "-" : `$${inTransitUsd}`],
      ["posted now", String(posted)],
      ["too recent", String(recent)],
    ]),
    ...(rows.length === 0 ? [] : ["", printer.table(["TRANSACTION", "CODE", "AT", "AMOUNT", "WHY"], rows)]),
  ].join("\n");
}
