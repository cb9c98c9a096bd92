import { createGateway } from "../src/client/gateway.ts";
import { isPeerError } from "../src/errors.ts";
import { firstPriceSheet, type PriceSheet } from "../src/ledger/pricing.ts";
import { formatUsd, parseUsd } from "../src/money.ts";
import { routes } from "../src/protocol/api.ts";
import { timeLimit } from "../src/time-limit.ts";
import { knownNetwork } from "./access.ts";
import type { Session } from "./session.ts";

/** What things cost, and who says so. */
export interface QuotedPrices {
  readonly sheet: PriceSheet;
  /** The network whose prices they are; null where they are those that a network begins with. */
  readonly networkUrl: string | null;
  /** The same for people. */
  readonly source: string;
}

const answerMsMax = 5_000;

/** The prices in force on the network that the command means; those a network begins with where none answers. */
export async function quotedPrices(session: Session): Promise<QuotedPrices> {
  const networkUrl = await knownNetwork(session);
  if (networkUrl === null) return builtIn("no network is known here");
  const limit = timeLimit(answerMsMax);
  try {
    return await pricesOf(networkUrl, AbortSignal.any([session.signal, limit]));
  } catch (error) {
    if (session.signal.aborted || !(limit.aborted || isPeerError(error))) throw error;
    return builtIn(`${networkUrl} did not tell its own`);
  }
}

function builtIn(why: string): QuotedPrices {
  const source = `Prices: what a network begins with; ${why}.`;
  return { sheet: firstPriceSheet("credits", 0), networkUrl: null, source };
}

async function pricesOf(networkUrl: string, signal: AbortSignal): Promise<QuotedPrices> {
  const shown = await createGateway({ url: networkUrl, apiKey: null }).call(routes["network-show"], {}, signal);
  const sheet = {
    version: shown.priceVersion,
    effectiveFrom: 0,
    billing: shown.billing,
    per100kTokens: parseUsd(shown.usdPer100kTokens),
    hostShareBasisPoints: Math.round(Number(shown.hostSharePercent) * 100),
    hostSubscription: parseUsd(shown.hostSubscriptionUsd),
    graceDays: shown.graceDays,
  };
  const price = `$${formatUsd(sheet.per100kTokens)} per 100,000 tokens`;
  const charged = sheet.billing === "off" ? "which charges nothing" : price;
  return { sheet, networkUrl, source: `Prices: of ${networkUrl}, version ${sheet.version}: ${charged}.` };
}
