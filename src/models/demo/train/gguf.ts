import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";

/** Source: the GGUF specification of ggml-org, version 3 (little-endian). */
export type GgufValue =
  | { readonly type: "uint32" | "float32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "strings"; readonly value: readonly string[] }
  | { readonly type: "int32s"; readonly value: readonly number[] };

export interface GgufTensor {
  readonly name: string;
  /** Innermost dimension first; it is a multiple of 32 for Q8_0. */
  readonly shape: readonly number[];
  readonly type: "F32" | "Q8_0";
  /** The tensor's bytes in order, in pieces of any size; asked for once, when its turn to be written comes. */
  readonly bytes: () => Iterable<Uint8Array>;
}

const valueTypes = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
const tensorTypes = { F32: 0, Q8_0: 8 } as const;
const alignmentBytes = 32;

/** Writes a whole model file under a temporary name, tensor by tensor, and renames it when it is on disk. */
export function writeGguf(path: string, metadata: Readonly<Record<string, GgufValue>>, tensors: readonly GgufTensor[]) {
  const temporaryPath = `${path}.partial`;
  const file = openSync(temporaryPath, "w");
  try {
    const header = headerBytes(metadata, tensors);
    let position = writeAll(file, header);
    position += writeAll(file, padding(position));
    for (const tensor of tensors) {
      let written = 0;
      for (const bytes of tensor.bytes()) written += writeAll(file, bytes);
      if (written !== tensorBytes(tensor)) {
        throw new RangeError(`${tensor.name} has ${written} bytes instead of ${tensorBytes(tensor)}`);
      }
      writeAll(file, padding(written));
    }
    fsyncSync(file);
    renameSync(temporaryPath, path);
  } finally {
    closeSync(file);
    rmSync(temporaryPath, { force: true });
  }
}

function writeAll(file: number, bytes: Uint8Array): number {
  let written = 0;
  while (written < bytes.length) written += writeSync(file, bytes, written);
  return written;
}

function padding(position: number): Uint8Array {
  return new Uint8Array((alignmentBytes - (position % alignmentBytes)) % alignmentBytes);
}

/** Bytes of a tensor on disk: four per value in F32, 34 per 32 values in Q8_0. */
export function tensorBytes(tensor: Pick<GgufTensor, "shape" | "type">): number {
  const values = tensor.shape.reduce((product, size) => product * size, 1);
  return tensor.type === "F32" ? values * 4 : (values / 32) * 34;
}

function headerBytes(metadata: Readonly<Record<string, GgufValue>>, tensors: readonly GgufTensor[]): Buffer {
  const entries = Object.entries(metadata);
  const parts = [Buffer.from("GGUF"), uint32(3), uint64(tensors.length), uint64(entries.length)];
  for (const [key, value] of entries) parts.push(string(key), valueBytes(value));
  let offset = 0;
  for (const tensor of tensors) {
    parts.push(string(tensor.name), uint32(tensor.shape.length), ...tensor.shape.map(uint64));
    parts.push(uint32(tensorTypes[tensor.type]), uint64(offset));
    offset = Math.ceil((offset + tensorBytes(tensor)) / alignmentBytes) * alignmentBytes;
  }
  return Buffer.concat(parts);
}

function valueBytes(value: GgufValue): Buffer {
  switch (value.type) {
    case "uint32":
      return Buffer.concat([uint32(valueTypes.uint32), uint32(value.value)]);
    case "float32":
      return Buffer.concat([uint32(valueTypes.float32), Buffer.from(new Float32Array([value.value]).buffer)]);
    case "bool":
      return Buffer.concat([uint32(valueTypes.bool), Buffer.from([value.value ? 1 : 0])]);
    case "string":
      return Buffer.concat([uint32(valueTypes.string), string(value.value)]);
    case "strings":
      return array(valueTypes.string, value.value.length, Buffer.concat(value.value.map(string)));
    case "int32s":
      return array(valueTypes.int32, value.value.length, Buffer.from(Int32Array.from(value.value).buffer));
    default:
      return value satisfies never;
  }
}

function array(type: number, length: number, elements: Buffer): Buffer {
  return Buffer.concat([uint32(valueTypes.array), uint32(type), uint64(length), elements]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([uint64(bytes.length), bytes]);
}
