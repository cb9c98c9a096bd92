import type * as z from "zod";
import { type Clock, dayMs } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { PriceBook } from "../../src/ledger/price-book.ts";
import type { PriceSheet } from "../../src/ledger/pricing.ts";
import { formatUsd, type NanoUsd, nanosPerCent, parseUsd } from "../../src/money.ts";
import type { networkMethods, priceSheetSchema } from "../../src/protocol/control-methods.ts";
import type { Treasury } from "../paypal/treasury.ts";

type Wanted = z.output<(typeof networkMethods)["price-set"]["params"]>;
type Shown = z.input<(typeof networkMethods)["price-show"]["result"]>;
type SheetDocument = z.input<typeof priceSheetSchema>;

export interface PriceControl {
  readonly prices: PriceBook;
  readonly clock: Clock;
  /** Null where PayPal is not connected: nothing can be billed by it. */
  readonly treasury: Treasury | null;
}

const aheadMsMax = 366 * dayMs;

export async function showPrice(prices: PriceBook): Promise<Shown> {
  const versions = (await prices.list()).map(sheetDocument);
  return { ...sheetDocument(await prices.current()), versions };
}

/**
 * Appends a version of the price sheet: what is not said stays as in the version before. Requests admitted until its
 * date, and hosts subscribed until then, keep what they were shown. Throws `request_invalid`, `conflict`.
 */
export async function setPrice(wanted: Wanted, { prices, clock, treasury }: PriceControl): Promise<Shown> {
  const last = (await prices.list()).at(-1) ?? (await prices.current());
  if (wanted.billing === "paypal" && treasury === null) {
    throw new PeerError("conflict", "This network runs without PayPal, so it can't bill by it.", {
      hint: 'Start it again with "peerllm network up --billing paypal".',
    });
  }
  const now = clock.now();
  const effectiveFrom = wanted.from ?? now;
  checkDate(effectiveFrom, now);
  await prices.add({
    billing: wanted.billing ?? last.billing,
    per100kTokens: priceOr(wanted.usdPer100kTokens, last.per100kTokens),
    hostShareBasisPoints:
      wanted.hostSharePercent === undefined ? last.hostShareBasisPoints : basisPointsOf(wanted.hostSharePercent),
    hostSubscription: subscriptionOr(wanted.hostSubscriptionUsd, last.hostSubscription),
    graceDays: wanted.graceDays ?? last.graceDays,
    effectiveFrom,
  });
  return showPrice(prices);
}

/** No other version can come before one that is set: a year too many would be there for good. */
function checkDate(from: number, now: number): void {
  if (from < now) throw new PeerError("request_invalid", `A price can't change in the past: ${isoOf(from)}.`);
  if (from <= now + aheadMsMax) return;
  throw new PeerError("request_invalid", `A price is set at most a year ahead, not for ${isoOf(from)}.`);
}

function isoOf(time: number): string {
  return new Date(time).toISOString();
}

function priceOr(text: string | undefined, before: NanoUsd): NanoUsd {
  const price = text === undefined ? before : parseUsd(text);
  if (price >= 0n) return price;
  throw new PeerError("request_invalid", `A price is zero or more, not "${text}".`);
}

/** "95", "92.5": at most two places, so that it is whole hundredths of a per cent. */
function basisPointsOf(percent: string): number {
  const match = /^(\d{1,3})(?:\.(\d{1,2}))?$/.exec(percent);
  const basisPoints = Number(match?.[1] ?? "101") * 100 + Number((match?.[2] ?? "").padEnd(2, "0"));
  if (basisPoints <= 10_000) return basisPoints;
  throw new PeerError("request_invalid", `A host's share is 0 to 100 per cent, such as 95 or 92.5, not "${percent}".`);
}

/** PayPal collects whole cents, and not nothing. */
function subscriptionOr(text: string | undefined, before: NanoUsd): NanoUsd {
  const monthly = text === undefined ? before : parseUsd(text);
  if (monthly > 0n && monthly % nanosPerCent === 0n) return monthly;
  throw new PeerError("request_invalid", `A subscription is more than zero, in whole cents, not "${text}".`);
}

function sheetDocument(sheet: PriceSheet): SheetDocument {
  return {
    version: sheet.version,
    since: sheet.effectiveFrom,
    billing: sheet.billing,
    usdPer100kTokens: formatUsd(sheet.per100kTokens),
    hostSharePercent: String(sheet.hostShareBasisPoints / 100),
    hostSubscriptionUsd: formatUsd(sheet.hostSubscription),
    graceDays: sheet.graceDays,
  };
}
