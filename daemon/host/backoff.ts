const firstDelayMs = 500;
const delayMsMax = 60_000;

/**
 * Milliseconds to wait before reconnect `attempt` (0-based): uniform in [0, min(60_000, 500 · 2^attempt)].
 * Full jitter, so hosts dropped together do not return together. `random` is uniform in [0, 1).
 * Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015).
 */
export function reconnectDelayMs(attempt: number, random: number): number {
  return random * Math.min(delayMsMax, firstDelayMs * 2 ** Math.min(attempt, 16));
}
