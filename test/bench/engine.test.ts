import { expect, it } from "vitest";
import { tinyShape } from "../../src/models/demo/train/random-model.ts";
import { engineBench } from "./engine.ts";
import { randomModelFile } from "./random-model.ts";

it("measures prefill and decode of both engines, with ratios that follow from them", async () => {
  const modelFile = await randomModelFile({ ...tinyShape, contextLength: 1_024 }, 1);
  const rows = await engineBench({ modelFile, threads: 1, streams: [1, 2], laps: 1, llamaServer: undefined });
  expect(rows.map(({ measure, streams }) => [measure, streams])).toEqual([
    ["prefill", 1],
    ["decode", 1],
    ["decode", 2],
  ]);
  for (const row of rows) {
    expect(row.lockstep).toBeGreaterThan(0);
    expect(row.ratioToNaive).toBeCloseTo(row.lockstep / row.naive);
    expect(row).toMatchObject({ llamaServer: null, ratioToLlamaServer: null });
  }
});
