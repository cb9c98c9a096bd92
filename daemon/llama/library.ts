import { setImmediate } from "node:timers/promises";
import {
  getLlama,
  InsufficientMemoryError,
  type Llama,
  LlamaLogLevel,
  type LlamaModel,
  type LlamaModelOptions,
  NoBinaryFoundError,
} from "node-llama-cpp";
import { PeerError } from "../../src/errors.ts";
import { type GgufFacts, readGgufFacts } from "../../src/models/gguf.ts";
import type { Gpu } from "./messages.ts";

/** Why llama.cpp last refused a file. It logs that, and tells its caller nothing. */
let lastRefusal: string | undefined;

/**
 * llama.cpp's prebuilt library, never built here. Its log can't hold a prompt; warnings go to stderr. Throws
 * `config_invalid` where the machine, or the library, lacks what `gpu` names.
 */
export async function openLibrary(gpu: Gpu, threads: number): Promise<Llama> {
  const llama = await prebuilt(gpu, threads).catch((cause: unknown) => {
    throw cause instanceof NoBinaryFoundError ? missing(gpu, cause) : cause;
  });
  // Asked for a GPU of another platform it takes the processor, and says nothing.
  if (gpu !== "auto" && gpu !== "off" && llama.gpu !== gpu) throw missing(gpu);
  return llama;
}

function prebuilt(gpu: Gpu, threads: number): Promise<Llama> {
  return getLlama({
    gpu: gpu === "off" ? false : gpu,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    maxThreads: threads,
    logLevel: LlamaLogLevel.error,
    logger: (_level, message) => {
      lastRefusal = /(?:error loading model[^:]*: )+(.*)/.exec(message)?.[1] ?? lastRefusal;
      process.stderr.write(`${message.trimEnd()}\n`);
    },
  });
}

function missing(gpu: Gpu, cause?: unknown): PeerError {
  if (gpu === "auto" || gpu === "off") {
    const platform = `${process.platform}-${process.arch}`;
    return new PeerError("config_invalid", `llama.cpp's library for ${platform} is missing, or can't run here.`, {
      cause,
      hint: "It comes as an optional package: install peerllm again, with --include=optional.",
    });
  }
  return new PeerError("config_invalid", `This machine has no ${gpu} that llama.cpp could use.`, {
    cause,
    hint: "Install its driver, or use --gpu auto or --gpu off.",
  });
}

export function loadVocabulary(llama: Llama, modelFile: string): Promise<LlamaModel> {
  return loadModel(llama, modelFile, () => ({ vocabOnly: true }));
}

/**
 * On a GPU as many layers as leave room there for a context of so many sequences: the binding plans for one. Throws
 * `config_invalid` where no number of them does.
 */
export function loadWeights(
  llama: Llama,
  modelFile: string,
  { sequences, contextLength }: { readonly sequences: number; readonly contextLength: number },
): Promise<LlamaModel> {
  return loadModel(llama, modelFile, (trained) => ({
    gpuLayers: { fitContext: { contextSize: sequences * Math.min(contextLength, trained.contextLength) } },
  }));
}

/** Reads the header itself first: the library's own reader counts to whatever number a file claims. */
async function loadModel(
  llama: Llama,
  modelFile: string,
  optionsFor: (facts: GgufFacts) => Omit<LlamaModelOptions, "modelPath">,
): Promise<LlamaModel> {
  const options = optionsFor(await readGgufFacts(modelFile));
  try {
    return await llama.loadModel({ modelPath: modelFile, ...options });
  } catch (cause) {
    throw cause instanceof InsufficientMemoryError ? noRoom(cause) : await refused(reasonOf(cause), cause);
  }
}

function noRoom(cause: unknown): PeerError {
  return new PeerError("config_invalid", `This machine has no room for the model and its context: ${reasonOf(cause)}`, {
    cause,
    hint: "Use fewer sequences or a shorter context.",
  });
}

/** What is to be said of a file that llama.cpp refuses: its own reason, or `otherwise` where it gave none. */
export async function refused(otherwise: string, cause?: unknown): Promise<PeerError> {
  // What it logs arrives with the event loop's next turn.
  await setImmediate();
  const reason = (lastRefusal ?? otherwise).replace(/\.?$/, ".");
  return new PeerError("model_invalid", `llama.cpp can't load this model file: ${reason}`, { cause });
}

/** The first line of what the binding says, without the path it may name. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split("\n")[0] ?? "").replace(/["']?(\/|[A-Z]:\\)[^"']*["']?/g, "the file").slice(0, 300);
}
