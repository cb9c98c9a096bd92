import { PeerError } from "../../src/errors.ts";
import { type NanoUsd, nanosPerCent, nanoUsd, parseUsd } from "../../src/money.ts";

/** An amount as PayPal writes dollars: exactly two places. Throws `money_malformed` for parts of a cent. */
export function paypalValue(amount: NanoUsd): string {
  if (amount < 0n || amount % nanosPerCent !== 0n) {
    throw new PeerError("money_malformed", `PayPal takes whole cents, not ${amount} nano-dollars.`);
  }
  const cents = (amount / nanosPerCent).toString().padStart(3, "0");
  return `${cents.slice(0, -2)}.${cents.slice(-2)}`;
}

/** What PayPal says, as an integer; it writes "10.0" and "10.00" for the same, and minus where money leaves. */
export function parsePaypalAmount(
  money: { readonly value: string; readonly currencyCode: string } | undefined,
): NanoUsd {
  if (money === undefined) return nanoUsd(0n);
  if (money.currencyCode !== "USD") {
    throw new PeerError("money_malformed", `PayPal answered in ${money.currencyCode}; this network counts in dollars.`);
  }
  return parseUsd(money.value);
}
