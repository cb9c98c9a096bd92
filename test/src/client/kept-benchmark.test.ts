import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { keepBenchmark, readKeptBenchmark } from "../../../src/client/kept-benchmark.ts";
import { homeAt } from "../../../src/paths.ts";

const benchmark = {
  measuredAt: 1,
  model: "acme/tiny:1.0.0",
  sequences: 2,
  prefillTokensPerSecond: 300.5,
  decodeTokensPerSecond: 20,
  decodeTokensPerSecondAtAllSequences: 31,
};

async function temporaryHome() {
  const root = await mkdtemp(join(tmpdir(), "peerllm-benchmark-"));
  onTestFinished(() => rm(root, { recursive: true }));
  return homeAt(root);
}

test("the last benchmark is kept, for its owner alone", async () => {
  const home = await temporaryHome();
  expect(await readKeptBenchmark(home)).toBeNull();
  await keepBenchmark(home, { ...benchmark, sequences: 1 });
  await keepBenchmark(home, benchmark);
  expect(await readKeptBenchmark(home)).toEqual(benchmark);
  expect((await stat(join(home.root, "benchmark.json"))).mode & 0o077).toBe(0);
});

test("a damaged one is named, not guessed at", async () => {
  const home = await temporaryHome();
  await writeFile(join(home.root, "benchmark.json"), '{"version":1,"sequences":0}');
  await expect(readKeptBenchmark(home)).rejects.toMatchObject({ code: "config_invalid" });
});
