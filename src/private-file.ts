import { randomBytes } from "node:crypto";
import { chmod, link, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { base32 } from "./ids.ts";

/**
 * Puts `content` at `path`, whole or not at all: written beside it, synced, renamed. The file is readable and
 * writable by its owner alone (0600), and its folder is made (0700) where missing.
 */
export async function writePrivateFile(path: string, content: string): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `.${basename(path)}.${base32(randomBytes(5))}`);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(temporary, 0o600);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
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
