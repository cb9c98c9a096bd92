import { subscriptionTokens } from "../../src/ledger/calculator.ts";
import type { PriceSheet } from "../../src/ledger/pricing.ts";
import { formatUsd } from "../../src/money.ts";
import type { NetworkEvent } from "../../src/protocol/control-methods.ts";

/** `text` in exactly `width` columns, its end cut where it is longer. */
export function cell(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text.padEnd(width);
}

/** A figure in exactly `width` columns, to the right. */
export function figure(text: string, width: number): string {
  return cell(text, width).trimEnd().padStart(width);
}

/** A host's id or an account's, without its kind. */
export function shortId(id: string): string {
  return id.replace(/^(host|account)_/, "");
}

/** "12:03:05", UTC as everything the network counts by. */
export function timeOf(time: number): string {
  return new Date(time).toISOString().slice(11, 19);
}

/** "420 ms", "28.3 s": no longer than what stands beside it leaves room for. */
export function shortTime(elapsedMs: number): string {
  return elapsedMs < 10_000 ? `${Math.round(elapsedMs)} ms` : `${(elapsedMs / 1_000).toFixed(1)} s`;
}

/** How far tokens go towards a month's subscription of a host, exactly. */
export function describeSubscription(sheet: PriceSheet): string {
  const { tokens, hostShare, subscription, tokensToPay } = subscriptionTokens(sheet);
  const month = `one month's subscription of $${formatUsd(subscription)}`;
  if (tokensToPay === null) return `No number of tokens pays ${month} at these prices.`;
  if (tokens === 0) return `One token pays ${month}.`;
  const part = hostShare * 10n >= subscription * 9n ? "only nearly" : "only in part";
  const short = `${tokens.toLocaleString("en")} tokens pay ${month} ${part}`;
  return `${short}: the host's share is $${formatUsd(hostShare)}. ${tokensToPay.toLocaleString("en")} pay it.`;
}

const eventWords = {
  "host-joined": "joined",
  "host-left": "left",
  "host-refused": "was refused",
  "host-paused": "takes no more work",
  "host-resumed": "takes work again",
  "host-failed": "failed a subtask: over to another",
  "breaker-opened": "failed again and again: breaker open",
  "breaker-closed": "answers again: breaker closed",
} as const satisfies Record<NetworkEvent["kind"], string>;

/** "12:03:05 host abcdefghij joined". */
export function describeEvent({ at, kind, hostId }: NetworkEvent): string {
  return `${timeOf(at)} ${hostId === null ? "a host" : `host ${shortId(hostId).slice(0, 10)}`} ${eventWords[kind]}`;
}
