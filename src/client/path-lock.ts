import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import * as z from "zod";
import type { Clock } from "../clock.ts";
import { base32 } from "../ids.ts";
import { ifThere, isMissing } from "../if-there.ts";
import { isAlive, ownIdentity } from "./process-identity.ts";

/** The right to write a file, among all processes of this machine. */
export interface PathLock {
  release(): Promise<void>;
}

const recordShape = z.object({
  pid: z.int(),
  processStart: z.string(),
  startedAt: z.number(),
  nonce: z.string(),
});
type LockRecord = z.infer<typeof recordShape>;

const pollMs = 200;

/**
 * Waits for `<path>.lock` and takes it, at once where its holder is dead. The lock is a hard link to a file already
 * written, so it appears whole; a dead holder's is renamed away, which one taker alone can do, and put back where it
 * turns out to be a living one's.
 */
export async function lockPath(path: string, clock: Clock, signal: AbortSignal): Promise<PathLock> {
  const lock = `${path}.lock`;
  const own: LockRecord = { ...ownIdentity(clock.now()), nonce: base32(randomBytes(10)) };
  const draft = `${lock}.${own.nonce}`;
  await writeFile(draft, JSON.stringify(own), { flag: "wx", mode: 0o600 });
  try {
    while (!(await tryLink(draft, lock))) {
      const holder = await readRecord(lock);
      if (holder !== undefined && isAlive(holder)) await clock.sleep(pollMs, signal);
      else await removeStale(lock, holder, `${draft}.stale`);
      signal.throwIfAborted();
    }
    return { release: () => release(lock, own) };
  } finally {
    await rm(draft, { force: true });
  }
}

async function tryLink(draft: string, lock: string): Promise<boolean> {
  try {
    await link(draft, lock);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Undefined where there is none, or none that can be read. */
async function readRecord(path: string): Promise<LockRecord | undefined> {
  const text = await ifThere(readFile(path, "utf8"));
  try {
    return recordShape.parse(JSON.parse(text ?? ""));
  } catch {
    // Not a record of ours: treated as a dead holder's, and looked at again once it is out of the way.
    return undefined;
  }
}

async function removeStale(lock: string, holder: LockRecord | undefined, aside: string): Promise<void> {
  try {
    await rename(lock, aside);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  const taken = await readRecord(aside);
  if (taken !== undefined && taken.nonce !== holder?.nonce) await tryLink(aside, lock);
  await rm(aside, { force: true });
}

async function release(lock: string, own: LockRecord): Promise<void> {
  const holder = await readRecord(lock);
  if (holder?.nonce === own.nonce) await rm(lock, { force: true });
}
