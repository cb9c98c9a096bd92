import { describe, expect, it } from "vitest";
import { Pace } from "../../../daemon/host/pace.ts";
import type { Clock } from "../../../src/clock.ts";

const { signal } = new AbortController();

/** A clock on which whoever sleeps is woken at once, at the time they wanted. */
function eagerClock(): Clock {
  let time = 50_000;
  return {
    now: () => time,
    monotonic: () => time,
    sleep: async (delayMs, limit) => {
      limit.throwIfAborted();
      time += delayMs;
    },
  };
}

describe("a pace of 10 tokens per second", () => {
  it("lets one second's worth pass at once, and then ten a second", async () => {
    const clock = eagerClock();
    const pace = new Pace(10, clock);
    const startedAt = clock.monotonic();
    const elapsed: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      await pace.take(5, signal);
      elapsed.push(clock.monotonic() - startedAt);
    }
    expect(elapsed).toEqual([0, 0, 500, 1_000]);
  });

  it("saves up no more than one second's worth while it rests", async () => {
    const clock = eagerClock();
    const pace = new Pace(10, clock);
    await pace.take(10, signal);
    await clock.sleep(3_600_000, signal);
    const startedAt = clock.monotonic();
    await pace.take(10, signal);
    await pace.take(10, signal);
    expect(clock.monotonic() - startedAt).toBe(1_000);
  });

  it("waits no longer than its signal", async () => {
    const pace = new Pace(10, eagerClock());
    await expect(pace.take(100, AbortSignal.abort(new Error("over")))).rejects.toThrow("over");
  });
});
