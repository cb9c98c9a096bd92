import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getLlama, LlamaLogLevel, readGgufFileInfo } from "node-llama-cpp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { tensorBytes } from "../../../../../src/models/demo/train/gguf.ts";
import { llamaTensors } from "../../../../../src/models/demo/train/llama.ts";
import { benchmarkShape, tinyShape, writeRandomModel } from "../../../../../src/models/demo/train/random-model.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "peerllm-random-model-"));
});
afterAll(() => rm(directory, { recursive: true }));

it("the same shape and seed give the same bytes, another seed gives others", async () => {
  const first = join(directory, "first.gguf");
  const again = join(directory, "again.gguf");
  const other = join(directory, "other.gguf");
  writeRandomModel(first, tinyShape, 1);
  writeRandomModel(again, tinyShape, 1);
  writeRandomModel(other, tinyShape, 2);
  expect((await readFile(first)).equals(await readFile(again))).toBe(true);
  expect((await readFile(first)).equals(await readFile(other))).toBe(false);
});

it("a random model loads in llama.cpp and decodes with it", async () => {
  const path = join(directory, "loaded.gguf");
  writeRandomModel(path, tinyShape, 3);
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    maxThreads: 1,
    logLevel: LlamaLogLevel.error,
  });
  const model = await llama.loadModel({ modelPath: path });
  const context = await model.createContext({ contextSize: 128, threads: 1 });
  const sequence = context.getSequence();
  const tokens: number[] = [];
  const prompt = model.tokenize("Twelve words for a model that has never learned any of them.");
  for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    tokens.push(token);
    if (tokens.length === 8) break;
  }
  expect(tokens).toHaveLength(8);
  expect(model.fileInsights.totalLayers).toBe(tinyShape.layers + 1);
  await llama.dispose();
});

it("a vocabulary of the benchmark's size is written whole, every token once", async () => {
  const path = join(directory, "vocabulary.gguf");
  const { vocabularySize } = benchmarkShape;
  writeRandomModel(path, { ...tinyShape, width: 32, heads: 1, keyValueHeads: 1, vocabularySize }, 4);
  const { metadata } = await readGgufFileInfo(path);
  expect(new Set(metadata.tokenizer.ggml.tokens).size).toBe(vocabularySize);
});

it("the benchmark model has Qwen2.5-0.5B's 494 million parameters in 531 MB or less", () => {
  const tensors = llamaTensors(benchmarkShape);
  const parameters = tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  const bytes = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  expect(parameters).toBe(494_005_120);
  expect(bytes).toBeLessThan(531_000_000);
});
