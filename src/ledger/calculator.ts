import { mulDiv, type NanoUsd, nanoUsd, subtractUsd } from "../money.ts";
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

const daysPerMonth = 30;
const secondsPerHour = 3_600;

/** A month of 30 days, as busy as said throughout: an estimate, not a promise. Whole tokens. */
export function forecastEarnings(sheet: PriceSheet, scenario: EarningsScenario): EarningsForecast {
  const { tokensPerSecond, conversations, hosts, hours, electricity, internet } = scenario;
  const tokens = Math.floor(tokensPerSecond * conversations * hosts * hours * secondsPerHour * daysPerMonth);
  const gross = priceOfTokens(sheet, tokens);
  const hostShare = hostShareOf(sheet, tokens);
  const subscriptions = sheet.billing === "paypal" ? sheet.hostSubscription * BigInt(hosts) : 0n;
  const costs = nanoUsd(electricity + internet + subscriptions);
  return { tokens, gross, hostShare, costs, net: subtractUsd(hostShare, costs) };
}

export interface SubscriptionTokens {
  /** A round number that is nearly enough at the first prices, for people to go by. */
  readonly tokens: number;
  /** What a host is paid for `tokens`. */
  readonly hostShare: NanoUsd;
  /** A month of one host. */
  readonly subscription: NanoUsd;
  /** The fewest tokens whose pay is the subscription or more. */
  readonly tokensToPay: number;
}

/** How far tokens go towards a host's subscription. */
export function subscriptionTokens(sheet: PriceSheet): SubscriptionTokens {
  const tokens = 500_000;
  const { hostSubscription: subscription, per100kTokens, hostShareBasisPoints } = sheet;
  const perToken = per100kTokens * BigInt(hostShareBasisPoints);
  const tokensToPay = perToken === 0n ? 0n : mulDiv(subscription, 100_000n * 10_000n, perToken, "ceil");
  return { tokens, hostShare: hostShareOf(sheet, tokens), subscription, tokensToPay: Number(tokensToPay) };
}

function hostShareOf(sheet: PriceSheet, tokens: number): NanoUsd {
  return mulDiv(priceOfTokens(sheet, tokens), BigInt(sheet.hostShareBasisPoints), 10_000n, "floor");
}
