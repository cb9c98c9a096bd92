import { Command } from "commander";
import * as z from "zod";
import { type KeptBenchmark, readKeptBenchmark } from "../src/client/kept-benchmark.ts";
import { type EarningsScenario, forecastEarnings } from "../src/ledger/calculator.ts";
import { formatUsd, zeroUsd } from "../src/money.ts";
import type { Home } from "../src/paths.ts";
import { decimalNumber, positiveNumber, typedUsd, wholeNumber } from "../src/typed-number.ts";
import { type QuotedPrices, quotedPrices } from "./quoted-prices.ts";
import { action, type Session } from "./session.ts";
import { describeSubscription } from "./views/words.ts";
import { hasScreen } from "./watch.ts";

const calculatorOptions = z.object({
  tokensPerSecond: positiveNumber(100_000).optional(),
  conversations: wholeNumber(1, 1_000).optional(),
  hosts: wholeNumber(1, 10_000).optional(),
  hours: decimalNumber(0, 24).optional(),
  electricity: typedUsd.optional(),
  internet: typedUsd.optional(),
  billing: z.enum(["credits", "paypal"]).optional(),
});
type CalculatorOptions = z.output<typeof calculatorOptions>;

/** `peerllm earnings calculator`: sliders on a terminal, where no figure is said; otherwise the figures. */
export function calculatorCommand(): Command {
  return new Command("calculator")
    .description("estimate a month's earnings; with sliders where no figure is said")
    .option("--tokens-per-second <n>", "of each conversation (default: as this machine's benchmark, else 20)")
    .option("--conversations <n>", "in parallel on each host (default: as this machine's benchmark, else 4)")
    .option("--hosts <n>", "hosts (default 1)")
    .option("--hours <n>", "hours a day that they are busy (default 24)")
    .option("--electricity <usd>", "dollars a month (default 0)")
    .option("--internet <usd>", "dollars a month (default 0)")
    .option("--billing <mode>", "paypal counts every host's subscription among the costs (default: as the network)")
    .addHelpText(
      "after",
      `
Price, hosts' share and subscription are those of the network you are on, or that --network names; without one, what a
network begins with. The answer says which.

Example:
  peerllm earnings calculator --tokens-per-second 30 --electricity 12.50`,
    )
    .action(action(calculatorOptions, calculate));
}

async function calculate(session: Session, options: CalculatorOptions): Promise<void> {
  const [{ scenario, source }, quoted] = await Promise.all([assumptions(session.home, options), quotedPrices(session)]);
  const isOpen = Object.values(options).every((value) => value === undefined);
  if (isOpen && session.mayAsk && hasScreen(session)) {
    const { showCalculator } = await import("./views/CalculatorView.tsx");
    const { sheet, source: priceSource } = quoted;
    return showCalculator({ scenario, source, sheet, priceSource }, session.signal);
  }
  const sheet = { ...quoted.sheet, billing: options.billing ?? quoted.sheet.billing };
  printForecast(session, scenario, source, { ...quoted, sheet });
}

function printForecast(
  { printer }: Session,
  scenario: EarningsScenario,
  source: string,
  { sheet, networkUrl, source: priceSource }: QuotedPrices,
): void {
  const { tokens, gross, hostShare, costs, net } = forecastEarnings(sheet, scenario);
  const hostSharePercent = String(sheet.hostShareBasisPoints / 100);
  const document = {
    gross: formatUsd(gross),
    hostShare: formatUsd(hostShare),
    costs: formatUsd(costs),
    net: formatUsd(net),
    tokens,
    assumed: {
      ...scenario,
      electricity: formatUsd(scenario.electricity),
      internet: formatUsd(scenario.internet),
      billing: sheet.billing,
      source,
    },
    prices: {
      source: networkUrl === null ? "built-in" : "network",
      networkUrl,
      version: sheet.version,
      usdPer100kTokens: formatUsd(sheet.per100kTokens),
      hostSharePercent,
      hostSubscriptionUsd: formatUsd(sheet.hostSubscription),
    },
  };
  printer.result(document, () => {
    return [
      printer.facts([
        ["tokens a month", tokens.toLocaleString("en")],
        ["consumers pay", `$${document.gross}`],
        [`hosts' ${hostSharePercent}%`, `$${document.hostShare}`],
        ["costs", `$${document.costs}`],
        ["net", `$${document.net}`],
      ]),
      source,
      priceSource,
      "An estimate, not a promise: it counts every one of those hours as busy.",
      describeSubscription({ ...sheet, billing: "paypal" }),
    ].join("\n");
  });
}

/** What is said, and for the rest what this machine's host measured last, else round figures. */
async function assumptions(
  home: Home,
  options: CalculatorOptions,
): Promise<{ scenario: EarningsScenario; source: string }> {
  const measured = await readKeptBenchmark(home);
  const speed =
    measured === null
      ? { tokensPerSecond: 20, conversations: 4 }
      : {
          tokensPerSecond: roundTenth(measured.decodeTokensPerSecondAtAllSequences / measured.sequences),
          conversations: measured.sequences,
        };
  const scenario = {
    tokensPerSecond: options.tokensPerSecond ?? speed.tokensPerSecond,
    conversations: options.conversations ?? speed.conversations,
    hosts: options.hosts ?? 1,
    hours: options.hours ?? 24,
    electricity: options.electricity ?? zeroUsd,
    internet: options.internet ?? zeroUsd,
  };
  return { scenario, source: describeSpeed(options, measured) };
}

function describeSpeed({ tokensPerSecond, conversations }: CalculatorOptions, measured: KeptBenchmark | null): string {
  const said = [tokensPerSecond, conversations].filter((figure) => figure !== undefined).length;
  if (said === 2) return "Speed: as you say.";
  const rest =
    measured === null
      ? 'assumed. "peerllm host up" measures this machine\'s own.'
      : `this machine's own, measured ${new Date(measured.measuredAt).toISOString().slice(0, 10)} with ${measured.model}.`;
  return `Speed: ${said === 0 ? "" : "where you don't say it, "}${rest}`;
}

function roundTenth(tokensPerSecond: number): number {
  return Math.max(0.1, Math.round(tokensPerSecond * 10) / 10);
}
