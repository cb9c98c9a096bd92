import type { GgufTensor, GgufValue } from "./gguf.ts";
import { chatTemplate } from "./template.ts";
import { specialTokens } from "./tokenizer.ts";

/** The size of a model of llama.cpp's `llama` architecture with tied embeddings. */
export interface ModelShape {
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly width: number;
  readonly layers: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly ropeBase: number;
}

export interface ModelVocabulary {
  readonly tokens: readonly string[];
  readonly merges: readonly string[];
}

export interface ModelTitle {
  readonly name: string;
  readonly license: string;
}

/** Everything in a file's header but its tensors. The special tokens are the vocabulary's last ones, in their order. */
export function llamaMetadata(
  shape: ModelShape,
  vocabulary: ModelVocabulary,
  title: ModelTitle,
): Record<string, GgufValue> {
  const firstSpecial = vocabulary.tokens.length - specialTokens.length;
  const specialId = (marker: (typeof specialTokens)[number]) => firstSpecial + specialTokens.indexOf(marker);
  return {
    "general.architecture": { type: "string", value: "llama" },
    "general.name": { type: "string", value: title.name },
    "general.license": { type: "string", value: title.license },
    "general.file_type": { type: "uint32", value: 7 },
    "general.quantization_version": { type: "uint32", value: 2 },
    "llama.context_length": { type: "uint32", value: shape.contextLength },
    "llama.embedding_length": { type: "uint32", value: shape.width },
    "llama.block_count": { type: "uint32", value: shape.layers },
    "llama.feed_forward_length": { type: "uint32", value: shape.feedForward },
    "llama.attention.head_count": { type: "uint32", value: shape.heads },
    "llama.attention.head_count_kv": { type: "uint32", value: shape.keyValueHeads },
    "llama.attention.layer_norm_rms_epsilon": { type: "float32", value: 1e-5 },
    "llama.rope.dimension_count": { type: "uint32", value: shape.width / shape.heads },
    "llama.rope.freq_base": { type: "float32", value: shape.ropeBase },
    "llama.vocab_size": { type: "uint32", value: shape.vocabularySize },
    "tokenizer.ggml.model": { type: "string", value: "gpt2" },
    "tokenizer.ggml.pre": { type: "string", value: "qwen2" },
    "tokenizer.ggml.tokens": { type: "strings", value: vocabulary.tokens },
    "tokenizer.ggml.token_type": {
      type: "int32s",
      value: vocabulary.tokens.map((_, id) => tokenType(id - firstSpecial)),
    },
    "tokenizer.ggml.merges": { type: "strings", value: vocabulary.merges },
    "tokenizer.ggml.bos_token_id": { type: "uint32", value: specialId("<|endoftext|>") },
    "tokenizer.ggml.padding_token_id": { type: "uint32", value: specialId("<|endoftext|>") },
    "tokenizer.ggml.eos_token_id": { type: "uint32", value: specialId("<|im_end|>") },
    "tokenizer.ggml.add_bos_token": { type: "bool", value: false },
    "tokenizer.chat_template": { type: "string", value: chatTemplate },
  };
}

/** ggml's token types: 1 normal, 3 control (never text), 4 user-defined (one token, but text). */
function tokenType(specialIndex: number): number {
  if (specialIndex < 0) return 1;
  return specialTokens[specialIndex]?.startsWith("<|") ? 3 : 4;
}

/** Names, shapes and types of all tensors, in file order. */
export function llamaTensors(shape: ModelShape): Omit<GgufTensor, "bytes">[] {
  const { width, feedForward } = shape;
  const keyValueWidth = (width / shape.heads) * shape.keyValueHeads;
  const matrix = (name: string, columns: number, rows: number) => ({
    name: `${name}.weight`,
    shape: [columns, rows],
    type: "Q8_0" as const,
  });
  const norm = (name: string) => ({ name: `${name}.weight`, shape: [width], type: "F32" as const });
  const block = (index: number) => [
    norm(`blk.${index}.attn_norm`),
    matrix(`blk.${index}.attn_q`, width, width),
    matrix(`blk.${index}.attn_k`, width, keyValueWidth),
    matrix(`blk.${index}.attn_v`, width, keyValueWidth),
    matrix(`blk.${index}.attn_output`, width, width),
    norm(`blk.${index}.ffn_norm`),
    matrix(`blk.${index}.ffn_gate`, width, feedForward),
    matrix(`blk.${index}.ffn_up`, width, feedForward),
    matrix(`blk.${index}.ffn_down`, feedForward, width),
  ];
  return [
    matrix("token_embd", width, shape.vocabularySize),
    norm("output_norm"),
    ...Array.from({ length: shape.layers }, (_, index) => block(index)).flat(),
  ];
}
