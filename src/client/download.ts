import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../clock.ts";
import { PeerError, systemFailure } from "../errors.ts";
import type { SignedShard } from "../models/manifest.ts";
import { type ByteSource, isPassing } from "./byte-source.ts";
import { createProgressMeter, type OnDownloadProgress } from "./download-progress.ts";
import { lockFile } from "./lock.ts";
import { PartFile, type PartPlan } from "./part-file.ts";

export interface DownloadOptions {
  readonly plan: PartPlan;
  readonly source: ByteSource;
  readonly clock: Clock;
  readonly onProgress: OnDownloadProgress;
}

/** Failures in a row, without a shard gained between them, after which a download gives up. */
const failuresMax = 8;
const backoffMsMax = 30_000;
/** How often one shard may arrive other than signed before its source is held to be another file. */
const badArrivalsMax = 3;
/** As many in a row are no accident: what follows them is not worth reading. */
const badInARowMax = 2;
/** Written at once; small enough to stay in the processor's cache between being hashed and being written. */
const pieceBytes = 524_288;

/**
 * Fetches a file shard by shard, each checked against its signed digest before it counts; only those that are missing
 * or bad are asked for, also after a crash. The file appears at `plan.path` whole and verified, or not at all. Throws
 * `digest_mismatch` when the source keeps sending other bytes than were signed, `storage_failed` when the disk is too
 * small or fills up, and the source's own failure once trying again stops helping.
 */
export async function downloadFile(options: DownloadOptions, signal: AbortSignal): Promise<void> {
  try {
    await download(options, signal);
  } catch (error) {
    throw systemFailure(error, options.plan.path) ?? error;
  }
}

/**
 * As `downloadFile`, one process at a time, to a folder that is there. False, and nothing is fetched, where there is a
 * file at `plan.path` by then; its content is not looked at.
 */
export async function downloadOnce(options: DownloadOptions, signal: AbortSignal): Promise<boolean> {
  const { path } = options.plan;
  const lock = await lockFile(path, options.clock, signal);
  try {
    if (existsSync(path)) return false;
    await downloadFile(options, signal);
    return true;
  } finally {
    await lock.release();
  }
}

async function download(options: DownloadOptions, signal: AbortSignal): Promise<void> {
  const { plan, clock } = options;
  const part = await PartFile.open(plan, signal);
  const meter = createProgressMeter(plan.sizeBytes, options.onProgress, clock);
  const fetch: Fetch = { ...options, part, badArrivals: new Map(), onBytes: (bytes) => meter.update(bytes) };
  try {
    await checkSpace(plan, part.verifiedBytes);
    for (let failures = 0; ; ) {
      const gap = part.nextGap();
      if (gap === undefined) {
        await part.finish();
        break;
      }
      const before = part.verifiedBytes;
      try {
        await fetchGap(fetch, gap, signal);
        failures = 0;
      } catch (error) {
        failures = part.verifiedBytes > before ? 1 : failures + 1;
        if (!isPassing(error) || failures >= failuresMax) throw error;
        await clock.sleep(Math.random() * Math.min(backoffMsMax, 500 * 2 ** failures), signal);
      }
    }
    meter.end();
  } finally {
    await part.close();
  }
}

interface Fetch extends DownloadOptions {
  readonly part: PartFile;
  /** By shard. */
  readonly badArrivals: Map<number, number>;
  readonly onBytes: (doneBytes: number) => void;
}

/** Reads one stretch of missing shards in one go; a bad one is left for the next gap, and so is what follows two. */
async function fetchGap(fetch: Fetch, gap: { first: number; end: number }, signal: AbortSignal): Promise<void> {
  const { plan, source, part } = fetch;
  const start = plan.shards[gap.first]?.start ?? 0;
  const end = plan.shards[gap.end - 1]?.end ?? start;
  const stream = await source.read(start, end, signal);
  if (stream.totalBytes !== undefined && stream.totalBytes !== plan.sizeBytes) {
    throw new PeerError(
      "digest_mismatch",
      `${source.label} has ${stream.totalBytes} bytes, but ${plan.sizeBytes} were signed.`,
    );
  }
  let index = gap.first;
  let position = start;
  let hash = createHash("sha256");
  let badInARow = 0;
  for await (const { bytes, isShardEnd } of cutAtShards(stream.bytes, plan.shards.slice(gap.first, gap.end))) {
    hash.update(bytes);
    await part.write(position, bytes);
    position += bytes.length;
    if (isShardEnd) {
      badInARow = (await settleShard(fetch, index, hash.digest("hex"))) ? 0 : badInARow + 1;
      if (badInARow === badInARowMax) return;
      hash = createHash("sha256");
      index++;
    }
    fetch.onBytes(part.verifiedBytes + position - (plan.shards[index]?.start ?? position));
  }
  if (index < gap.end) throw new PeerError("network_unreachable", `${source.label} broke off before the end.`);
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly isShardEnd: boolean;
}

/** Gathers what arrives into pieces worth writing, none of which crosses the border of a shard; reads no further. */
async function* cutAtShards(stream: AsyncIterable<Uint8Array>, shards: readonly SignedShard[]): AsyncGenerator<Piece> {
  const piece = new Uint8Array(pieceBytes);
  let filled = 0;
  let at = 0;
  let left = bytesOf(shards[at]);
  for await (const chunk of stream) {
    for (let taken = 0; taken < chunk.length && at < shards.length; ) {
      const part = chunk.subarray(taken, taken + Math.min(pieceBytes - filled, left));
      piece.set(part, filled);
      filled += part.length;
      taken += part.length;
      left -= part.length;
      if (left > 0 && filled < pieceBytes) continue;
      yield { bytes: piece.subarray(0, filled), isShardEnd: left === 0 };
      filled = 0;
      if (left === 0) left = bytesOf(shards[++at]);
    }
    if (at === shards.length) return;
  }
}

function bytesOf(shard: SignedShard | undefined): number {
  return shard === undefined ? 0 : shard.end - shard.start;
}

/** Whether it is what was signed. */
async function settleShard(fetch: Fetch, index: number, digest: string): Promise<boolean> {
  const { plan, source, part, badArrivals } = fetch;
  if (digest === plan.shards[index]?.digest) {
    await part.confirm(index);
    return true;
  }
  const arrivals = (badArrivals.get(index) ?? 0) + 1;
  badArrivals.set(index, arrivals);
  if (arrivals < badArrivalsMax) return false;
  throw new PeerError(
    "digest_mismatch",
    `Bytes ${plan.shards[index]?.start} to ${plan.shards[index]?.end} from ${source.label} are not what was signed, ${arrivals} times over.`,
    { hint: "Tell the producer, or the operator of the network." },
  );
}

async function checkSpace(plan: PartPlan, verifiedBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(plan.path));
  const needed = plan.sizeBytes - verifiedBytes;
  if (bavail * bsize >= needed) return;
  throw new PeerError(
    "storage_failed",
    `${needed} bytes are needed in "${dirname(plan.path)}", and only ${bavail * bsize} are free.`,
    { hint: "Make room, or choose a smaller model." },
  );
}
