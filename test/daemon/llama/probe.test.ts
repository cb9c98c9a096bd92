import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { probeModel } from "../../../daemon/llama/probe.ts";
import { demoModelFile } from "../../worlds/answers.ts";

const never = new AbortController().signal;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "peerllm-probe-"));
});
afterAll(() => rm(directory, { recursive: true }));

function probe(modelFile: string) {
  return probeModel(modelFile, never);
}

describe("the probe", () => {
  it("opens a model that can be served", async () => {
    await expect(probe(demoModelFile)).resolves.toBeUndefined();
  });

  const breakers: { name: string; break: (bytes: Buffer) => Buffer }[] = [
    { name: "an empty file", break: () => Buffer.alloc(0) },
    { name: "garbage", break: () => Buffer.from("This is not a model. ".repeat(500)) },
    { name: "a file cut off in its header", break: (bytes) => bytes.subarray(0, 600) },
    { name: "a file cut off in its weights", break: (bytes) => bytes.subarray(0, bytes.length - 20_000) },
    { name: "a header without its layers' width", break: (bytes) => renamed(bytes, "feed_forward_length") },
    {
      name: "a header of no heads, which llama.cpp dies of",
      break: (bytes) => withNumber(bytes, "attention.head_count", 0),
    },
    { name: "a layer without one of its tensors", break: (bytes) => replaced(bytes, "blk.1.ffn_up", "blk.1.ffn_xx") },
    { name: "a template that can't be rendered", break: (bytes) => replaced(bytes, "{%- if tools", "{%- iff tools") },
    { name: "a header that counts 2^60 tensors", break: (bytes) => withCount(bytes, 8, 2n ** 60n) },
    { name: "a header that counts 2^60 keys", break: (bytes) => withCount(bytes, 16, 2n ** 60n) },
    { name: "a vocabulary of 2^60 words", break: (bytes) => withVocabulary(bytes, 2n ** 60n) },
  ];
  for (const { name, break: breakIt } of breakers) {
    it(`refuses ${name} as model_invalid`, async () => {
      const file = join(directory, `${name.replaceAll(/\W/g, "-")}.gguf`);
      await writeFile(file, breakIt(await readFile(demoModelFile)));
      await expect(probe(file)).rejects.toMatchObject({ code: "model_invalid" });
    });
  }

  it("refuses a file that isn't there", async () => {
    await expect(probe(join(directory, "nothing.gguf"))).rejects.toMatchObject({ code: "file_missing" });
  });
});

/** The key stays as long, so that nothing else moves. */
function renamed(bytes: Buffer, key: string): Buffer {
  return replaced(bytes, `.${key}`, `.${"x".repeat(key.length)}`);
}

function replaced(bytes: Buffer, from: string, to: string): Buffer {
  const copy = Buffer.from(bytes);
  copy.write(to, copy.indexOf(from));
  return copy;
}

/** After the key come its type (four bytes) and its value, of four too. */
function withNumber(bytes: Buffer, key: string, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(value, copy.indexOf(`.${key}`) + key.length + 1 + 4);
  return copy;
}

function withCount(bytes: Buffer, at: number, count: bigint): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeBigUInt64LE(count, at);
  return copy;
}

/** After the key come its type (an array), the type of its items and how many there are. */
function withVocabulary(bytes: Buffer, count: bigint): Buffer {
  const key = "tokenizer.ggml.tokens";
  return withCount(bytes, bytes.indexOf(key) + key.length + 8, count);
}
