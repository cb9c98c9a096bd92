import { stat } from "node:fs/promises";
import { GgmlType, GgufInsights, type GgufTensorInfo, readGgufFileInfo } from "node-llama-cpp";
import { PeerError } from "../../src/errors.ts";
import { loadVocabulary, openLibrary, reasonOf } from "./library.ts";
import type { GgufFacts, ProbeOpening } from "./messages.ts";

/** Reads a file nobody vouches for. Whatever it does to this process, nothing else is lost. */
export async function openProbe(opening: ProbeOpening) {
  const { modelFile, sequences, contextLength } = opening;
  const { size } = await stat(modelFile);
  const llama = await openLibrary("off", 1);
  await loadVocabulary(llama, modelFile);
  const info = await readHeader(modelFile);
  const insights = await GgufInsights.from(info, llama);
  const trainedLength = insights.trainContextSize ?? 0;
  const context = await insights.estimateContextResourceRequirementsV2({
    contextSize: Math.min(contextLength, trainedLength),
    modelGpuLayers: 0,
    sequences,
  });
  const tokenizer = info.metadata.tokenizer;
  const facts: GgufFacts = {
    architecture: String(info.metadata.general.architecture),
    name: info.metadata.general.name ?? null,
    parameters: insights.totalParameters,
    quantisation: dominantType(info.fullTensorInfo ?? []),
    contextLength: trainedLength,
    vocabularySize: tokenizer?.ggml.tokens.length ?? 0,
    hasTemplate: tokenizer?.chat_template !== undefined,
    sizeBytes: size,
    memoryBytes: { model: insights.modelSize, context: context.cpuRam },
  };
  return { facts, receive: () => {} };
}

async function readHeader(modelFile: string) {
  try {
    return await readGgufFileInfo(modelFile, { sourceType: "filesystem", logWarnings: false });
  } catch (cause) {
    throw new PeerError("model_invalid", `Not a GGUF file llama.cpp can read: ${reasonOf(cause)}`, { cause });
  }
}

function dominantType(tensors: readonly GgufTensorInfo[]): string {
  const elements = new Map<GgmlType, number>();
  for (const tensor of tensors) {
    const count = tensor.dimensions.reduce((product: number, dimension) => product * Number(dimension), 1);
    elements.set(tensor.ggmlType, (elements.get(tensor.ggmlType) ?? 0) + count);
  }
  const [dominant] = [...elements].toSorted(([, a], [, b]) => b - a);
  return dominant === undefined ? "unknown" : (GgmlType[dominant[0]] ?? "unknown");
}
