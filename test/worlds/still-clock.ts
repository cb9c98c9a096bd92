import type { Clock, Millis } from "../../src/clock.ts";

/** A clock that stands at `now` until it is moved. */
export function stillClock(now: Millis): Clock & { move(byMs: number): void } {
  let time = now;
  return {
    now: () => time,
    monotonic: () => time,
    sleep: () => Promise.reject(new Error("a still clock never wakes anyone")),
    move: (byMs) => {
      time += byMs;
    },
  };
}
