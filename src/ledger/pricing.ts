import type { Millis } from "../clock.ts";
import type { AccountId, HostId, SubtaskId } from "../ids.ts";
import { addUsd, apportionUsd, mulDiv, type NanoUsd, nanoUsd, parseUsd, zeroUsd } from "../money.ts";

/** `off`: nothing is charged; `credits`: the operator grants credit; `paypal`: credit is bought, hosts subscribe. */
export type BillingMode = "off" | "credits" | "paypal";

/** What things cost from `effectiveFrom` on. Never changed: a new price is a new version. */
export interface PriceSheet {
  /** 1, 2, 3 … */
  readonly version: number;
  readonly effectiveFrom: Millis;
  readonly billing: BillingMode;
  readonly per100kTokens: NanoUsd;
  /** The host's part of a price in hundredths of a per cent, 0 to 10,000; the rest is the network's. */
  readonly hostShareBasisPoints: number;
  /** Asked from every host each month where billing is `paypal`. */
  readonly hostSubscription: NanoUsd;
  /** How many days a monthly payment may be late before a host, or a model's subscriber, gets no more paid work. */
  readonly graceDays: number;
}

/** $1.00 per 100,000 tokens, 95% to the host, $5 a month for a host, three days of grace. */
export function firstPriceSheet(billing: BillingMode, effectiveFrom: Millis): PriceSheet {
  return {
    version: 1,
    effectiveFrom,
    billing,
    per100kTokens: parseUsd("1"),
    hostShareBasisPoints: 9_500,
    hostSubscription: parseUsd("5"),
    graceDays: 3,
  };
}

/** A host and the account that is paid for what it does. */
export interface PaidHost {
  readonly hostId: HostId;
  readonly accountId: AccountId;
}

/** Paid on top of the price, to the model's producer. */
export interface Royalty {
  readonly producerId: AccountId;
  readonly per100kTokens: NanoUsd;
}

/**
 * One subtask whose work was used, in tokens counted by the orchestrator. Retries, losing backups and a replacement's
 * prefill are not in it. The prompt's pay goes to the host of the first token; after a failover each answer token's
 * to the host that delivered it.
 */
export interface SubtaskUsage {
  readonly subtaskId: SubtaskId;
  readonly model: string;
  readonly royalty: Royalty | null;
  readonly promptTokens: number;
  readonly promptHost: PaidHost;
  readonly answers: readonly { readonly host: PaidHost; readonly tokens: number }[];
}

export interface SubtaskPrice {
  /** What the consumer pays for the work: hosts + network + rounding. */
  readonly price: NanoUsd;
  readonly hosts: readonly HostShare[];
  readonly network: NanoUsd;
  /** 0 or 1 nano: left when both shares are rounded down. */
  readonly rounding: NanoUsd;
  readonly royalty: NanoUsd;
}

export interface HostShare {
  readonly host: PaidHost;
  readonly tokens: number;
  readonly amount: NanoUsd;
}

/** What `tokens` cost, rounded up to a nano. Nothing where billing is off. */
export function priceOfTokens(sheet: PriceSheet, tokens: number): NanoUsd {
  return sheet.billing === "off" ? zeroUsd : mulDiv(sheet.per100kTokens, BigInt(tokens), 100_000n, "ceil");
}

/** The most a request can cost: what admission holds. `royaltyPer100kTokens` is the model's, zero for most. */
export function priceAtMost(sheet: PriceSheet, tokens: number, royaltyPer100kTokens: NanoUsd): NanoUsd {
  return addUsd(priceOfTokens(sheet, tokens), royaltyOfTokens(sheet, tokens, royaltyPer100kTokens));
}

/** The most tokens a split is billed: 1.25 times what one subtask with the same prompt and answer would take. */
export function splitTokensMax(singleTokens: number): number {
  return Math.floor((singleTokens * 5) / 4);
}

export function tokensOf(usage: SubtaskUsage): number {
  return usage.answers.reduce((sum, answer) => sum + answer.tokens, usage.promptTokens);
}

/** Prices one subtask by what was shown when its request was admitted. */
export function priceSubtask(sheet: PriceSheet, usage: SubtaskUsage): SubtaskPrice {
  const tokens = tokensOf(usage);
  const royalty = royaltyOfTokens(sheet, tokens, usage.royalty?.per100kTokens ?? zeroUsd);
  return { ...sharePrice(sheet, usage, priceOfTokens(sheet, tokens)), royalty };
}

/**
 * Divides `price` between the hosts of a subtask and the network. The host's part is computed once on the whole and
 * apportioned by tokens with the largest remainder, so a failover changes who is paid, never how much.
 */
export function sharePrice(sheet: PriceSheet, usage: SubtaskUsage, price: NanoUsd): Omit<SubtaskPrice, "royalty"> {
  const deliveries = deliveriesOf(usage);
  const weights = deliveries.map(({ tokens }) => BigInt(tokens));
  const isPaid = weights.some((weight) => weight > 0n);
  const share = BigInt(sheet.hostShareBasisPoints);
  const hostTotal = isPaid ? mulDiv(price, share, 10_000n, "floor") : zeroUsd;
  const network = isPaid ? mulDiv(price, 10_000n - share, 10_000n, "floor") : zeroUsd;
  const amounts = isPaid ? apportionUsd(hostTotal, weights) : weights.map(() => zeroUsd);
  return {
    price,
    hosts: deliveries.map(({ host, tokens }, index) => ({ host, tokens, amount: amounts[index] ?? zeroUsd })),
    network,
    rounding: nanoUsd(price - hostTotal - network),
  };
}

/** Tokens per host, prompt and answer together, in the order hosts first delivered. */
function deliveriesOf(usage: SubtaskUsage): { host: PaidHost; tokens: number }[] {
  const byHost = new Map<HostId, { host: PaidHost; tokens: number }>();
  for (const part of [{ host: usage.promptHost, tokens: usage.promptTokens }, ...usage.answers]) {
    const tokens = (byHost.get(part.host.hostId)?.tokens ?? 0) + part.tokens;
    byHost.set(part.host.hostId, { host: part.host, tokens });
  }
  return [...byHost.values()];
}

function royaltyOfTokens(sheet: PriceSheet, tokens: number, per100kTokens: NanoUsd): NanoUsd {
  return sheet.billing === "off" ? zeroUsd : mulDiv(per100kTokens, BigInt(tokens), 100_000n, "ceil");
}
