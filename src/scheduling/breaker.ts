import type { Millis } from "../clock.ts";

const failuresToOpen = 3;
const restMs = 5_000;
const restMsMax = 300_000;

/** Keeps work from a host that keeps failing. Immutable: every event gives the next state. */
export interface Breaker {
  readonly consecutiveFailures: number;
  /** Monotonic time until which the host gets no work. */
  readonly openUntil: Millis;
}

export const closedBreaker: Breaker = { consecutiveFailures: 0, openUntil: 0 };

export function afterSuccess(): Breaker {
  return closedBreaker;
}

/** Opens at the third failure in a row, for 5 s, twice as long at each one after, at most 5 minutes. */
export function afterFailure(breaker: Breaker, now: Millis): Breaker {
  const consecutiveFailures = breaker.consecutiveFailures + 1;
  if (consecutiveFailures < failuresToOpen) return { consecutiveFailures, openUntil: 0 };
  const doublings = Math.min(consecutiveFailures - failuresToOpen, 16);
  return { consecutiveFailures, openUntil: now + Math.min(restMs * 2 ** doublings, restMsMax) };
}

/** Once its rest is over a host gets work again; its next failure opens the breaker at once. */
export function isClosed(breaker: Breaker, now: Millis): boolean {
  return breaker.openUntil <= now;
}
