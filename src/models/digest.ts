import { createHash, webcrypto } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { availableParallelism } from "node:os";
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
const rangesAtOnceMax = 4;

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

/** Hexadecimal digest of a whole file, read in order. */
export async function digestFile(
  path: string,
  algorithm: DigestAlgorithm,
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<string> {
  const handle = await open(path, "r");
  try {
    return await digestStreamed(handle, { start: 0, end: Number.POSITIVE_INFINITY }, algorithm, onBytes, signal);
  } finally {
    await handle.close();
  }
}

/**
 * Hexadecimal digest of each range, in their order; a few are hashed at once, off the main thread where they fit in
 * memory. Throws `digest_mismatch` when the file ends before a range does.
 */
export async function digestRanges(
  path: string,
  ranges: readonly ByteRange[],
  algorithm: DigestAlgorithm,
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<string[]> {
  const digests = new Array<string>(ranges.length);
  const handle = await open(path, "r");
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < ranges.length; index = next++) {
      const range = ranges[index];
      if (range !== undefined) digests[index] = await digestRange(handle, range, algorithm, onBytes, signal);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(rangesAtOnceMax, availableParallelism()) }, lane));
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

/** SHA-256 of bytes in memory, computed on the thread pool; hexadecimal. */
export async function sha256HexAside(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest("SHA-256", bytes)).toString("hex");
}

async function digestRange(
  handle: FileHandle,
  range: ByteRange,
  algorithm: DigestAlgorithm,
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  if (algorithm !== "sha256" || range.end - range.start > shardSizeBytes) {
    return digestStreamed(handle, range, algorithm, onBytes, signal);
  }
  const digest = await sha256HexAside(await readRange(handle, range));
  onBytes(range.end - range.start);
  return digest;
}

/** Reads the next piece while the last one is hashed. An infinite end means: to the end of the file. */
async function digestStreamed(
  handle: FileHandle,
  range: ByteRange,
  algorithm: DigestAlgorithm,
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash(algorithm === "sha256" ? "sha256" : "blake2b512");
  const read = (buffer: Uint8Array, at: number) =>
    handle.read(buffer, 0, Math.min(readSizeBytes, range.end - at), at).then(({ bytesRead }) => bytesRead);
  let current = new Uint8Array(readSizeBytes);
  let following = new Uint8Array(readSizeBytes);
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
