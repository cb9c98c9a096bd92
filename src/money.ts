import { PeerError } from "./errors.ts";

declare const brand: unique symbol;

/** An amount in billionths of a US dollar. Signed; integer by construction. */
export type NanoUsd = bigint & { readonly [brand]: "NanoUsd" };

export const nanosPerUsd = 1_000_000_000n;
export const nanosPerCent = 10_000_000n;
export const zeroUsd: NanoUsd = nanoUsd(0n);

export function nanoUsd(nanos: bigint): NanoUsd {
  return nanos as NanoUsd;
}

export function addUsd(...amounts: readonly NanoUsd[]): NanoUsd {
  return sumUsd(amounts);
}

/** Of a list of any length: as arguments, a hundred thousand are too many. */
export function sumUsd(amounts: readonly NanoUsd[]): NanoUsd {
  return nanoUsd(amounts.reduce((sum, amount) => sum + amount, 0n));
}

export function subtractUsd(from: NanoUsd, amount: NanoUsd): NanoUsd {
  return nanoUsd(from - amount);
}

export function minUsd(a: NanoUsd, b: NanoUsd): NanoUsd {
  return a < b ? a : b;
}

/**
 * Reads plain decimal dollars, at most nine places ("20", "-0.000000001") and below a billion: SQLite's integers hold
 * nine of those. Throws `money_malformed`.
 */
export function parseUsd(text: string): NanoUsd {
  const match = /^(-?)(\d{1,9})(?:\.(\d{1,9}))?$/.exec(text);
  const whole = match?.[2];
  if (match === null || whole === undefined) {
    throw new PeerError("money_malformed", `Not an amount in dollars: "${text.slice(0, 64)}".`, {
      hint: "Write it like 20 or 0.25: at most nine digits before the point, and nine behind it.",
    });
  }
  const nanos = BigInt(whole) * nanosPerUsd + BigInt((match[3] ?? "").padEnd(9, "0"));
  return nanoUsd(match[1] === "-" ? -nanos : nanos);
}

/** The exact decimal, at least two places, no trailing zeros beyond them: "0.0095", "20.00". */
export function formatUsd(amount: NanoUsd): string {
  const magnitude = amount < 0n ? -amount : amount;
  const fraction = (magnitude % nanosPerUsd)
    .toString()
    .padStart(9, "0")
    .replace(/0{1,7}$/, "");
  return `${amount < 0n ? "-" : ""}${magnitude / nanosPerUsd}.${fraction}`;
}

export type Rounding = "floor" | "ceil";

/** `amount · numerator / denominator` without losing a nano on the way; rounds towards −∞ or +∞ as named. */
export function mulDiv(amount: NanoUsd, numerator: bigint, denominator: bigint, rounding: Rounding): NanoUsd {
  if (denominator <= 0n) throw new RangeError("mulDiv needs a positive denominator");
  const product = amount * numerator;
  const truncated = product / denominator;
  const remainder = product % denominator;
  if (remainder === 0n) return nanoUsd(truncated);
  if (rounding === "ceil") return nanoUsd(remainder > 0n ? truncated + 1n : truncated);
  return nanoUsd(remainder < 0n ? truncated - 1n : truncated);
}

/**
 * Splits `total` in proportion to `weights` so that the parts sum to it exactly: each part is floored and the
 * nanos left over go to the largest remainders, ties to the earlier part. Weights are ≥ 0 and not all zero.
 * Source: Hamilton's method (largest remainder).
 */
export function apportionUsd(total: NanoUsd, weights: readonly bigint[]): NanoUsd[] {
  const weightSum = weights.reduce((sum, weight) => sum + weight, 0n);
  if (total < 0n || weightSum <= 0n || weights.some((weight) => weight < 0n)) {
    throw new RangeError("apportionUsd needs a total ≥ 0 and weights ≥ 0 that are not all zero");
  }
  const parts = weights.map((weight) => (total * weight) / weightSum);
  const remainders = weights.map((weight, index) => ({ index, remainder: (total * weight) % weightSum }));
  remainders.sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1));
  const left = Number(total - parts.reduce((sum, part) => sum + part, 0n));
  const lucky = new Set(remainders.slice(0, left).map(({ index }) => index));
  return parts.map((part, index) => nanoUsd(lucky.has(index) ? part + 1n : part));
}
