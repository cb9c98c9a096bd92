import { getLlama, type Llama, LlamaLogLevel, type LlamaModel } from "node-llama-cpp";
import { PeerError } from "../../src/errors.ts";
import { readGgufFacts } from "../../src/models/gguf.ts";
import type { Gpu } from "./messages.ts";

/** llama.cpp's prebuilt library, never built here. Its log can't hold a prompt; warnings go to stderr. */
export function openLibrary(gpu: Gpu, threads: number): Promise<Llama> {
  return getLlama({
    gpu: gpu === "off" ? false : gpu,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    maxThreads: threads,
    logLevel: LlamaLogLevel.error,
    logger: (_level, message) => process.stderr.write(`${message.trimEnd()}\n`),
  });
}

export function loadVocabulary(llama: Llama, modelFile: string): Promise<LlamaModel> {
  return loadModel(llama, modelFile, true);
}

export function loadWeights(llama: Llama, modelFile: string): Promise<LlamaModel> {
  return loadModel(llama, modelFile, false);
}

/** Reads the header itself first: the library's own reader counts to whatever number a file claims. */
async function loadModel(llama: Llama, modelFile: string, vocabOnly: boolean): Promise<LlamaModel> {
  await readGgufFacts(modelFile);
  try {
    return await llama.loadModel({ modelPath: modelFile, vocabOnly });
  } catch (cause) {
    throw new PeerError("model_invalid", `llama.cpp can't load this model: ${reasonOf(cause)}`, { cause });
  }
}

/** The first line of what the binding says, without the path it may name. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split("\n")[0] ?? "").replace(/["']?(\/|[A-Z]:\\)[^"']*["']?/g, "the file").slice(0, 300);
}
