import { describe, expect, it, onTestFinished } from "vitest";
import { Pace, paced } from "../../../daemon/host/pace.ts";
import type { Engine } from "../../../src/chat/generation.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { question, wholeAnswer } from "../../worlds/answers.ts";

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

describe("an engine that is paced", () => {
  /** Gives five deltas of four tokens each at once. */
  const hasty: Engine = {
    contextLength: 1_024,
    sequences: 4,
    reportsTokens: true,
    async *generate() {
      for (let count = 0; count < 5; count += 1) yield { kind: "delta", tokens: [1, 2, 3, 4], text: "abcd" };
      const usage = { promptTokens: 1, completionTokens: 20 };
      yield { kind: "end", finishReason: "stop", usage, cachedTokens: 0, prefillMs: 1, decodeMs: 1 };
    },
    async close() {},
  };

  it.each([
    [true, 1_000],
    [false, 0],
  ])("gives all that the engine gives, late: with token ids %s, after %i ms", async (reportsTokens, elapsedMs) => {
    const clock = eagerClock();
    const startedAt = clock.monotonic();
    const whole = await wholeAnswer(paced({ ...hasty, reportsTokens }, new Pace(10, clock)), question("Hi"));
    expect(whole.text).toBe("abcdabcdabcdabcdabcd");
    expect(clock.monotonic() - startedAt).toBe(elapsedMs);
  });

  it("may share its signal with many others", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    onTestFinished(() => void process.off("warning", onWarning));
    const pace = new Pace(10, { ...systemClock, monotonic: () => 0, sleep: (_, limit) => systemClock.sleep(0, limit) });
    await Promise.all(Array.from({ length: 16 }, () => wholeAnswer(paced(hasty, pace), question("Hi"), signal)));
    expect(warnings).toEqual([]);
  });

  it("shares its pace with all others of the host", async () => {
    const clock = eagerClock();
    const pace = new Pace(10, clock);
    const startedAt = clock.monotonic();
    for (let count = 0; count < 3; count += 1) await wholeAnswer(paced(hasty, pace), question("Hi"));
    expect(clock.monotonic() - startedAt).toBe(5_000);
  });
});
