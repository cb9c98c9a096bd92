import { describe, expect, it } from "vitest";
import { benchmarkEngine } from "../../../daemon/llama/benchmark.ts";
import { startLlamaEngine } from "../../../daemon/llama/engine.ts";
import type { Engine } from "../../../src/chat/generation.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/log.ts";
import { demoModelFile } from "../../worlds/answers.ts";
import { VirtualClock } from "../../worlds/virtual-clock.ts";

it("measures an engine, leaves it idle, and gives up with its signal", async () => {
  const never = new AbortController().signal;
  const engine = await startLlamaEngine(
    { modelFile: demoModelFile, threads: 1, gpu: "off", sequences: 2, contextLength: 512, log: silentLog },
    never,
  );
  try {
    const figures = await benchmarkEngine(engine, systemClock, never);
    expect(figures.sequences).toBe(2);
    for (const rate of Object.values(figures)) expect(rate).toBeGreaterThan(0);
    expect(JSON.parse(JSON.stringify(figures))).toEqual(figures);
    expect(await engine.counters(never)).toMatchObject({ streamsActive: 0, sequencesFree: 2 });
    const reason = new Error("not now");
    await expect(benchmarkEngine(engine, systemClock, AbortSignal.abort(reason))).rejects.toBe(reason);
  } finally {
    await engine.close();
  }
});

/** Reads and decodes so many tokens a second, all its streams together, which take turns at each. */
function slowEngine(clock: Clock, rates: { prefill: number; decode: number }, sequences: number): Engine {
  let streams = 0;
  return {
    contextLength: 8_192,
    sequences,
    reportsTokens: true,
    async *generate({ prompt, sampling }, signal) {
      const promptTokens = prompt.kind === "text" ? prompt.text.length : 0;
      const startedAt = clock.monotonic();
      streams += 1;
      try {
        await clock.sleep(((1_000 * promptTokens) / rates.prefill) * streams, signal);
        const firstAt = clock.monotonic();
        for (let count = 0; count < sampling.maxTokens; count++) {
          if (count > 0) await clock.sleep((1_000 / rates.decode) * streams, signal);
          yield { kind: "delta", tokens: [1], text: "a" };
        }
        const usage = { promptTokens, completionTokens: sampling.maxTokens };
        const [prefillMs, decodeMs] = [firstAt - startedAt, clock.monotonic() - firstAt];
        yield { kind: "end", finishReason: "length", usage, cachedTokens: 0, prefillMs, decodeMs };
      } finally {
        streams -= 1;
      }
    },
    async close() {},
  };
}

function asItIs(_clock: Clock, engine: Engine): Engine {
  return engine;
}

/** A server that seems to stream, and keeps its answer until it is whole. */
function holdingBack(clock: Clock, engine: Engine): Engine {
  return {
    ...engine,
    reportsTokens: false,
    async *generate(generation, signal) {
      const startedAt = clock.monotonic();
      let text = "";
      for await (const event of engine.generate(generation, signal)) {
        if (event.kind === "delta") text += event.text;
        else {
          yield { kind: "delta", tokens: [], text };
          yield { ...event, prefillMs: clock.monotonic() - startedAt, decodeMs: 0.001 };
        }
      }
    },
  };
}

describe("an engine on a slow machine", () => {
  const never = new AbortController().signal;

  async function measured(rates: { prefill: number; decode: number }, sequences: number, as = asItIs) {
    const clock = new VirtualClock();
    const startedAt = clock.monotonic();
    const engine = as(clock, slowEngine(clock, rates, sequences));
    const figures = await clock.until(benchmarkEngine(engine, clock, never));
    return { figures, elapsedMs: clock.monotonic() - startedAt };
  }

  it.each([1, 4, 8, 16, 64])("is measured within 15 s with %i sequences, all of it", async (sequences) => {
    const { figures, elapsedMs } = await measured({ prefill: 175, decode: 36 }, sequences);
    expect(figures).toMatchObject({ sequences, prefillTokensPerSecond: 175 });
    expect(figures.decodeTokensPerSecond).toBeCloseTo(36, 0);
    expect(figures.decodeTokensPerSecondAtAllSequences).toBeCloseTo(36, 0);
    expect(elapsedMs).toBeLessThanOrEqual(15_000);
  });

  it.each([
    [{ prefill: 20, decode: 3 }, 64],
    [{ prefill: 4, decode: 0.5 }, 8],
    [{ prefill: 2, decode: 0.1 }, 1],
  ])("of %j tokens a second is measured as far as there is time, with %i sequences", async (rates, sequences) => {
    const { figures, elapsedMs } = await measured(rates, sequences);
    expect(figures.prefillTokensPerSecond).toBeCloseTo(rates.prefill, 0);
    for (const rate of Object.values(figures)) expect(rate).toBeGreaterThan(0);
    expect(elapsedMs).toBeLessThanOrEqual(15_000);
  });

  it.each([1, 4])("is no faster where it holds its answers back, with %i sequences", async (sequences) => {
    const { figures } = await measured({ prefill: 175, decode: 36 }, sequences, holdingBack);
    const { prefillTokensPerSecond, decodeTokensPerSecond, decodeTokensPerSecondAtAllSequences } = figures;
    expect(prefillTokensPerSecond).toBeLessThanOrEqual(175);
    for (const rate of [decodeTokensPerSecond, decodeTokensPerSecondAtAllSequences]) {
      expect(rate).toBeLessThanOrEqual(36);
      expect(rate).toBeGreaterThan(30);
    }
  });

  it("that gives no token at all can't be measured", async () => {
    await expect(measured({ prefill: 1, decode: 1 }, 1)).rejects.toMatchObject({
      code: "deadline_exceeded",
      hint: expect.any(String),
    });
  });
});
