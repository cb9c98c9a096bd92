import type { Millis } from "../clock.ts";
import type { AccountId } from "../ids.ts";
import { mulDiv, type NanoUsd, nanoUsd, zeroUsd } from "../money.ts";
import type { Day } from "./books.ts";

/** A price divided: amount = fee + network + producer, but where a fee is larger than what the price leaves. */
export interface SaleParts {
  readonly amount: NanoUsd;
  /** PayPal's own; the producer bears it. Zero where credit paid. */
  readonly fee: NanoUsd;
  readonly network: NanoUsd;
  readonly producer: NanoUsd;
}

/** One entry of a producer's sales: never who bought. What is taken back is an entry of its own, below zero. */
export interface Sale extends SaleParts {
  /** The transfer's key. */
  readonly key: string;
  /** `owner/name:version`. */
  readonly model: string;
  readonly producerId: AccountId;
  readonly kind: "once" | "month" | "refund";
  readonly at: Millis;
}

/** What one model sold, from the first day on. */
export interface ModelSales extends SaleParts {
  readonly model: string;
  /** Copies sold once, months sold, and how many of either were taken back. */
  readonly copies: number;
  readonly months: number;
  readonly refunds: number;
  /** Subscriptions that are paid for and will renew. */
  readonly activeSubscriptions: number;
}

/** What a producer earned of a model's sales in a day; below zero where more was taken back. */
export interface SalesDay {
  readonly day: Day;
  readonly model: string;
  readonly amount: NanoUsd;
}

/** What producers sold. */
export interface SalesStore {
  /** Newest first, at most `limit`. */
  list(producerId: AccountId, limit: number): Promise<readonly Sale[]>;
  /** One row for each model that sold or has subscribers, by name. */
  models(producerId: AccountId): Promise<readonly ModelSales[]>;
  /** From the first day on, oldest first. */
  days(producerId: AccountId): Promise<readonly SalesDay[]>;
}

const networkShare = { numerator: 5n, denominator: 100n } as const;

/** The network keeps 5% of the price, as of all it sells; PayPal's fee is the producer's, down to nothing. */
export function salePartsOf(amount: NanoUsd, fee: NanoUsd): SaleParts {
  const network = mulDiv(amount, networkShare.numerator, networkShare.denominator, "floor");
  const rest = nanoUsd(amount - fee - network);
  return { amount, fee, network, producer: rest > 0n ? rest : zeroUsd };
}
