import { open } from "node:fs/promises";
import { PeerError } from "../errors.ts";
import { isMissing } from "../if-there.ts";

/*
 * Reads the header of a GGUF file (key-values and tensor shapes) from bytes nobody vouches for, before an engine opens
 * them: every length is checked against what is left, nothing is allocated from a number in the file.
 * Source: ggml, docs/gguf.md, versions 2 and 3; block sizes from ggml-common.h.
 */

export interface GgufFacts {
  /** As llama.cpp names it, for example "qwen2". */
  readonly architecture: string;
  readonly parameters: number;
  /** For example "Q8_0" or "Q4_K_M". */
  readonly quantisation: string;
  /** Tokens the model was trained to see. */
  readonly contextLength: number;
  readonly hasTemplate: boolean;
}

const headerBytesMax = 128 * 1_048_576;
const firstReadBytes = 1_048_576;
const keyCountMax = 65_536;
const tensorCountMax = 65_536;
const nameBytesMax = 65_535;

/** Throws `model_invalid`, saying what is wrong with the file, and `file_missing`. */
export async function readGgufFacts(path: string): Promise<GgufFacts> {
  const file = await open(path, "r").catch((cause) => {
    throw isMissing(cause) ? new PeerError("file_missing", `There is no model file at "${path}".`, { cause }) : cause;
  });
  try {
    const { size } = await file.stat();
    for (let length = Math.min(firstReadBytes, size); ; length = Math.min(length * 8, size, headerBytesMax)) {
      const bytes = Buffer.alloc(length);
      const { bytesRead } = await file.read(bytes, 0, length, 0);
      const facts = parseGguf(bytes.subarray(0, bytesRead), size);
      if (facts !== undefined) return facts;
      if (length === size) throw invalid("it ends in the middle of its header");
      if (length === headerBytesMax) throw invalid("its header is larger than 128 MiB");
    }
  } finally {
    await file.close();
  }
}

/**
 * The facts of a file of `sizeBytes` that begins with `prefix`, or undefined when the header goes on after it. Throws
 * `model_invalid`.
 */
export function parseGguf(prefix: Buffer, sizeBytes: number): GgufFacts | undefined {
  const cursor = new Cursor(prefix, sizeBytes);
  try {
    return parseHeader(cursor);
  } catch (error) {
    if (error === prefixEnded) return undefined;
    throw error;
  }
}

type Value = number | bigint | boolean | string | undefined;

interface Tensor {
  readonly elements: number;
  readonly typeName: string;
  readonly start: number;
  readonly end: number;
}

function parseHeader(cursor: Cursor): GgufFacts {
  if (cursor.bytes(4).toString("latin1") !== "GGUF") throw invalid('it does not begin with "GGUF"');
  const version = cursor.uint32();
  if (version !== 2 && version !== 3) throw invalid(`its version is ${version}; 2 and 3 are read`);
  const tensorCount = cursor.count(tensorCountMax, "tensors", 24);
  const keyCount = cursor.count(keyCountMax, "keys", 13);
  const values = new Map<string, Value>();
  for (let index = 0; index < keyCount; index++) {
    const key = cursor.string(nameBytesMax);
    if (values.has(key)) throw invalid(`the key "${shown(key)}" comes twice`);
    values.set(key, readValue(cursor, cursor.uint32()));
  }
  const tensors = readTensors(cursor, tensorCount);
  checkPlaces(cursor, tensors, alignmentOf(values));
  return factsOf(values, [...tensors.values()]);
}

function readTensors(cursor: Cursor, count: number): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (let index = 0; index < count; index++) {
    const name = cursor.string(nameBytesMax);
    const dimensionCount = cursor.uint32();
    if (dimensionCount < 1 || dimensionCount > 4)
      throw invalid(`tensor "${shown(name)}" has ${dimensionCount} dimensions`);
    let elements = 1;
    let width = 0;
    for (let dimension = 0; dimension < dimensionCount; dimension++) {
      const length = cursor.uint64();
      if (dimension === 0) width = length;
      elements *= length;
      if (length < 1 || !Number.isSafeInteger(elements))
        throw invalid(`tensor "${shown(name)}" has an impossible shape`);
    }
    const type = tensorTypes.get(cursor.uint32());
    if (type === undefined) throw invalid(`tensor "${shown(name)}" is of an unknown type`);
    if (width % type.blockElements !== 0) throw invalid(`tensor "${shown(name)}" does not fill its blocks`);
    const start = cursor.uint64();
    const end = start + (elements / type.blockElements) * type.blockBytes;
    if (tensors.has(name)) throw invalid(`tensor "${shown(name)}" comes twice`);
    tensors.set(name, { elements, typeName: type.name, start, end });
  }
  return tensors;
}

/** Tensors lie inside the file, aligned, and no two share a byte. */
function checkPlaces(cursor: Cursor, tensors: ReadonlyMap<string, Tensor>, alignment: number): void {
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const ordered = [...tensors].sort(([, a], [, b]) => a.start - b.start);
  let end = 0;
  for (const [name, tensor] of ordered) {
    if (tensor.start % alignment !== 0) throw invalid(`tensor "${shown(name)}" is not aligned`);
    if (tensor.start < end) throw invalid(`tensor "${shown(name)}" overlaps another`);
    if (dataStart + tensor.end > cursor.fileBytes)
      throw invalid(`tensor "${shown(name)}" lies beyond the end of the file`);
    end = tensor.end;
  }
}

function alignmentOf(values: ReadonlyMap<string, Value>): number {
  const alignment = values.get("general.alignment") ?? 32;
  if (typeof alignment !== "number" || alignment < 8 || alignment > 65_536 || (alignment & (alignment - 1)) !== 0) {
    throw invalid("its alignment is not a power of two");
  }
  return alignment;
}

function factsOf(values: ReadonlyMap<string, Value>, tensors: readonly Tensor[]): GgufFacts {
  const architecture = values.get("general.architecture");
  if (typeof architecture !== "string" || !/^[a-z0-9][a-z0-9._-]{0,63}$/i.test(architecture)) {
    throw invalid('"general.architecture" is missing or malformed');
  }
  const contextLength = Number(values.get(`${architecture}.context_length`) ?? 0);
  if (!Number.isSafeInteger(contextLength) || contextLength < 1) {
    throw invalid(`"${architecture}.context_length" is missing or malformed`);
  }
  if (Number(values.get("split.count") ?? 1) > 1)
    throw invalid("it is one part of a split model; merge the parts first");
  if (tensors.length === 0) throw invalid("it holds no tensors");
  const parameters = tensors.reduce((sum, { elements }) => sum + elements, 0);
  if (!Number.isSafeInteger(parameters)) throw invalid("its tensors are impossibly many");
  const template = values.get("tokenizer.chat_template");
  return {
    architecture,
    parameters,
    quantisation: fileTypes.get(Number(values.get("general.file_type") ?? -1)) ?? commonestType(tensors),
    contextLength,
    hasTemplate: typeof template === "string" && template !== "",
  };
}

function commonestType(tensors: readonly Tensor[]): string {
  const elements = new Map<string, number>();
  for (const tensor of tensors) elements.set(tensor.typeName, (elements.get(tensor.typeName) ?? 0) + tensor.elements);
  return [...elements].reduce((most, each) => (each[1] > most[1] ? each : most), ["", 0] as const)[0];
}

const stringType = 8;
const arrayType = 9;

function readValue(cursor: Cursor, type: number): Value {
  if (type === stringType) return cursor.string(Number.MAX_SAFE_INTEGER);
  if (type === arrayType) return skipArray(cursor);
  switch (type) {
    case 0:
      return cursor.bytes(1).readUInt8();
    case 1:
      return cursor.bytes(1).readInt8();
    case 2:
      return cursor.bytes(2).readUInt16LE();
    case 3:
      return cursor.bytes(2).readInt16LE();
    case 4:
      return cursor.uint32();
    case 5:
      return cursor.bytes(4).readInt32LE();
    case 6:
      return cursor.bytes(4).readFloatLE();
    case 7:
      return cursor.bytes(1).readUInt8() !== 0;
    case 10:
      return cursor.bytes(8).readBigUInt64LE();
    case 11:
      return cursor.bytes(8).readBigInt64LE();
    case 12:
      return cursor.bytes(8).readDoubleLE();
    default:
      throw invalid(`a key has the unknown type ${type}`);
  }
}

/** Arrays (vocabularies, merges) are stepped over, not kept. */
function skipArray(cursor: Cursor): undefined {
  const type = cursor.uint32();
  if (type === arrayType) throw invalid("it nests arrays");
  const itemBytes = [1, 1, 2, 2, 4, 4, 4, 1, 8, 0, 8, 8, 8][type];
  if (itemBytes === undefined) throw invalid(`an array has the unknown type ${type}`);
  const count = cursor.count(cursor.fileBytes, "array items", itemBytes);
  if (type !== stringType) {
    cursor.skip(count * itemBytes);
    return undefined;
  }
  for (let index = 0; index < count; index++) cursor.skip(cursor.uint64());
  return undefined;
}

const prefixEnded = Symbol("the header goes on after the prefix");

/** A place in the header. Reading past the file is a fault of the file; past the prefix, a wish for more of it. */
class Cursor {
  position = 0;
  readonly #prefix: Buffer;
  readonly fileBytes: number;

  constructor(prefix: Buffer, fileBytes: number) {
    this.#prefix = prefix;
    this.fileBytes = fileBytes;
  }

  bytes(length: number): Buffer {
    const start = this.position;
    this.skip(length);
    return this.#prefix.subarray(start, this.position);
  }

  skip(length: number): void {
    const end = this.position + length;
    if (!(end <= this.fileBytes)) throw invalid("it ends in the middle of its header");
    if (end > this.#prefix.length) throw prefixEnded;
    this.position = end;
  }

  uint32(): number {
    return this.bytes(4).readUInt32LE();
  }

  uint64(): number {
    const value = this.bytes(8).readBigUInt64LE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(`it claims a length of ${value}`);
    return Number(value);
  }

  /** A number of things that take at least `bytesEach` of what is left of the file. */
  count(max: number, what: string, bytesEach: number): number {
    const count = this.uint64();
    if (count > max || count * bytesEach > this.fileBytes - this.position) throw invalid(`it claims ${count} ${what}`);
    return count;
  }

  string(bytesMax: number): string {
    const length = this.uint64();
    if (length > bytesMax) throw invalid(`it holds a name of ${length} bytes`);
    return this.bytes(length).toString("utf8");
  }
}

const tensorTypes: ReadonlyMap<number, { name: string; blockElements: number; blockBytes: number }> = new Map(
  (
    [
      [0, "F32", 1, 4],
      [1, "F16", 1, 2],
      [2, "Q4_0", 32, 18],
      [3, "Q4_1", 32, 20],
      [6, "Q5_0", 32, 22],
      [7, "Q5_1", 32, 24],
      [8, "Q8_0", 32, 34],
      [9, "Q8_1", 32, 36],
      [10, "Q2_K", 256, 84],
      [11, "Q3_K", 256, 110],
      [12, "Q4_K", 256, 144],
      [13, "Q5_K", 256, 176],
      [14, "Q6_K", 256, 210],
      [15, "Q8_K", 256, 292],
      [16, "IQ2_XXS", 256, 66],
      [17, "IQ2_XS", 256, 74],
      [18, "IQ3_XXS", 256, 98],
      [19, "IQ1_S", 256, 50],
      [20, "IQ4_NL", 32, 18],
      [21, "IQ3_S", 256, 110],
      [22, "IQ2_S", 256, 82],
      [23, "IQ4_XS", 256, 136],
      [24, "I8", 1, 1],
      [25, "I16", 1, 2],
      [26, "I32", 1, 4],
      [27, "I64", 1, 8],
      [28, "F64", 1, 8],
      [29, "IQ1_M", 256, 56],
      [30, "BF16", 1, 2],
      [34, "TQ1_0", 256, 54],
      [35, "TQ2_0", 256, 66],
      [39, "MXFP4", 32, 17],
    ] as const
  ).map(([type, name, blockElements, blockBytes]) => [type, { name, blockElements, blockBytes }]),
);

/** `general.file_type`. Source: llama.cpp, `llama_ftype`. */
const fileTypes: ReadonlyMap<number, string> = new Map([
  [0, "F32"],
  [1, "F16"],
  [2, "Q4_0"],
  [3, "Q4_1"],
  [7, "Q8_0"],
  [8, "Q5_0"],
  [9, "Q5_1"],
  [10, "Q2_K"],
  [11, "Q3_K_S"],
  [12, "Q3_K_M"],
  [13, "Q3_K_L"],
  [14, "Q4_K_S"],
  [15, "Q4_K_M"],
  [16, "Q5_K_S"],
  [17, "Q5_K_M"],
  [18, "Q6_K"],
  [19, "IQ2_XXS"],
  [20, "IQ2_XS"],
  [21, "Q2_K_S"],
  [22, "IQ3_XS"],
  [23, "IQ3_XXS"],
  [24, "IQ1_S"],
  [25, "IQ4_NL"],
  [26, "IQ3_S"],
  [27, "IQ3_M"],
  [28, "IQ2_S"],
  [29, "IQ2_M"],
  [30, "IQ4_XS"],
  [31, "IQ1_M"],
  [32, "BF16"],
  [36, "TQ1_0"],
  [37, "TQ2_0"],
  [38, "MXFP4_MOE"],
]);

function shown(name: string): string {
  return name.slice(0, 64).replace(/[^\x20-\x7e]/g, "?");
}

function invalid(what: string): PeerError {
  return new PeerError("model_invalid", `The file is not a usable GGUF model: ${what}.`);
}
