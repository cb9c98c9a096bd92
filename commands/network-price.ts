import { Command } from "commander";
import * as z from "zod";
import { callDaemon } from "../src/client/control.ts";
import { PeerError } from "../src/errors.ts";
import { formatUsd, parseUsd } from "../src/money.ts";
import { networkMethods, type PriceDocument } from "../src/protocol/control-methods.ts";
import { wholeNumber } from "../src/typed-number.ts";
import type { Printer } from "./printer.ts";
import { action } from "./session.ts";

/** `peerllm network price …`: every change is a version with a date. */
export function priceCommand(): Command {
  const price = new Command("price")
    .description("show or set price, host share, subscription and billing mode")
    .addHelpText("after", "\nExamples:\n  peerllm network price show\n  peerllm network price set 0.80");
  price.addCommand(
    new Command("show")
      .description("show what applies, and every version")
      .addHelpText("after", "\nExample:\n  peerllm network price show")
      .action(
        action(z.object({}), async (session) => {
          const now = await callDaemon(session.home, "network", networkMethods["price-show"], {}, session.signal);
          session.printer.result(now, () => describePrice(session.printer, now));
        }),
      ),
  );
  price.addCommand(setCommand());
  return price;
}

const setOptions = z.object({
  hostShare: z.string().optional(),
  subscription: z.string().optional(),
  graceDays: wholeNumber(0, 60).optional(),
  billing: z.enum(["off", "credits", "paypal"]).optional(),
  from: z.string().nullable().default(null),
});

function setCommand(): Command {
  return new Command("set")
    .description("make a new version of the price sheet; what isn't said stays")
    .argument("[usd]", "dollars per 100,000 tokens")
    .option("--host-share <percent>", "of the price, to the host: 95, 92.5")
    .option("--subscription <usd>", "a month, of every host, where billing is paypal")
    .option(
      "--grace-days <n>",
      "how many days a monthly payment may be late before there is no more paid work (first 3)",
    )
    .option("--billing <mode>", "off, credits or paypal")
    .option(
      "--from <date>",
      "when it begins to apply: 2026-12-01, or with a time in UTC: 2026-12-01T06:00Z (default now)",
    )
    .addHelpText(
      "after",
      `
Requests admitted before, and hosts subscribed before, keep what they were shown: a new subscription price makes a new
plan at PayPal for those who subscribe from then on. A payment may be late by as many days as was said when it fell due.

Examples:
  peerllm network price set 0.80
  peerllm network price set --host-share 92.5 --subscription 6 --from 2026-12-01`,
    )
    .action(
      action(setOptions, async (session, { hostShare, subscription, graceDays, billing, from }, [amount]) => {
        if ([amount, hostShare, subscription, graceDays, billing].every((value) => value === undefined)) {
          throw new PeerError("usage_invalid", "Nothing was said to set.", { hint: "Add --help to see what can be." });
        }
        const params = {
          from: from === null ? null : instantOf(from),
          ...(amount === undefined ? {} : { usdPer100kTokens: formatUsd(parseUsd(amount)) }),
          ...(hostShare === undefined ? {} : { hostSharePercent: hostShare }),
          ...(subscription === undefined ? {} : { hostSubscriptionUsd: formatUsd(parseUsd(subscription)) }),
          ...(graceDays === undefined ? {} : { graceDays }),
          ...(billing === undefined ? {} : { billing }),
        };
        const now = await callDaemon(session.home, "network", networkMethods["price-set"], params, session.signal);
        session.printer.result(now, () => describePrice(session.printer, now));
      }),
    );
}

/** A day begins at midnight UTC. */
function instantOf(text: string): number {
  const instant = /^\d{4}-\d{2}-\d{2}(T[\d:.]+Z)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(instant)) return instant;
  throw new PeerError("usage_invalid", `Not a date: "${text}". Write it like 2026-12-01 or 2026-12-01T06:00Z.`);
}

function describePrice(printer: Printer, price: PriceDocument): string {
  const rows = price.versions.map((sheet) => [
    sheet.version === price.version ? `${sheet.version} *` : String(sheet.version),
    new Date(sheet.since).toISOString().slice(0, 16).replace("T", " "),
    sheet.billing,
    `$${sheet.usdPer100kTokens}`,
    `${sheet.hostSharePercent}%`,
    `$${sheet.hostSubscriptionUsd}`,
    `${sheet.graceDays} days`,
  ]);
  return printer.table(["VERSION", "FROM (UTC)", "BILLING", "PER 100K", "TO HOST", "A MONTH", "LATE"], rows);
}
