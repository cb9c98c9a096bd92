import { randomBytes } from "node:crypto";
import { chmod, type FileHandle, link, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { systemFailure } from "./errors.ts";
import { base32 } from "./ids.ts";

/**
 * Puts `content` at `path`, whole or not at all: written beside it, synced, renamed. The file is readable and
 * writable by its owner alone (0600), and its folder is made (0700) where missing.
 */
export async function writePrivateFile(path: string, content: string): Promise<void> {
  const draft = await draftPrivateFile(path, 0);
  try {
    await draft.publish(content);
  } finally {
    await draft.close();
  }
}

export interface PrivateDraft {
  /** Puts `content` at the path, as `writePrivateFile` does. */
  publish(content: string): Promise<void>;
  /** Leaves nothing beside the file. */
  close(): Promise<void>;
}

/** A file that is about to be written, with `bytes` of room taken on disk: a full one is found out before. */
export async function draftPrivateFile(path: string, bytes: number): Promise<PrivateDraft> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `.${basename(path)}.${base32(randomBytes(5))}`);
  const file = await open(temporary, "wx", 0o600);
  const close = async () => {
    await file.close();
    await rm(temporary, { force: true });
  };
  try {
    await chmod(temporary, 0o600);
    // Zeros take no room where a file system compresses.
    if (bytes > 0) await fill(file, path, randomBytes(bytes));
  } catch (error) {
    await close();
    throw error;
  }
  const publish = async (content: string) => {
    await fill(file, path, Buffer.from(content));
    await file.close();
    await rename(temporary, path);
  };
  return { publish, close };
}

/** Makes `data` all that the file holds, in the place on disk that it has. A failure names `path`. */
async function fill(file: FileHandle, path: string, data: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < data.length; ) at += (await file.write(data, at, data.length - at, at)).bytesWritten;
    await file.truncate(data.length);
    await file.sync();
  } catch (error) {
    throw systemFailure(error, path) ?? error;
  }
}

/** Puts `content` at `path` as `writePrivateFile` does, unless there is a file: false then, and it stays as it was. */
export async function createPrivateFile(path: string, content: string): Promise<boolean> {
  const fresh = `${path}.${base32(randomBytes(5))}`;
  await writePrivateFile(fresh, content);
  try {
    await link(fresh, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(fresh, { force: true });
  }
}
