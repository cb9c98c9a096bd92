import type { Clock } from "../../src/clock.ts";

interface Sleeper {
  readonly wakesAt: number;
  readonly order: number;
  wake(): void;
}

/** A clock that jumps to the next sleeper's time whenever nothing else can run. */
export class VirtualClock implements Clock {
  #now = 1_800_000_000_000;
  #order = 0;
  readonly #sleepers = new Set<Sleeper>();

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      };
      this.#order += 1;
      const sleeper: Sleeper = {
        wakesAt: this.#now + Math.max(0, delayMs),
        order: this.#order,
        wake: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Lets time pass until `work` settles. Throws where it never can: nobody sleeps and nothing runs. */
  async until<Result>(work: Promise<Result>): Promise<Result> {
    let isSettled = false;
    const settled = work.finally(() => {
      isSettled = true;
    });
    settled.catch(() => "rethrown below");
    for (;;) {
      // One macrotask lets every promise that can settle do so, however long their chain.
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (isSettled) return settled;
      const next = this.#next();
      if (next === undefined) throw new Error("The simulation is stuck: nothing runs and nobody sleeps.");
      this.#sleepers.delete(next);
      this.#now = next.wakesAt;
      next.wake();
    }
  }

  #next(): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      const isEarlier =
        first === undefined ||
        sleeper.wakesAt < first.wakesAt ||
        (sleeper.wakesAt === first.wakesAt && sleeper.order < first.order);
      if (isEarlier) first = sleeper;
    }
    return first;
  }
}
