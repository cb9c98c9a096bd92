import type { Clock } from "../../src/clock.ts";

/** Caps what a host gives, over all its streams, at `tokensPerSecondMax`; bursts of one second's worth pass. */
export class Pace {
  readonly #clock: Clock;
  readonly #tokensPerSecondMax: number;
  /** Monotonic time at which all that was let through is paid off. */
  #paidUntil = 0;

  constructor(tokensPerSecondMax: number, clock: Clock) {
    this.#tokensPerSecondMax = tokensPerSecondMax;
    this.#clock = clock;
  }

  /** Waits until `tokens` more may go. */
  async take(tokens: number, signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    this.#paidUntil = Math.max(this.#paidUntil, now - 1_000) + (1_000 * tokens) / this.#tokensPerSecondMax;
    if (this.#paidUntil > now) await this.#clock.sleep(this.#paidUntil - now, signal);
  }
}
