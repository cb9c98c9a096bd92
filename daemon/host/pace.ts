import type { Engine, Generation, GenerationEvent } from "../../src/chat/generation.ts";
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

  get tokensPerSecondMax(): number {
    return this.#tokensPerSecondMax;
  }

  /** Waits until `tokens` more may go. */
  async take(tokens: number, signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    this.#paidUntil = Math.max(this.#paidUntil, now - 1_000) + (1_000 * tokens) / this.#tokensPerSecondMax;
    if (this.#paidUntil > now) await this.#clock.sleep(this.#paidUntil - now, signal);
  }
}

/** The engine, giving its tokens no faster than the pace. */
export function paced(engine: Engine, pace: Pace): Engine {
  async function* generate(
    generation: Generation,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    // Many answers may share a signal, and Node counts its listeners.
    const own = AbortSignal.any([signal]);
    for await (const event of engine.generate(generation, own)) {
      // Servers that stream text send about a token at a time.
      if (event.kind === "delta") await pace.take(engine.reportsTokens ? event.tokens.length : 1, own);
      yield event;
    }
  }
  const { contextLength, sequences, reportsTokens } = engine;
  return { contextLength, sequences, reportsTokens, generate, close: () => engine.close() };
}
