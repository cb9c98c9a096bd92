import { describe, expect, it } from "vitest";
import { simulateSchedules } from "../../chaos/dispatch.ts";

describe("the pipeline under seeded schedules of deaths, stalls, lies and hang-ups", () => {
  it("answers to the letter, bills what it delivered and leaves nothing behind", async () => {
    const result = await simulateSchedules(1, 25);
    expect(result.failing).toEqual([]);
    expect(result.answered).toBeGreaterThan(100);
    expect(result.failovers).toBeGreaterThan(50);
    expect(result.lostWithStatement).toBeGreaterThan(5);
    expect(result.hungUp).toBeGreaterThan(10);
  });
});
