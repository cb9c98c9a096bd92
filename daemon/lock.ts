import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { isAlive, ownIdentity } from "../src/client/process-identity.ts";
import { type LockRecord, lockPath, readLockRecord } from "../src/client/run-record.ts";
import { PeerError } from "../src/errors.ts";
import { base32 } from "../src/ids.ts";
import type { Home } from "../src/paths.ts";
import type { RoleName } from "../src/protocol/control.ts";

/** The right to be the one daemon of a role in a home. */
export interface RoleLock {
  release(): Promise<void>;
}

const attemptsMax = 10;

/**
 * Takes the role's lock, also over from a holder that is dead. Throws `already_running`, naming the holder.
 *
 * The lock is a hard link to a file already written, so it appears whole or not at all. A dead holder's is taken away
 * by renaming it, which only one of several takers can do; whoever finds that it renamed a living one's puts it back.
 */
export async function acquireLock(home: Home, role: RoleName, startedAt: number): Promise<RoleLock> {
  await mkdir(home.runDirectory, { recursive: true, mode: 0o700 });
  const path = lockPath(home, role);
  const own: LockRecord = { ...ownIdentity(startedAt), nonce: base32(randomBytes(10)) };
  const draft = `${path}.${own.nonce}`;
  await writeFile(draft, JSON.stringify(own), { flag: "wx", mode: 0o600 });
  try {
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      if (await tryLink(draft, path)) return { release: () => release(home, role, own) };
      await removeStale(home, role, `${draft}.stale`);
    }
  } finally {
    await rm(draft, { force: true });
  }
  throw new PeerError("already_running", `Others keep taking the ${role} role of "${home.root}". Try again.`);
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

async function removeStale(home: Home, role: RoleName, aside: string): Promise<void> {
  const path = lockPath(home, role);
  const holder = await readLockRecord(home, role);
  if (holder !== null && isAlive(holder)) throw alreadyRunning(home, role, holder);
  try {
    await rename(path, aside);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    throw error;
  }
  const taken = await readFile(aside, "utf8");
  if (holder !== null && !taken.includes(holder.nonce)) await tryLink(aside, path);
  await rm(aside, { force: true });
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
