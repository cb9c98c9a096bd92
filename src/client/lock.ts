import { createHash, randomBytes, randomInt } from "node:crypto";
import { link, rm, writeFile } from "node:fs/promises";
import * as z from "zod";
import { type Clock, systemClock } from "../clock.ts";
import { PeerError, systemFailure } from "../errors.ts";
import { base32 } from "../ids.ts";
import { readIfThere } from "../if-there.ts";
import { isAlive, ownIdentity } from "./process-identity.ts";

/** A right that one process of this machine has at a time. */
export interface Lock {
  release(): Promise<void>;
}

/** Who holds a lock: its content. */
const lockRecordSchema = z.object({
  pid: z.int().positive(),
  processStart: z.string(),
  startedAt: z.number(),
  nonce: z.string(),
});
export type LockRecord = z.infer<typeof lockRecordSchema>;

const attemptsMax = 200;
const waitMsMax = 20;
const pollMs = 100;

/**
 * Takes the lock at `path`, also over from a holder that is dead. While a living one has it `onHeld` is called, which
 * throws to give up, or returns once it is worth another try. Throws `already_running` where others are always faster.
 *
 * A lock is a hard link to a file already written, so it appears whole or not at all, and to one taker only. Whoever
 * finds a dead holder's lock may remove it only while holding a lock on that very content: its bytes are unique and
 * never come back, so nobody removes by mistake what a living one has just taken.
 */
export async function takeLock(
  path: string,
  startedAt: number,
  onHeld: (holder: LockRecord) => Promise<void>,
): Promise<Lock> {
  const own: LockRecord = { ...ownIdentity(startedAt), nonce: base32(randomBytes(10)) };
  const draft = `${path}.${own.nonce}`;
  try {
    await writeFile(draft, JSON.stringify(own), { flag: "wx", mode: 0o600 }).catch((error: unknown) => {
      throw systemFailure(error, path) ?? error;
    });
    for (let holder = await take(path, draft); holder !== null; holder = await take(path, draft)) await onHeld(holder);
    return { release: () => release(path, own) };
  } finally {
    await rm(draft, { force: true });
  }
}

/** Waits for `<path>.lock`, the right to write that file, and takes it. */
export async function lockFile(path: string, clock: Clock, signal: AbortSignal): Promise<Lock> {
  return takeLock(`${path}.lock`, clock.now(), () => clock.sleep(pollMs, signal));
}

/** Null where nobody holds it. The holder may be dead: ask `isAlive`. */
export async function readLock(path: string): Promise<LockRecord | null> {
  const content = await readIfThere(path);
  return content === null ? null : parseRecord(content);
}

/** Links `draft` to `path`, removing what dead ones left there. Returns the living holder where there is one. */
async function take(path: string, draft: string): Promise<LockRecord | null> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    if (await tryLink(draft, path)) return null;
    const content = await readIfThere(path);
    if (content === null) continue;
    const holder = parseRecord(content);
    if (holder !== null && isAlive(holder)) return holder;
    if (!(await removeStale(path, content, draft))) {
      await systemClock.sleep(randomInt(1, waitMsMax), new AbortController().signal);
    }
  }
  throw new PeerError("already_running", `Others keep taking the lock "${path}". Try again.`);
}

async function tryLink(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** A record that can't be read says nothing of anybody: whoever wrote it is none of ours. */
function parseRecord(content: string): LockRecord | null {
  try {
    return lockRecordSchema.parse(JSON.parse(content));
  } catch {
    return null;
  }
}

/** False where somebody else is removing it right now. */
async function removeStale(path: string, content: string, draft: string): Promise<boolean> {
  const guard = `${path}.${createHash("sha256").update(content).digest("hex").slice(0, 16)}`;
  if ((await take(guard, draft)) !== null) return false;
  try {
    if ((await readIfThere(path)) === content) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
  return true;
}

async function release(path: string, own: LockRecord): Promise<void> {
  const holder = await readLock(path);
  if (holder?.nonce === own.nonce) await rm(path, { force: true });
}
