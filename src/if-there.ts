import { lstatSync, readFileSync } from "node:fs";
import { PeerError, systemFailure } from "./errors.ts";

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

/**
 * What a text file holds; null where there is none. A link that leads nowhere is no missing file: what it names may be
 * on a disk that is not mounted. Throws what keeps it from being read, with its path.
 */
export function textIfThere(path: string): string | null {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return null;
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isMissing(error))
      throw new PeerError("file_missing", `"${path}" is a link that leads nowhere.`, { cause: error });
    throw systemFailure(error, path) ?? error;
  }
}
