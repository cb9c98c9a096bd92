import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as z from "zod";
import { readIfThere } from "../if-there.ts";
import type { Home } from "../paths.ts";
import { errorDocumentSchema, type RoleName } from "../protocol/control.ts";
import { type LockRecord, readLock } from "./lock.ts";

/** What a serving daemon leaves in its home for commands to find it by. */
const runRecordSchema = z.object({
  role: z.string(),
  pid: z.int().positive(),
  processStart: z.string(),
  startedAt: z.number(),
  version: z.string(),
  socket: z.string(),
  /** What it said once it served: its url and so on. */
  ready: z.record(z.string(), z.unknown()),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/** What a daemon that failed leaves in its home, until the next one starts, for commands to tell why none runs. */
const endRecordSchema = z.object({ endedAt: z.number(), error: errorDocumentSchema });
export type EndRecord = z.infer<typeof endRecordSchema>;

export function lockPath(home: Home, role: RoleName): string {
  return join(home.runDirectory, `${role}.lock`);
}

export function runRecordPath(home: Home, role: RoleName): string {
  return join(home.runDirectory, `${role}.json`);
}

export function endRecordPath(home: Home, role: RoleName): string {
  return join(home.runDirectory, `${role}.end.json`);
}

/** The name of a unix socket fits 104 bytes (macOS, its NUL counted; Linux has 108). Source: sys/un.h. */
const socketPathBytesMax = 103;

/**
 * In the home; where that is too deep for a socket's name, in this user's own folder for temporary files, which TMPDIR
 * may have made too deep as well. The system cuts a longer name, and says nothing.
 */
export function socketPath(home: Home, role: RoleName): string {
  const inHome = join(resolve(home.runDirectory), `${role}.sock`);
  const digest = createHash("sha256").update(inHome).digest("hex").slice(0, 20);
  const within = (folder: string) => join(resolve(folder), `peerllm-${process.getuid?.()}`, `${digest}.sock`);
  const fits = (path: string) => Buffer.byteLength(path) <= socketPathBytesMax;
  return [inHome, within(tmpdir())].find(fits) ?? within("/tmp");
}

/** Null where no daemon of that role serves, as far as its home says. */
export async function readRunRecord(home: Home, role: RoleName): Promise<RunRecord | null> {
  const text = await readIfThere(runRecordPath(home, role));
  return text === null ? null : parseRecord(runRecordSchema, text);
}

/** Null where the last daemon of that role ended as it was told to, or none ever ran. */
export async function readEndRecord(home: Home, role: RoleName): Promise<EndRecord | null> {
  const text = await readIfThere(endRecordPath(home, role));
  return text === null ? null : parseRecord(endRecordSchema, text);
}

/** Null where nobody holds the role. The holder may be dead: ask `isAlive`. */
export function readLockRecord(home: Home, role: RoleName): Promise<LockRecord | null> {
  return readLock(lockPath(home, role));
}

/** A record that can't be read says nothing of anybody: whoever wrote it is not a daemon of ours. */
function parseRecord<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> | null {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
