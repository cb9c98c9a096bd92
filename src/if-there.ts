import { lstat, readFile } from "node:fs/promises";
import { PeerError, systemFailure } from "./errors.ts";

/**
 * A file's text; null as with `ifThere`. What else is wrong names the file. A link that leads nowhere is wrong: what it
 * names may be on a disk that is not mounted.
 */
export async function readIfThere(path: string): Promise<string | null> {
  const text = await ifThere(readFile(path, "utf8")).catch((error: unknown) => {
    throw systemFailure(error, path) ?? error;
  });
  if (text !== null || (await ifThere(lstat(path)))?.isSymbolicLink() !== true) return text;
  throw new PeerError("file_missing", `"${path}" is a link that leads nowhere.`, {
    hint: "Is the disk mounted that it leads to? If it is to begin anew, remove the link.",
  });
}

/** What is read of a file or folder; null where that, or a folder above it, isn't there. Throws what else is wrong. */
export async function ifThere<Result>(read: Promise<Result>): Promise<Result | null> {
  try {
    return await read;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Whether the system says that a file, or a folder above it, isn't there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
