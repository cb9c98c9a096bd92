/** A key of a GGUF header: its name, its type's number and its bytes. */
type Key = readonly [name: string, type: number, value: Buffer];

export interface GgufOptions {
  readonly architecture?: string;
  readonly contextLength?: number;
  readonly template?: string;
  readonly fileType?: number;
  readonly keys?: readonly Key[];
  readonly tensors?: readonly {
    readonly name: string;
    readonly dimensions: readonly number[];
    readonly type: number;
  }[];
  /** Bytes of tensor data: told apart by their seed. */
  readonly dataBytes?: number;
  readonly seed?: number;
}

/** A small well-formed GGUF file of version 3, whose one tensor of bytes (I8) fills it, unless told otherwise. */
export function ggufFile(options: GgufOptions = {}): Buffer {
  const { architecture = "llama", contextLength = 512, dataBytes = 1024, seed = 1 } = options;
  const keys: Key[] = [
    ["general.architecture", 8, text(architecture)],
    [`${architecture}.context_length`, 4, uint32(contextLength)],
    ...(options.template === undefined ? [] : [["tokenizer.chat_template", 8, text(options.template)] as const]),
    ...(options.fileType === undefined ? [] : [["general.file_type", 4, uint32(options.fileType)] as const]),
    ...(options.keys ?? []),
  ];
  const tensors = options.tensors ?? [{ name: "token_embd.weight", dimensions: [dataBytes], type: 24 }];
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    uint32(3),
    uint64(tensors.length),
    uint64(keys.length),
    ...keys.flatMap(([name, type, value]) => [text(name), uint32(type), value]),
    ...tensors.flatMap(({ name, dimensions, type }) => [
      text(name),
      uint32(dimensions.length),
      ...dimensions.map(uint64),
      uint32(type),
      uint64(0),
    ]),
  ]);
  const padding = Buffer.alloc((32 - (header.length % 32)) % 32);
  return Buffer.concat([header, padding, pseudoRandomBytes(dataBytes, seed)]);
}

/** The same bytes for the same seed. Source: Marsaglia, "Xorshift RNGs" (2003), 32 bits. */
export function pseudoRandomBytes(length: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state >>> 0;
  }
  return Buffer.from(words.buffer).subarray(0, length);
}

export function text(value: string): Buffer {
  return Buffer.concat([uint64(Buffer.byteLength(value)), Buffer.from(value)]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
