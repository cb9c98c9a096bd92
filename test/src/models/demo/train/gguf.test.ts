import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readGgufFileInfo } from "node-llama-cpp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type GgufTensor, writeGguf } from "../../../../../src/models/demo/train/gguf.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "peerllm-gguf-"));
});
afterAll(() => rm(directory, { recursive: true }));

function tensor(name: string, bytes: number): GgufTensor {
  return { name, shape: [3], type: "F32", bytes: () => [new Uint8Array(5).fill(1), new Uint8Array(bytes - 5).fill(2)] };
}

it("another reader finds every value and every tensor where it was put", async () => {
  const path = join(directory, "small.gguf");
  writeGguf(
    path,
    {
      "general.architecture": { type: "string", value: "llama" },
      "llama.block_count": { type: "uint32", value: 7 },
      "llama.attention.layer_norm_rms_epsilon": { type: "float32", value: 0.5 },
      "tokenizer.ggml.add_bos_token": { type: "bool", value: false },
      "tokenizer.ggml.tokens": { type: "strings", value: ["a", "Ġb"] },
      "tokenizer.ggml.token_type": { type: "int32s", value: [1, -3] },
    },
    [tensor("first", 12), tensor("second", 12)],
  );
  const info = await readGgufFileInfo(path, { readTensorInfo: true });
  expect(info.version).toBe(3);
  expect(info.metadata.general.architecture).toBe("llama");
  expect(info.metadata.llama).toMatchObject({ block_count: 7, attention: { layer_norm_rms_epsilon: 0.5 } });
  expect(info.metadata.tokenizer.ggml).toMatchObject({
    add_bos_token: false,
    tokens: ["a", "Ġb"],
    token_type: [1, -3],
  });
  expect(info.fullTensorInfo?.map(({ name, offset }) => [name, Number(offset)])).toEqual([
    ["first", 0],
    ["second", 32],
  ]);
  expect((await stat(path)).size % 32).toBe(0);
});

it("a tensor with too few bytes leaves no file, under no name", async () => {
  const path = join(directory, "short.gguf");
  expect(() => writeGguf(path, {}, [tensor("short", 8)])).toThrow("short has 8 bytes instead of 12");
  expect((await readdir(directory)).filter((name) => name.startsWith("short"))).toEqual([]);
});
