import assert from "node:assert/strict";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { readIfThere } from "../if-there.ts";
import { digestRanges } from "../models/digest.ts";
import type { SignedShard } from "../models/manifest.ts";

/** What a download is of: the same identity means the same bytes. */
export interface PartPlan {
  /** Where the whole file will lie. */
  readonly path: string;
  readonly sizeBytes: number;
  /** In order, covering the file. */
  readonly shards: readonly SignedShard[];
  /** Root digest of the signature the shards come from. */
  readonly identity: string;
}

/**
 * A file on its way: `<path>.part` of the full size, and `<path>.journal`, which names the shards that were verified
 * and written. After a crash the journal is a claim: what it names is hashed again before it counts.
 */
export class PartFile {
  readonly #plan: PartPlan;
  readonly #data: FileHandle;
  readonly #journal: FileHandle;
  readonly #verified: Set<number>;
  #verifiedBytes: number;

  private constructor(plan: PartPlan, data: FileHandle, journal: FileHandle, verified: Set<number>) {
    this.#plan = plan;
    this.#data = data;
    this.#journal = journal;
    this.#verified = verified;
    this.#verifiedBytes = bytesOf(plan, verified);
  }

  /** Takes up an earlier attempt's verified shards, or starts anew. */
  static async open(plan: PartPlan, signal: AbortSignal): Promise<PartFile> {
    await mkdir(dirname(plan.path), { recursive: true, mode: 0o700 });
    const claimed = await readJournal(plan);
    const data = await open(partPath(plan.path), "a+", 0o600).then(async (created) => {
      await created.close();
      return open(partPath(plan.path), "r+");
    });
    try {
      await data.truncate(plan.sizeBytes);
      const verified = await verifiedOf(plan, claimed, signal);
      const journal = await writeJournal(plan, verified);
      return new PartFile(plan, data, journal, verified);
    } catch (error) {
      await data.close();
      throw error;
    }
  }

  get verifiedBytes(): number {
    return this.#verifiedBytes;
  }

  /** The first shards still missing that follow each other, as indices from `first` up to `end`; undefined when none. */
  nextGap(): { first: number; end: number } | undefined {
    const { length } = this.#plan.shards;
    let first = 0;
    while (first < length && this.#verified.has(first)) first++;
    if (first === length) return undefined;
    let end = first;
    while (end < length && !this.#verified.has(end)) end++;
    return { first, end };
  }

  /** Puts bytes in their place. They count for nothing until `confirm`. */
  async write(at: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#data.write(bytes, done, bytes.length - done, at + done);
      done += bytesWritten;
    }
  }

  /** Keeps a shard that was written whole and whose digest the caller found to be right. */
  async confirm(index: number): Promise<void> {
    const { start, end } = this.#shard(index);
    await this.#journal.appendFile(`${index}\n`);
    this.#verified.add(index);
    this.#verifiedBytes += end - start;
  }

  /** Gives the file its name, once no shard is missing. */
  async finish(): Promise<void> {
    assert(this.nextGap() === undefined, "a download with missing shards can't be finished");
    await this.#data.sync();
    await rename(partPath(this.#plan.path), this.#plan.path);
    await syncFolder(dirname(this.#plan.path));
    await rm(journalPath(this.#plan.path), { force: true });
  }

  async close(): Promise<void> {
    await this.#data.close();
    await this.#journal.close();
  }

  #shard(index: number): SignedShard {
    const shard = this.#plan.shards[index];
    assert(shard !== undefined, "a shard that the plan does not have was confirmed");
    return shard;
  }
}

/** Removes what an unfinished download left. */
export async function removePart(path: string): Promise<void> {
  await rm(partPath(path), { force: true });
  await rm(journalPath(path), { force: true });
}

/** Makes a rename in this folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function partPath(path: string): string {
  return `${path}.part`;
}

function journalPath(path: string): string {
  return `${path}.journal`;
}

function headerOf({ identity, sizeBytes, shards }: PartPlan): string {
  return JSON.stringify({ identity, sizeBytes, shards: shards.length });
}

/** Indices an earlier attempt named; none where its journal is missing, torn or of another file. */
async function readJournal(plan: PartPlan): Promise<number[]> {
  const text = (await readIfThere(journalPath(plan.path))) ?? "";
  const [header, ...lines] = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  if (header !== headerOf(plan)) return [];
  const indices = lines.filter((line) => /^\d{1,9}$/.test(line)).map(Number);
  return [...new Set(indices)].filter((index) => index < plan.shards.length);
}

async function writeJournal(plan: PartPlan, verified: ReadonlySet<number>): Promise<FileHandle> {
  const path = journalPath(plan.path);
  const fresh = await open(`${path}.new`, "w", 0o600);
  try {
    await fresh.writeFile(`${[headerOf(plan), ...verified].join("\n")}\n`);
    await fresh.sync();
  } finally {
    await fresh.close();
  }
  await rename(`${path}.new`, path);
  return open(path, "a");
}

async function verifiedOf(plan: PartPlan, indices: readonly number[], signal: AbortSignal): Promise<Set<number>> {
  const claims = indices.flatMap((index) => {
    const shard = plan.shards[index];
    return shard === undefined ? [] : [{ index, ...shard }];
  });
  if (claims.length === 0) return new Set();
  const digests = await digestRanges(partPath(plan.path), claims, "sha256", () => {}, signal);
  return new Set(claims.filter(({ digest }, at) => digest === digests[at]).map(({ index }) => index));
}

function bytesOf({ shards }: PartPlan, indices: ReadonlySet<number>): number {
  return shards.reduce((sum, { start, end }, index) => (indices.has(index) ? sum + end - start : sum), 0);
}
