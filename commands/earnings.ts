import { Command } from "commander";
import { z } from "zod";
import { forecastEarnings } from "../src/ledger/calculator.ts";
import { firstPriceSheet } from "../src/ledger/pricing.ts";
import { formatUsd, parseUsd } from "../src/money.ts";
import { type EarningsDocument, economyRoutes } from "../src/protocol/economy-api.ts";
import { openGateway } from "./access.ts";
import { action, type Session } from "./session.ts";
import { watch } from "./watch.ts";

/** `peerllm earnings`: what hosts and models of the account earned. */
export function earningsCommand(): Command {
  const earnings = new Command("earnings")
    .description("show what your hosts and models earned")
    .option("--watch", "keep showing, one line per change")
    .addHelpText("after", "\nExamples:\n  peerllm earnings\n  peerllm earnings calculator --hours 8 --json")
    .action(
      action(z.object({ watch: z.boolean().default(false) }), async (session, options) => {
        const gateway = await openGateway(session);
        const read = () => gateway.call(economyRoutes.earnings, {}, session.signal);
        if (options.watch) {
          return watch(session, read, (now) => `today $${now.today}, month $${now.month}, payable $${now.payable}`);
        }
        const document = await read();
        session.printer.result(document, () => describeEarnings(session, document));
      }),
    );
  earnings.addCommand(calculatorCommand());
  return earnings;
}

function describeEarnings({ printer }: Session, document: EarningsDocument): string {
  const estimate = document.monthEstimate === null ? "after a whole day" : `about $${document.monthEstimate}`;
  const parts = [
    printer.facts([
      ["today", `$${document.today}`],
      ["this month", `$${document.month} (estimate: ${estimate}, not a promise)`],
      ["all time", `$${document.allTime}`],
      ["payable", `$${document.payable}`],
      ["on its way", `$${document.pending}`],
      ["paid", `$${document.paid}`],
      ...document.subscriptions.map((each): [string, string] => [
        each.hostId ?? each.kind,
        `subscription ${each.standing}`,
      ]),
    ]),
    `last 30 days  ${sparkline(document.days.map((day) => parseUsd(day.usd)))}`,
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

const bars = "▁▂▃▄▅▆▇█";

/** One bar per value; the highest is full, zero is a dot. */
function sparkline(values: readonly bigint[]): string {
  const [top = 0n] = [...values].sort((a, b) => (a < b ? 1 : -1));
  const barOf = (value: bigint) => (value <= 0n ? "·" : bars[Number((value * 7n) / top)]);
  return values.map(barOf).join("");
}

const number = z.coerce.number({ error: "must be a number" });
const calculatorOptions = z.object({
  tokensPerSecond: number.positive().max(100_000).default(20),
  conversations: number.int().min(1).max(1_000).default(4),
  hosts: number.int().min(1).max(10_000).default(1),
  hours: number.min(0).max(24).default(24),
  electricity: z.string().default("0"),
  internet: z.string().default("0"),
  billing: z.enum(["credits", "paypal"]).default("credits"),
});

function calculatorCommand(): Command {
  return new Command("calculator")
    .description("estimate a month's earnings")
    .option("--tokens-per-second <n>", "of each conversation (default 20)")
    .option("--conversations <n>", "in parallel on each host (default 4)")
    .option("--hosts <n>", "hosts (default 1)")
    .option("--hours <n>", "hours a day that they are busy (default 24)")
    .option("--electricity <usd>", "dollars a month")
    .option("--internet <usd>", "dollars a month")
    .option("--billing <mode>", "paypal counts every host's subscription among the costs (default credits)")
    .action(
      action(calculatorOptions, async ({ printer }, options) => {
        const costs = { electricity: parseUsd(options.electricity), internet: parseUsd(options.internet) };
        const forecast = forecastEarnings(firstPriceSheet(options.billing, 0), { ...options, ...costs });
        const { tokens, gross, hostShare, net } = forecast;
        const document = {
          gross: formatUsd(gross),
          hostShare: formatUsd(hostShare),
          costs: formatUsd(forecast.costs),
          net: formatUsd(net),
          tokens,
        };
        printer.result(document, () =>
          [
            printer.facts([
              ["tokens a month", tokens.toLocaleString("en")],
              ["consumers pay", `$${document.gross}`],
              ["hosts' 95%", `$${document.hostShare}`],
              ["costs", `$${document.costs}`],
              ["net", `$${document.net}`],
            ]),
            "An estimate, not a promise: it counts every one of those hours as busy.",
          ].join("\n"),
        );
      }),
    );
}
