import { existsSync } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The shape of a Llama-like model. Everything that costs time depends on it alone, not on the values of weights. */
export interface ModelShape {
  readonly layers: number;
  readonly embedding: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly vocabulary: number;
  readonly contextLength: number;
}

/** Qwen2.5-0.5B: 494M parameters with tied embeddings. Source: its config.json. */
export const qwenHalfBillion: ModelShape = {
  layers: 24,
  embedding: 896,
  feedForward: 4864,
  heads: 14,
  keyValueHeads: 2,
  vocabulary: 151_936,
  contextLength: 32_768,
};

export const tinyShape: ModelShape = {
  layers: 2,
  embedding: 64,
  feedForward: 128,
  heads: 4,
  keyValueHeads: 2,
  vocabulary: 320,
  contextLength: 2_048,
};

const chatTemplate =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** A random Q8_0 model of that shape, made once and kept in the system's temporary folder. */
export async function randomModelFile(shape: ModelShape, seed: number): Promise<string> {
  const directory = join(tmpdir(), "peerllm-bench");
  const name = `random-${shape.layers}x${shape.embedding}-v${shape.vocabulary}-s${seed}.gguf`;
  const file = join(directory, name);
  if (existsSync(file)) return file;
  await mkdir(directory, { recursive: true });
  const partial = `${file}.${process.pid}`;
  await writeRandomModel(partial, shape, seed);
  await rename(partial, file);
  return file;
}

/** Writes GGUF v3, architecture `llama`. The same shape and seed give the same bytes. */
export async function writeRandomModel(file: string, shape: ModelShape, seed: number): Promise<void> {
  const tensors = tensorsOf(shape);
  const handle = await open(file, "w");
  try {
    const header = headerOf(shape, tensors);
    await handle.write(header);
    const random = xorshift(seed);
    let written = header.length;
    for (const tensor of tensors) {
      for (const block of tensorBlocks(tensor, random)) {
        await handle.write(block);
        written += block.length;
      }
      const padding = Buffer.alloc(align(written) - written);
      await handle.write(padding);
      written += padding.length;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

interface Tensor {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly type: 0 | 8;
}

function tensorsOf({ layers, embedding, feedForward, heads, keyValueHeads, vocabulary }: ModelShape): Tensor[] {
  const keyValue = (embedding / heads) * keyValueHeads;
  const matrix = (name: string, from: number, to: number): Tensor => ({ name, dimensions: [from, to], type: 8 });
  const norm = (name: string): Tensor => ({ name, dimensions: [embedding], type: 0 });
  const blocks = Array.from({ length: layers }, (_, layer) => [
    norm(`blk.${layer}.attn_norm.weight`),
    matrix(`blk.${layer}.attn_q.weight`, embedding, embedding),
    matrix(`blk.${layer}.attn_k.weight`, embedding, keyValue),
    matrix(`blk.${layer}.attn_v.weight`, embedding, keyValue),
    matrix(`blk.${layer}.attn_output.weight`, embedding, embedding),
    norm(`blk.${layer}.ffn_norm.weight`),
    matrix(`blk.${layer}.ffn_gate.weight`, embedding, feedForward),
    matrix(`blk.${layer}.ffn_up.weight`, embedding, feedForward),
    matrix(`blk.${layer}.ffn_down.weight`, feedForward, embedding),
  ]);
  return [matrix("token_embd.weight", embedding, vocabulary), norm("output_norm.weight"), ...blocks.flat()];
}

function sizeOf({ dimensions, type }: Tensor): number {
  const elements = dimensions.reduce((product, dimension) => product * dimension, 1);
  return type === 0 ? elements * 4 : (elements / 32) * 34;
}

function align(offset: number): number {
  return Math.ceil(offset / 32) * 32;
}

function headerOf(shape: ModelShape, tensors: readonly Tensor[]): Buffer {
  const { tokens, types } = vocabularyOf(shape.vocabulary);
  const metadata: Buffer[] = [
    text("general.architecture", "llama"),
    text("general.name", "random"),
    uint32("general.file_type", 7),
    uint32("llama.context_length", shape.contextLength),
    uint32("llama.embedding_length", shape.embedding),
    uint32("llama.block_count", shape.layers),
    uint32("llama.feed_forward_length", shape.feedForward),
    uint32("llama.attention.head_count", shape.heads),
    uint32("llama.attention.head_count_kv", shape.keyValueHeads),
    float32("llama.attention.layer_norm_rms_epsilon", 1e-6),
    float32("llama.rope.freq_base", 1_000_000),
    text("tokenizer.ggml.model", "gpt2"),
    text("tokenizer.ggml.pre", "qwen2"),
    texts("tokenizer.ggml.tokens", tokens),
    int32s("tokenizer.ggml.token_type", types),
    texts("tokenizer.ggml.merges", ["t h"]),
    uint32("tokenizer.ggml.eos_token_id", 258),
    text("tokenizer.chat_template", chatTemplate),
  ];
  let offset = 0;
  const infos = tensors.map((tensor) => {
    const info = Buffer.concat([
      string(tensor.name),
      u32(tensor.dimensions.length),
      ...tensor.dimensions.map((dimension) => u64(dimension)),
      u32(tensor.type),
      u64(offset),
    ]);
    offset = align(offset + sizeOf(tensor));
    return info;
  });
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    u32(3),
    u64(tensors.length),
    u64(metadata.length),
    ...metadata,
    ...infos,
  ]);
  return Buffer.concat([header, Buffer.alloc(align(header.length) - header.length)]);
}

/** The 256 bytes, three control tokens, one merge, and made-up words up to `size`. */
function vocabularyOf(size: number): { tokens: string[]; types: number[] } {
  const tokens = [...byteAlphabet(), "<|endoftext|>", "<|im_start|>", "<|im_end|>", "th"];
  const types = tokens.map((token) => (token.startsWith("<|") ? 3 : 1));
  while (tokens.length < size) {
    tokens.push(`\u0120w${tokens.length}`);
    types.push(1);
  }
  return { tokens, types };
}

/** GPT-2's printable stand-ins for the bytes, in the order of the bytes. */
function byteAlphabet(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(isPrintable ? byte : next++);
  });
}

/** 32 weights: a scale as half float, then 32 signed bytes. Standard deviation about 0.02. */
function* tensorBlocks(tensor: Tensor, random: () => number): Generator<Buffer> {
  let left = sizeOf(tensor);
  while (left > 0) {
    const block = Buffer.alloc(Math.min(left, 34 * 65_536));
    if (tensor.type === 0) {
      for (let offset = 0; offset < block.length; offset += 4) block.writeFloatLE(1, offset);
    } else {
      for (let offset = 0; offset < block.length; offset += 34) {
        block.writeUInt16LE(0x0c78, offset);
        for (let index = 2; index < 34; index += 4) block.writeInt32LE(random() | 0, offset + index);
      }
    }
    left -= block.length;
    yield block;
  }
}

/** Source: Marsaglia, "Xorshift RNGs" (2003). */
function xorshift(seed: number): () => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

function string(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function text(key: string, value: string): Buffer {
  return Buffer.concat([string(key), u32(8), string(value)]);
}

function uint32(key: string, value: number): Buffer {
  return Buffer.concat([string(key), u32(4), u32(value)]);
}

function float32(key: string, value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return Buffer.concat([string(key), u32(6), buffer]);
}

function texts(key: string, values: readonly string[]): Buffer {
  return Buffer.concat([string(key), u32(9), u32(8), u64(values.length), ...values.map(string)]);
}

function int32s(key: string, values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    buffer.writeInt32LE(value, index * 4);
  });
  return Buffer.concat([string(key), u32(9), u32(5), u64(values.length), buffer]);
}
