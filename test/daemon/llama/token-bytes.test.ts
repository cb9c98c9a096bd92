import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadVocabulary, openLibrary } from "../../../daemon/llama/library.ts";
import { createTokenBytes } from "../../../daemon/llama/token-bytes.ts";
import { createVerbaliser } from "../../../daemon/llama/verbaliser.ts";
import { demoVariant } from "../../worlds/demo-variant.ts";
import { ggufFile, text, uint32, uint64 } from "../../worlds/gguf-file.ts";
import { type Folder, temporaryFolder } from "../../worlds/model-folder.ts";

type Library = Awaited<ReturnType<typeof openLibrary>>;
type Model = Awaited<ReturnType<typeof loadVocabulary>>;
let llama: Library;
let folder: Folder;

beforeAll(async () => {
  llama = await openLibrary("off", 1);
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

async function vocabularyOf(name: string, bytes: Uint8Array): Promise<Model> {
  return loadVocabulary(llama, await folder.write(`${name}.gguf`, bytes));
}

/** What a consumer reads of these tokens, sent one by one. */
function spoken(model: Model, tokens: readonly number[]): string {
  const verbaliser = createVerbaliser(createTokenBytes(model), []);
  return tokens.map((token) => verbaliser.push([token]).text).join("") + verbaliser.flush();
}

describe("a text in tokens of byte-level BPE", () => {
  const texts = [
    "names = ['model', 're'] and ['s']",
    "x = 'some string' ; if a == 'm' : it 's , they 've ' we",
    "ok ? no ! so . and , then ",
    "héllo 😀 日本語 \uFEFF\t \r\n  end",
  ];
  const vocabularies = ["llama-bpe", "llama3", "gpt-2", "dbrx", "default", "qwen2", "tekken", "smollm", "gpt-4o"];

  it.each(vocabularies)("comes back to the letter, token by token, with the words of %s", async (words) => {
    const model = await vocabularyOf(words, await demoVariant({ "tokenizer.ggml.pre": words }));
    for (const said of texts) expect(spoken(model, model.tokenize(said))).toBe(said);
    await model.dispose();
  });

  it("has no control token in it", async () => {
    const model = await vocabularyOf("plain", await demoVariant({}));
    expect(spoken(model, model.tokenize("<|im_start|>a<|im_end|>", true))).toBe("a");
    expect(spoken(model, model.tokenize("<tool_call>", true))).toBe("<tool_call>");
    await model.dispose();
  });
});

describe("a text in another vocabulary's tokens", () => {
  const [normal, unknown, control, userDefined, byte] = [1, 2, 3, 4, 6];
  const hexes = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0"));

  it("has SentencePiece's spaces from their sign, and bytes by their number", async () => {
    const words = new Map([
      ["<unk>", unknown],
      ["<s>", control],
      ["</s>", control],
      ["▁The", normal],
      ["▁fox", normal],
      ["▁", normal],
      ["<tag▁>", userDefined],
      ...hexes.map((hex) => [`<0x${hex.toUpperCase()}>`, byte] as const),
    ]);
    const said = ["<s>", "▁The", "▁fox", "▁", "▁", "<tag▁>", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "<unk>", "</s>"];
    expect(await spokenWords("llama", words, said)).toBe(" The fox  <tag▁>😀");
  });

  it("has RWKV's escapes undone", async () => {
    const said = ["\\xf0\\x9f", "\\x98\\x80", "a\\t\\\\\\'\\n"];
    const words = new Map([...hexes.map((hex) => `\\x${hex}`), ...said].map((word) => [word, normal]));
    expect(await spokenWords("rwkv", words, said)).toBe("😀a\t\\'\n");
  });

  async function spokenWords(kind: string, words: ReadonlyMap<string, number>, said: readonly string[]) {
    const model = await vocabularyOf(kind, vocabulary(kind, words));
    const ids = [...words.keys()];
    const text = spoken(
      model,
      said.map((word) => ids.indexOf(word)),
    );
    await model.dispose();
    return text;
  }
});

/** A model that has a vocabulary, words and their types, and next to nothing else. */
function vocabulary(kind: string, words: ReadonlyMap<string, number>): Buffer {
  const array = (type: number, items: readonly Buffer[]) =>
    Buffer.concat([uint32(type), uint64(items.length), ...items]);
  const sizes = ["embedding_length", "block_count", "feed_forward_length", "attention.head_count"];
  return ggufFile({
    keys: [
      ...sizes.map((key) => [`llama.${key}`, 4, uint32(1)] as const),
      ["llama.attention.layer_norm_rms_epsilon", 6, uint32(0)],
      ["tokenizer.ggml.model", 8, text(kind)],
      ["tokenizer.ggml.tokens", 9, array(8, [...words.keys()].map(text))],
      [
        "tokenizer.ggml.scores",
        9,
        array(
          6,
          [...words.keys()].map(() => uint32(0)),
        ),
      ],
      ["tokenizer.ggml.token_type", 9, array(5, [...words.values()].map(uint32))],
    ],
  });
}
