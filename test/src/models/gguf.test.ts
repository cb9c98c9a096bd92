import { execFile } from "node:child_process";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPeerError } from "../../../src/errors.ts";
import { parseGguf, readGgufFacts } from "../../../src/models/gguf.ts";
import { ggufFile, text, uint32, uint64 } from "../../worlds/gguf-file.ts";
import { temporaryFolder } from "../../worlds/model-folder.ts";

function refusal(message: RegExp) {
  return expect.toSatisfy((error: unknown) => isPeerError(error, "model_invalid") && message.test(error.message));
}

const strings = (count: number) => Buffer.concat([uint32(8), uint64(count), ...Array(count).fill(text("token"))]);

describe("a GGUF header", () => {
  it("tells what kind of model it is", () => {
    const bytes = ggufFile({
      architecture: "qwen2",
      contextLength: 32_768,
      template: "{{ messages }}",
      fileType: 7,
      keys: [["tokenizer.ggml.tokens", 9, strings(100)]],
    });
    expect(parseGguf(bytes, bytes.length)).toEqual({
      architecture: "qwen2",
      parameters: 1024,
      quantisation: "Q8_0",
      contextLength: 32_768,
      hasTemplate: true,
    });
  });

  it("without a file type is named after the type most of its weights have", () => {
    const bytes = ggufFile({
      dataBytes: 4096,
      tensors: [{ name: "a", dimensions: [256, 4], type: 14 }],
    });
    expect(parseGguf(bytes, bytes.length)).toMatchObject({
      quantisation: "Q6_K",
      parameters: 1024,
      hasTemplate: false,
    });
  });

  it("longer than the first read is read on", async () => {
    const bytes = ggufFile({ keys: [["tokenizer.ggml.tokens", 9, strings(200_000)]] });
    const folder = await temporaryFolder({ "m.gguf": bytes });
    await expect(readGgufFacts(folder.file("m.gguf"))).resolves.toMatchObject({ architecture: "llama" });
    await folder.remove();
  });

  it("however long lets others have their turn while it is read", async () => {
    const empty = Buffer.concat([uint32(8), uint64(2 ** 21), Buffer.alloc(8 * 2 ** 21)]);
    const folder = await temporaryFolder({ "m.gguf": ggufFile({ keys: [["tokenizer.ggml.tokens", 9, empty]] }) });
    let turns = 0;
    const others = setInterval(() => {
      turns++;
    }, 0);
    const facts = await readGgufFacts(folder.file("m.gguf"));
    clearInterval(others);
    expect(facts).toMatchObject({ architecture: "llama" });
    expect(turns).toBeGreaterThan(16);
    await folder.remove();
  });

  it("of a template or a name longer than is of use is read all the same", () => {
    const long = text("x".repeat(100_000));
    const bytes = ggufFile({ template: "y".repeat(100_000), keys: [["general.name", 8, long]] });
    expect(parseGguf(bytes, bytes.length)).toMatchObject({ hasTemplate: true });
  });

  it("is read of a file alone, and a pipe is not waited for", async () => {
    const folder = await temporaryFolder();
    await promisify(execFile)("mkfifo", [folder.file("pipe.gguf")]);
    for (const path of [folder.path, folder.file("pipe.gguf")]) {
      await expect(readGgufFacts(path)).rejects.toThrowError(refusal(/is not a file/));
    }
    await folder.remove();
  });

  it.each<[string, () => Buffer, RegExp]>([
    ["something else", () => Buffer.from("not a model"), /does not begin/],
    ["an empty file", () => Buffer.alloc(0), /ends in the middle/],
    ["a version of the future", () => withBytes(ggufFile(), 4, uint32(9)), /version is 9/],
    ["more tensors than could be", () => withBytes(ggufFile(), 8, uint64(2 ** 40)), /claims 1099511627776 tensors/],
    ["more keys than could be", () => withBytes(ggufFile(), 16, uint64(60_000)), /claims 60000 keys/],
    ["a key longer than the file", () => withBytes(ggufFile(), 24, uint64(60_000)), /middle of its header/],
    ["a length beyond all numbers", () => withBytes(ggufFile(), 24, Buffer.alloc(8, 0xff)), /claims a length/],
    ["a key twice", () => ggufFile({ keys: [["general.architecture", 8, text("x")]] }), /comes twice/],
    ["a value of unknown type", () => ggufFile({ keys: [["k", 77, Buffer.alloc(8)]] }), /unknown type 77/],
    ["nested arrays", () => ggufFile({ keys: [["k", 9, Buffer.concat([uint32(9), uint64(1)])]] }), /nests/],
    [
      "an array longer than the file",
      () => ggufFile({ keys: [["k", 9, Buffer.concat([uint32(4), uint64(2 ** 50)])]] }),
      /array items/,
    ],
    ["no context length", () => ggufFile({ contextLength: 0 }), /context_length/],
    ["no architecture worth the name", () => ggufFile({ architecture: "../x" }), /architecture/],
    ["no tensors", () => ggufFile({ tensors: [] }), /no tensors/],
    ["a tensor without dimensions", () => ggufFile({ tensors: [{ name: "a", dimensions: [], type: 0 }] }), /0 dim/],
    ["a tensor of nothing", () => ggufFile({ tensors: [{ name: "a", dimensions: [0], type: 0 }] }), /shape/],
    ["a tensor beyond all numbers", () => ggufFile({ tensors: [big("a")] }), /shape/],
    ["a tensor beyond the file", () => ggufFile({ tensors: [{ name: "a", dimensions: [4096], type: 0 }] }), /beyond/],
    ["a tensor of unknown type", () => ggufFile({ tensors: [{ name: "a", dimensions: [4], type: 99 }] }), /unknown/],
    ["a tensor with half a block", () => ggufFile({ tensors: [{ name: "a", dimensions: [33], type: 8 }] }), /blocks/],
    ["tensors that overlap", () => ggufFile({ tensors: ["a", "b"].map(small) }), /overlaps/],
    ["a tensor twice", () => ggufFile({ tensors: ["a", "a"].map(small) }), /comes twice/],
    ["an odd alignment", () => ggufFile({ keys: [["general.alignment", 4, uint32(12)]] }), /alignment/],
    ["one part of several", () => ggufFile({ keys: [["split.count", 2, Buffer.from([3, 0])]] }), /split/],
  ])("of %s is refused", (_, make, message) => {
    const bytes = make();
    expect(() => parseGguf(bytes, bytes.length)).toThrowError(refusal(message));
  });

  it("cut anywhere asks for more of the file, and never for more than the file has", () => {
    const bytes = ggufFile({ keys: [["tokenizer.ggml.tokens", 9, strings(3)]], dataBytes: 32 });
    const headerEnd = bytes.length - 64;
    for (let length = 0; length < headerEnd; length++) {
      expect(parseGguf(bytes.subarray(0, length), bytes.length)).toBeUndefined();
      expect(() => parseGguf(bytes.subarray(0, length), length)).toThrowError(refusal(/./));
    }
  });

  it("with any bytes changed is read or refused, quickly", () => {
    const bytes = ggufFile({ template: "{{ x }}", keys: [["tokenizer.ggml.tokens", 9, strings(20)]], dataBytes: 64 });
    const change = fc.record({ at: fc.nat(bytes.length - 1), to: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
        const changed = Buffer.from(bytes);
        for (const { at, to } of changes) changed[at] = to;
        try {
          parseGguf(changed, changed.length);
        } catch (error) {
          expect(isPeerError(error, "model_invalid")).toBe(true);
        }
      }),
      { numRuns: 500, seed: 7 },
    );
  });
});

function withBytes(bytes: Buffer, at: number, change: Buffer): Buffer {
  change.copy(bytes, at);
  return bytes;
}

function small(name: string) {
  return { name, dimensions: [64], type: 24 };
}

function big(name: string) {
  return { name, dimensions: [2 ** 30, 2 ** 30], type: 24 };
}
