import { type GgufTensor, writeGguf } from "./gguf.ts";
import { llamaMetadata, llamaTensors, type ModelShape, type ModelVocabulary } from "./llama.ts";
import { halfBits } from "./q8.ts";
import { randomFrom } from "./random.ts";
import { byteAlphabet, specialTokens } from "./tokenizer.ts";

/** Qwen2.5-0.5B: 494M parameters, 531 MB as Q8_0. Source: the config.json Qwen published with the model. */
export const benchmarkShape: ModelShape = {
  vocabularySize: 151_936,
  contextLength: 32_768,
  width: 896,
  layers: 24,
  feedForward: 4864,
  heads: 14,
  keyValueHeads: 2,
  ropeBase: 1_000_000,
};

/** The smallest that behaves like one: for tests that need a model but not its answers. */
export const tinyShape: ModelShape = {
  vocabularySize: 1_024,
  contextLength: 512,
  width: 64,
  layers: 2,
  feedForward: 128,
  heads: 2,
  keyValueHeads: 1,
  ropeBase: 10_000,
};

const blocksPerPiece = 4096;
/** Standard deviation of the weights, and of a signed byte drawn uniformly. */
const weightDeviation = 0.02;
const byteDeviation = 73.9;

/**
 * Writes a model of this shape with random weights: its answers are noise, its speed is that of a real one. The same
 * shape and seed give the same bytes. Takes memory for one piece of a tensor and the vocabulary alone.
 */
export function writeRandomModel(path: string, shape: ModelShape, seed: number): void {
  const random = randomFrom(seed);
  const tensors = llamaTensors(shape).map((tensor): GgufTensor => {
    const values = tensor.shape.reduce((product, size) => product * size, 1);
    const bytes = tensor.type === "F32" ? () => [ones(values)] : () => randomBlocks(values / 32, random.next);
    return { ...tensor, bytes };
  });
  const title = { name: `Random ${shape.layers}x${shape.width}`, license: "mit" };
  writeGguf(path, llamaMetadata(shape, syntheticVocabulary(shape.vocabularySize), title), tensors);
}

function ones(count: number): Uint8Array {
  return new Uint8Array(new Float32Array(count).fill(1).buffer);
}

function* randomBlocks(blocks: number, next: () => number): Generator<Uint8Array> {
  const scale = halfBits(weightDeviation / byteDeviation);
  for (let first = 0; first < blocks; first += blocksPerPiece) {
    const count = Math.min(blocksPerPiece, blocks - first);
    const piece = new DataView(new ArrayBuffer(count * 34));
    for (let block = 0; block < count; block++) {
      piece.setUint16(block * 34, scale, true);
      for (let at = 2; at < 34; at += 4) piece.setUint32(block * 34 + at, next(), true);
    }
    yield new Uint8Array(piece.buffer);
  }
}

/** Tokens of one, two and three bytes, by merges in the order of the byte alphabet. */
function syntheticVocabulary(size: number): ModelVocabulary {
  const mergeCount = size - byteAlphabet.length - specialTokens.length;
  const merges: string[] = [];
  const tokens = [...byteAlphabet];
  for (let left = 0; merges.length < mergeCount; left++) {
    for (const right of byteAlphabet) {
      if (merges.length === mergeCount) break;
      merges.push(`${tokens[left]} ${right}`);
      tokens.push(`${tokens[left]}${right}`);
    }
  }
  return { tokens: [...tokens, ...specialTokens], merges };
}
