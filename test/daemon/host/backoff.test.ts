import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reconnectDelayMs } from "../../../daemon/host/backoff.ts";

const attempts = fc.integer({ min: 0, max: 1_000_000 });
const chances = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("a reconnect's delay", () => {
  it("lies between 0 and the smaller of a minute and half a second doubled with every attempt", () => {
    fc.assert(
      fc.property(attempts, chances, (attempt, random) => {
        const delayMs = reconnectDelayMs(attempt, random);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThanOrEqual(Math.min(60_000, 500 * 2 ** attempt));
      }),
    );
  });

  it("has full jitter: it is as uniform as chance is, down to no delay at all", () => {
    fc.assert(
      fc.property(attempts, chances, (attempt, random) => {
        expect(reconnectDelayMs(attempt, 0)).toBe(0);
        expect(reconnectDelayMs(attempt, random)).toBeCloseTo(2 * reconnectDelayMs(attempt, random / 2), 6);
      }),
    );
  });

  it("spreads over a minute from the seventh attempt on", () => {
    expect([0, 1, 6, 7, 40].map((attempt) => reconnectDelayMs(attempt, 0.5))).toEqual([
      250, 500, 16_000, 30_000, 30_000,
    ]);
  });
});
