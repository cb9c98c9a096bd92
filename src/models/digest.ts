import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { PeerError } from "../errors.ts";

export type DigestAlgorithm = "sha256" | "blake2b";

/** Bytes of a file from `start` up to and not including `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Told how many bytes were read since the last call. */
export type OnBytes = (bytes: number) => void;

/** Published models are signed, stored and fetched in pieces of 16 MiB. */
export const shardSizeBytes = 16_777_216;

const readSizeBytes = 1_048_576;

/** Lower case hexadecimal SHA-256 of bytes already in memory. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Cuts a file into consecutive pieces, the last one shorter; none for an empty file. */
export function shardRanges(sizeBytes: number, shardBytes: number): ByteRange[] {
  const ranges: ByteRange[] = [];
  for (let start = 0; start < sizeBytes; start += shardBytes) {
    ranges.push({ start, end: Math.min(start + shardBytes, sizeBytes) });
  }
  return ranges;
}

/** Hexadecimal digest of a whole file. */
export async function digestFile(
  path: string,
  algorithm: DigestAlgorithm,
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<string> {
  const whole = { start: 0, end: Number.POSITIVE_INFINITY };
  const [digest = ""] = await digestRanges(path, [whole], algorithm, onBytes, signal);
  return digest;
}

/**
 * Hexadecimal digest of each range, in their order. An infinite end means the end of the file. Throws
 * `digest_mismatch` when the file ends before a range does.
 */
export async function digestRanges(
  path: string,
  ranges: readonly ByteRange[],
  algorithm: DigestAlgorithm,
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<string[]> {
  const handle = await open(path, "r");
  try {
    const reader: Reader = { handle, buffers: [new Uint8Array(readSizeBytes), new Uint8Array(readSizeBytes)] };
    const digests: string[] = [];
    for (const range of ranges) digests.push(await digestRange(reader, range, algorithm, onBytes, signal));
    return digests;
  } finally {
    await handle.close();
  }
}

/** Reads a range whole. Throws `digest_mismatch` when the file ends first. */
export async function readRange(handle: FileHandle, range: ByteRange): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(range.end - range.start);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, range.start + filled);
    if (bytesRead === 0) throw endedEarly(range, range.start + filled);
    filled += bytesRead;
  }
  return bytes;
}

/** Two buffers that take turns: small enough to stay in the processor's cache between being read and being hashed. */
interface Reader {
  readonly handle: FileHandle;
  readonly buffers: readonly [Uint8Array, Uint8Array];
}

/** Reads the next piece while the last one is hashed. */
async function digestRange(
  { handle, buffers }: Reader,
  range: ByteRange,
  algorithm: DigestAlgorithm,
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash(algorithm === "sha256" ? "sha256" : "blake2b512");
  const read = (buffer: Uint8Array, at: number): Promise<number> =>
    handle.read(buffer, 0, Math.min(readSizeBytes, range.end - at), at).then(({ bytesRead }) => bytesRead);
  let [current, following] = buffers;
  let position = range.start;
  let bytesRead = position < range.end ? await read(current, position) : 0;
  while (bytesRead > 0) {
    signal.throwIfAborted();
    position += bytesRead;
    const coming = position < range.end ? read(following, position) : Promise.resolve(0);
    hash.update(current.subarray(0, bytesRead));
    onBytes(bytesRead);
    bytesRead = await coming;
    [current, following] = [following, current];
  }
  if (Number.isFinite(range.end) && position < range.end) throw endedEarly(range, position);
  return hash.digest("hex");
}

function endedEarly(range: ByteRange, position: number): PeerError {
  return new PeerError(
    "digest_mismatch",
    `The file ends at byte ${position}, inside the signed range ${range.start} to ${range.end}.`,
  );
}
