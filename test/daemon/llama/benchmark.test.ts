import { expect, it } from "vitest";
import { benchmarkEngine } from "../../../daemon/llama/benchmark.ts";
import { startLlamaEngine } from "../../../daemon/llama/engine.ts";
import { silentLog } from "../../../src/log.ts";
import { demoModelFile } from "../../worlds/answers.ts";

it("measures an engine, leaves it idle, and gives up with its signal", async () => {
  const never = new AbortController().signal;
  const engine = await startLlamaEngine(
    { modelFile: demoModelFile, threads: 1, gpu: "off", sequences: 2, contextLength: 512, log: silentLog },
    never,
  );
  try {
    const figures = await benchmarkEngine(engine, never);
    expect(figures.sequences).toBe(2);
    for (const rate of Object.values(figures)) expect(rate).toBeGreaterThan(0);
    expect(JSON.parse(JSON.stringify(figures))).toEqual(figures);
    expect(await engine.counters(never)).toMatchObject({ streamsActive: 0, sequencesFree: 2 });
    const reason = new Error("not now");
    await expect(benchmarkEngine(engine, AbortSignal.abort(reason))).rejects.toBe(reason);
  } finally {
    await engine.close();
  }
});
