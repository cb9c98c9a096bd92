import { type FileHandle, open, stat } from "node:fs/promises";
import { PeerError } from "../errors.ts";
import { isMissing } from "../if-there.ts";
import { fileTypes, tensorTypes } from "./gguf-types.ts";

/*
 * Reads the header of a GGUF file (key-values and tensor shapes) from bytes nobody vouches for, before an engine opens
 * them: every length is checked against what is left, nothing is allocated from a number in the file. It is read piece
 * by piece, each once and none of them long to look at, so that whoever else is served meanwhile does not wait.
 * Source: ggml, docs/gguf.md, versions 2 and 3.
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
const pieceBytes = 262_144;
const keyCountMax = 65_536;
const tensorCountMax = 65_536;
const nameBytesMax = 65_535;
/** Of a text value; the one that is longer, the chat template, is only asked whether it is there. */
const textBytesMax = 256;

/** Throws `model_invalid`, saying what is wrong with the file, and `file_missing`. */
export async function readGgufFacts(path: string): Promise<GgufFacts> {
  // Looked at first: to open a pipe is to wait for whoever writes to it.
  const found = await stat(path).catch((cause) => {
    throw isMissing(cause) ? new PeerError("file_missing", `There is no model file at "${path}".`, { cause }) : cause;
  });
  if (!found.isFile()) throw new PeerError("model_invalid", `"${path}" is not a file, so it is no GGUF model.`);
  const file = await open(path, "r");
  try {
    return await readHeader(file, found.size);
  } finally {
    await file.close();
  }
}

/**
 * The facts of a file of `sizeBytes` that begins with `prefix`, or undefined when the header goes on after it. Throws
 * `model_invalid`.
 */
export function parseGguf(prefix: Buffer, sizeBytes: number): GgufFacts | undefined {
  const cursor = new Cursor(sizeBytes);
  cursor.feed(prefix);
  const step = parseHeader(cursor).next();
  return step.done === true ? step.value : undefined;
}

async function readHeader(file: FileHandle, sizeBytes: number): Promise<GgufFacts> {
  const cursor = new Cursor(sizeBytes);
  const header = parseHeader(cursor);
  for (;;) {
    const step = header.next();
    if (step.done === true) return step.value;
    const piece = Buffer.alloc(Math.min(pieceBytes, sizeBytes - cursor.position));
    const { bytesRead } = await file.read(piece, 0, piece.length, cursor.position);
    if (bytesRead < piece.length) throw invalid("it ends in the middle of its header");
    cursor.feed(piece);
  }
}

/** A part of the parser: it yields where it needs the bytes from the cursor's position on. */
type Parse<Result> = Generator<undefined, Result>;

type Value = number | bigint | boolean | string | undefined;

interface Tensor {
  readonly elements: number;
  readonly typeName: string;
  readonly start: number;
  readonly end: number;
}

function* parseHeader(cursor: Cursor): Parse<GgufFacts> {
  if ((yield* cursor.bytes(4)).toString("latin1") !== "GGUF") throw invalid('it does not begin with "GGUF"');
  const version = yield* cursor.uint32();
  if (version !== 2 && version !== 3) throw invalid(`its version is ${version}; 2 and 3 are read`);
  const tensorCount = yield* cursor.count(tensorCountMax, "tensors", 24);
  const keyCount = yield* cursor.count(keyCountMax, "keys", 13);
  const values = new Map<string, Value>();
  for (let index = 0; index < keyCount; index++) {
    const key = yield* cursor.name();
    if (values.has(key)) throw invalid(`the key "${shown(key)}" comes twice`);
    values.set(key, yield* readValue(cursor, yield* cursor.uint32()));
  }
  const tensors = yield* readTensors(cursor, tensorCount);
  checkPlaces(cursor, tensors, alignmentOf(values));
  return factsOf(values, [...tensors.values()]);
}

function* readTensors(cursor: Cursor, count: number): Parse<Map<string, Tensor>> {
  const tensors = new Map<string, Tensor>();
  for (let index = 0; index < count; index++) {
    const name = yield* cursor.name();
    const dimensionCount = yield* cursor.uint32();
    if (dimensionCount < 1 || dimensionCount > 4)
      throw invalid(`tensor "${shown(name)}" has ${dimensionCount} dimensions`);
    let elements = 1;
    let width = 0;
    for (let dimension = 0; dimension < dimensionCount; dimension++) {
      const length = yield* cursor.uint64();
      if (dimension === 0) width = length;
      elements *= length;
      if (length < 1 || !Number.isSafeInteger(elements))
        throw invalid(`tensor "${shown(name)}" has an impossible shape`);
    }
    const type = tensorTypes.get(yield* cursor.uint32());
    if (type === undefined) throw invalid(`tensor "${shown(name)}" is of an unknown type`);
    if (width % type.blockElements !== 0) throw invalid(`tensor "${shown(name)}" does not fill its blocks`);
    const start = yield* cursor.uint64();
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

function* readValue(cursor: Cursor, type: number): Parse<Value> {
  switch (type) {
    case 0:
      return (yield* cursor.bytes(1)).readUInt8();
    case 1:
      return (yield* cursor.bytes(1)).readInt8();
    case 2:
      return (yield* cursor.bytes(2)).readUInt16LE();
    case 3:
      return (yield* cursor.bytes(2)).readInt16LE();
    case 4:
      return yield* cursor.uint32();
    case 5:
      return (yield* cursor.bytes(4)).readInt32LE();
    case 6:
      return (yield* cursor.bytes(4)).readFloatLE();
    case 7:
      return (yield* cursor.bytes(1)).readUInt8() !== 0;
    case stringType:
      return yield* cursor.text();
    case arrayType:
      return yield* skipArray(cursor);
    case 10:
      return (yield* cursor.bytes(8)).readBigUInt64LE();
    case 11:
      return (yield* cursor.bytes(8)).readBigInt64LE();
    case 12:
      return (yield* cursor.bytes(8)).readDoubleLE();
    default:
      throw invalid(`a key has the unknown type ${type}`);
  }
}

/** Arrays (vocabularies, merges) are stepped over, not kept. */
function* skipArray(cursor: Cursor): Parse<undefined> {
  const type = yield* cursor.uint32();
  if (type === arrayType) throw invalid("it nests arrays");
  const itemBytes = [1, 1, 2, 2, 4, 4, 4, 1, 8, 0, 8, 8, 8][type];
  if (itemBytes === undefined) throw invalid(`an array has the unknown type ${type}`);
  const count = yield* cursor.count(cursor.fileBytes, "array items", itemBytes);
  if (type !== stringType) cursor.skip(count * itemBytes);
  else
    for (let index = 0; index < count; index++) cursor.skip(cursor.has(8) ? cursor.length() : yield* cursor.uint64());
}

/** A place in the header, and a piece of the file around it. Reading past the file is a fault of the file. */
class Cursor {
  position = 0;
  readonly fileBytes: number;
  #piece: Buffer = Buffer.alloc(0);
  #pieceStart = 0;

  constructor(fileBytes: number) {
    this.fileBytes = fileBytes;
  }

  /** Takes the bytes from the position on. */
  feed(piece: Buffer): void {
    this.#piece = piece;
    this.#pieceStart = this.position;
  }

  /** Whether the next bytes are at hand. */
  has(length: number): boolean {
    const at = this.position - this.#pieceStart;
    return at >= 0 && at + length <= this.#piece.length;
  }

  /** At most as many as a piece holds. */
  *bytes(length: number): Parse<Buffer> {
    this.#requireInside(length);
    while (!this.has(length)) yield;
    const at = this.position - this.#pieceStart;
    this.position += length;
    return this.#piece.subarray(at, at + length);
  }

  /** Steps over bytes that need not be at hand. */
  skip(length: number): void {
    this.#requireInside(length);
    this.position += length;
  }

  *uint32(): Parse<number> {
    return (yield* this.bytes(4)).readUInt32LE();
  }

  *uint64(): Parse<number> {
    this.#requireInside(8);
    while (!this.has(8)) yield;
    return this.length();
  }

  /** As `uint64`, of bytes at hand: a vocabulary has a length for each of its hundreds of thousands of words. */
  length(): number {
    const at = this.position - this.#pieceStart;
    const number = this.#piece.readUInt32LE(at + 4) * 2 ** 32 + this.#piece.readUInt32LE(at);
    if (!Number.isSafeInteger(number)) throw invalid(`it claims a length of ${this.#piece.readBigUInt64LE(at)}`);
    this.position += 8;
    return number;
  }

  /** A number of things that take at least `bytesEach` of what is left of the file. */
  *count(max: number, what: string, bytesEach: number): Parse<number> {
    const count = yield* this.uint64();
    if (count > max || count * bytesEach > this.fileBytes - this.position) throw invalid(`it claims ${count} ${what}`);
    return count;
  }

  *name(): Parse<string> {
    const length = yield* this.uint64();
    if (length > nameBytesMax) throw invalid(`it holds a name of ${length} bytes`);
    return (yield* this.bytes(length)).toString("utf8");
  }

  /** A text, as far as it is of use. */
  *text(): Parse<string> {
    const length = yield* this.uint64();
    const head = yield* this.bytes(Math.min(length, textBytesMax));
    this.skip(length - head.length);
    return head.toString("utf8");
  }

  #requireInside(length: number): void {
    const end = this.position + length;
    if (!(end <= this.fileBytes)) throw invalid("it ends in the middle of its header");
    if (end > headerBytesMax) throw invalid("its header is larger than 128 MiB");
  }
}

function shown(name: string): string {
  return name.slice(0, 64).replace(/[^\x20-\x7e]/g, "?");
}

function invalid(what: string): PeerError {
  return new PeerError("model_invalid", `The file is not a usable GGUF model: ${what}.`);
}
