import type { Millis } from "../clock.ts";

const failuresToOpen = 3;
const restMs = 5_000;
const restMsMax = 300_000;

/** Keeps work from a host that keeps failing. Immutable: every event gives the next state. */
export interface Breaker {
  readonly consecutiveFailures: number;
  /** Monotonic time until which the host gets no work. */
  readonly openUntil: Millis;
  /** Leases with no higher number were at work when the last failure was counted. */
  readonly failedThrough: number;
}

export const closedBreaker: Breaker = { consecutiveFailures: 0, openUntil: 0, failedThrough: 0 };

export function afterSuccess(): Breaker {
  return closedBreaker;
}

/**
 * Opens at the third failure in a row, for 5 s, twice as long at each one after, at most 5 minutes. Answers that ended
 * together failed once: `lease`, the number of the one that failed, is at most that of the newest, `newestLease`.
 */
export function afterFailure(breaker: Breaker, lease: number, newestLease: number, now: Millis): Breaker {
  if (lease <= breaker.failedThrough) return breaker;
  const consecutiveFailures = breaker.consecutiveFailures + 1;
  const counted = { consecutiveFailures, failedThrough: newestLease };
  if (consecutiveFailures < failuresToOpen) return { ...counted, openUntil: 0 };
  const doublings = Math.min(consecutiveFailures - failuresToOpen, 16);
  return { ...counted, openUntil: now + Math.min(restMs * 2 ** doublings, restMsMax) };
}

/** Once its rest is over a host gets work again; its next failure opens the breaker at once. */
export function isClosed(breaker: Breaker, now: Millis): boolean {
  return breaker.openUntil <= now;
}
