import { createHash, randomBytes, randomInt } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { isAlive, ownIdentity } from "../src/client/process-identity.ts";
import { type LockRecord, lockPath, parseLockRecord, readLockRecord } from "../src/client/run-record.ts";
import { systemClock } from "../src/clock.ts";
import { PeerError } from "../src/errors.ts";
import { base32 } from "../src/ids.ts";
import { ifThere } from "../src/if-there.ts";
import type { Home } from "../src/paths.ts";
import type { RoleName } from "../src/protocol/control.ts";

/** The right to be the one daemon of a role in a home. */
export interface RoleLock {
  release(): Promise<void>;
}

const attemptsMax = 200;
const waitMsMax = 20;

/**
 * Takes the role's lock, also over from a holder that is dead. Throws `already_running`, naming the holder.
 *
 * A lock is a hard link to a file already written, so it appears whole or not at all, and to one taker only. Whoever
 * finds a dead holder's lock may remove it only while holding a lock on that very content: its bytes are unique and
 * never come back, so nobody removes by mistake what a living one has just taken.
 */
export async function acquireLock(home: Home, role: RoleName, startedAt: number): Promise<RoleLock> {
  await mkdir(home.runDirectory, { recursive: true, mode: 0o700 });
  const path = lockPath(home, role);
  const own: LockRecord = { ...ownIdentity(startedAt), nonce: base32(randomBytes(10)) };
  const draft = `${path}.${own.nonce}`;
  await writeFile(draft, JSON.stringify(own), { flag: "wx", mode: 0o600 });
  try {
    const holder = await take(path, draft);
    if (holder !== null) throw alreadyRunning(home, role, holder);
    return { release: () => release(home, role, own) };
  } finally {
    await rm(draft, { force: true });
  }
}

/** Links `draft` to `path`, removing what dead ones left there. Returns the living holder where there is one. */
async function take(path: string, draft: string): Promise<LockRecord | null> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    if (await tryLink(draft, path)) return null;
    const content = await ifThere(readFile(path, "utf8"));
    if (content === null) continue;
    const holder = parseLockRecord(content);
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

/** False where somebody else is removing it right now. */
async function removeStale(path: string, content: string, draft: string): Promise<boolean> {
  const guard = `${path}.${createHash("sha256").update(content).digest("hex").slice(0, 16)}`;
  if ((await take(guard, draft)) !== null) return false;
  try {
    if ((await ifThere(readFile(path, "utf8"))) === content) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
  return true;
}

async function release(home: Home, role: RoleName, own: LockRecord): Promise<void> {
  const holder = await readLockRecord(home, role);
  if (holder?.nonce === own.nonce) await rm(lockPath(home, role), { force: true });
}

const stopCommands = {
  network: "peerllm network down",
  host: "peerllm host down",
  proxy: "peerllm consume down",
} as const satisfies Record<RoleName, string>;

function alreadyRunning(home: Home, role: RoleName, holder: LockRecord): PeerError {
  return new PeerError(
    "already_running",
    `The ${role} daemon of "${home.root}" is running already, as process ${holder.pid}.`,
    { hint: `Stop it with "${stopCommands[role]}", or use another home with --home.` },
  );
}
