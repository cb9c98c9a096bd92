import { mulDiv, type NanoUsd, nanoUsd, subtractUsd, zeroUsd } from "../money.ts";
import { type PriceSheet, priceOfTokens } from "./pricing.ts";

/** What a host's month may be like. Dollars are for all hosts together. */
export interface EarningsScenario {
  /** Of each conversation. */
  readonly tokensPerSecond: number;
  readonly conversations: number;
  readonly hosts: number;
  /** Hours a day that it is busy, 0 to 24. */
  readonly hours: number;
  readonly electricity: NanoUsd;
  readonly internet: NanoUsd;
}

export interface EarningsForecast {
  readonly tokens: number;
  readonly gross: NanoUsd;
  readonly hostShare: NanoUsd;
  /** Electricity, internet and, where the network asks one, the subscription of every host. */
  readonly costs: NanoUsd;
  readonly net: NanoUsd;
}

const daysPerMonth = 30n;
/** Rates count in millionths, hours in milliseconds: floats would lose a token here and there. */
const millionths = 1_000_000;
const millisPerHour = 3_600_000;

/** A month of 30 days, as busy as said throughout: an estimate, not a promise. Whole tokens. */
export function forecastEarnings(sheet: PriceSheet, scenario: EarningsScenario): EarningsForecast {
  const { tokensPerSecond, conversations, hosts, hours, electricity, internet } = scenario;
  const streams = BigInt(conversations) * BigInt(hosts);
  const rate = BigInt(Math.round(tokensPerSecond * millionths)) * streams;
  const busyMillis = BigInt(Math.round(hours * millisPerHour)) * daysPerMonth;
  const tokens = Number((rate * busyMillis) / (BigInt(millionths) * 1_000n));
  const gross = priceOfTokens(sheet, tokens);
  const hostShare = hostShareOf(sheet, tokens);
  const subscriptions = sheet.billing === "paypal" ? sheet.hostSubscription * BigInt(hosts) : 0n;
  const costs = nanoUsd(electricity + internet + subscriptions);
  return { tokens, gross, hostShare, costs, net: subtractUsd(hostShare, costs) };
}

export interface SubscriptionTokens {
  /** A round number that is not quite enough, for people to go by: 500,000 at the first prices. */
  readonly tokens: number;
  /** What a host is paid for `tokens`. */
  readonly hostShare: NanoUsd;
  /** A month of one host. */
  readonly subscription: NanoUsd;
  /** The fewest tokens whose pay is the subscription or more; null where tokens pay a host nothing. */
  readonly tokensToPay: number | null;
}

/** How far tokens go towards a host's subscription. */
export function subscriptionTokens(sheet: PriceSheet): SubscriptionTokens {
  const { hostSubscription: subscription, per100kTokens, hostShareBasisPoints } = sheet;
  const perToken = sheet.billing === "off" ? 0n : per100kTokens * BigInt(hostShareBasisPoints);
  if (perToken === 0n) return { tokens: 0, hostShare: zeroUsd, subscription, tokensToPay: null };
  const tokensToPay = Number(mulDiv(subscription, 100_000n * 10_000n, perToken, "ceil"));
  const tokens = roundedDown(tokensToPay - 1);
  return { tokens, hostShare: hostShareOf(sheet, tokens), subscription, tokensToPay };
}

/** Its first digit, and zeros. */
function roundedDown(count: number): number {
  const unit = 10 ** (String(count).length - 1);
  return Math.floor(count / unit) * unit;
}

function hostShareOf(sheet: PriceSheet, tokens: number): NanoUsd {
  return mulDiv(priceOfTokens(sheet, tokens), BigInt(sheet.hostShareBasisPoints), 10_000n, "floor");
}
