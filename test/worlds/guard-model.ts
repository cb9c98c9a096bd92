import { type GgufTensor, type GgufValue, writeGguf } from "../../src/models/demo/train/gguf.ts";
import { byteAlphabet } from "../../src/models/demo/train/tokenizer.ts";

/** The word that this guard calls unsafe, wherever it stands; one token of its vocabulary. */
export const forbiddenWord = "zorb";

const controls = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"] as const;
const merges = ["z o", "zo r", "zor b"];
/** What it answers, a token each, in the alphabet of GPT-2's bytes: "Ċ" is a line's end. */
const verdicts = { safe: "safe", unsafe: "unsafeĊS9" } as const;
const tokens = [...byteAlphabet, "zo", "zor", forbiddenWord, verdicts.safe, verdicts.unsafe, ...controls];
const idOf = (token: string) => tokens.indexOf(token);

/** Source: Meta, "Llama Guard 3" prompt format: turns between header marks, each ended by `<|eot_id|>`. */
const chatTemplate =
  "{{ '<|begin_of_text|>' }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + " +
  "message['content'] + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}";

const width = 32;
/** What each direction of the hidden state says. */
const [isOther, isForbidden, isVerdict, sawForbidden] = [0, 1, 2, 3];
/** Raises one token in 8,192 above the doubt; small enough for half precision. */
const attentionGain = 10_000;
const unsafeWeight = 10;
const endWeight = 10_000_000;

/**
 * Writes a guard that needs no training: one layer of llama.cpp's `llama` architecture whose weights are set by hand. Keys and
 * queries are zero, so attention is the mean over all tokens; the values carry one thing, whether a token is the forbidden
 * word; the answer is "unsafe" and S9 where the mean is above zero, else "safe", and then the end.
 */
export function writeGuardModel(path: string): void {
  const metadata: Record<string, GgufValue> = {
    "general.architecture": { type: "string", value: "llama" },
    "general.name": { type: "string", value: "A guard by construction" },
    "general.file_type": { type: "uint32", value: 0 },
    "llama.context_length": { type: "uint32", value: 8_192 },
    "llama.embedding_length": { type: "uint32", value: width },
    "llama.block_count": { type: "uint32", value: 1 },
    "llama.feed_forward_length": { type: "uint32", value: width },
    "llama.attention.head_count": { type: "uint32", value: 1 },
    "llama.attention.head_count_kv": { type: "uint32", value: 1 },
    "llama.attention.layer_norm_rms_epsilon": { type: "float32", value: 1e-5 },
    "llama.rope.dimension_count": { type: "uint32", value: width },
    "llama.vocab_size": { type: "uint32", value: tokens.length },
    "tokenizer.ggml.model": { type: "string", value: "gpt2" },
    "tokenizer.ggml.pre": { type: "string", value: "llama-bpe" },
    "tokenizer.ggml.tokens": { type: "strings", value: tokens },
    // 1 normal, 3 control.
    "tokenizer.ggml.token_type": { type: "int32s", value: tokens.map((token) => (token.startsWith("<|") ? 3 : 1)) },
    "tokenizer.ggml.merges": { type: "strings", value: merges },
    "tokenizer.ggml.bos_token_id": { type: "uint32", value: idOf("<|begin_of_text|>") },
    "tokenizer.ggml.eos_token_id": { type: "uint32", value: idOf("<|eot_id|>") },
    "tokenizer.ggml.add_bos_token": { type: "bool", value: true },
    "tokenizer.chat_template": { type: "string", value: chatTemplate },
  };
  const square = (name: string, set: readonly Weight[] = []) => matrix(`blk.0.${name}.weight`, width, width, set);
  writeGguf(path, metadata, [
    matrix(
      "token_embd.weight",
      width,
      tokens.length,
      tokens.map((token, id) => ({ row: id, column: directionOf(token), value: 1 })),
    ),
    norm("blk.0.attn_norm.weight"),
    square("attn_q"),
    square("attn_k"),
    square("attn_v", [{ row: isForbidden, column: isForbidden, value: 1 }]),
    square("attn_output", [{ row: sawForbidden, column: isForbidden, value: attentionGain }]),
    norm("blk.0.ffn_norm.weight"),
    square("ffn_gate"),
    square("ffn_up"),
    square("ffn_down"),
    norm("output_norm.weight"),
    matrix("output.weight", width, tokens.length, [
      { row: idOf(verdicts.safe), column: isOther, value: 1 },
      { row: idOf(verdicts.unsafe), column: sawForbidden, value: unsafeWeight },
      { row: idOf("<|eot_id|>"), column: isVerdict, value: endWeight },
    ]),
  ]);
}

function directionOf(token: string): number {
  if (token === forbiddenWord) return isForbidden;
  return token === verdicts.safe || token === verdicts.unsafe ? isVerdict : isOther;
}

interface Weight {
  readonly row: number;
  readonly column: number;
  readonly value: number;
}

function matrix(name: string, columns: number, rows: number, set: readonly Weight[]): GgufTensor {
  const values = new Float32Array(columns * rows);
  for (const { row, column, value } of set) values[row * columns + column] = value;
  return { name, shape: [columns, rows], type: "F32", bytes: () => [new Uint8Array(values.buffer)] };
}

function norm(name: string): GgufTensor {
  return { name, shape: [width], type: "F32", bytes: () => [new Uint8Array(new Float32Array(width).fill(1).buffer)] };
}
