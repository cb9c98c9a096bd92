import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { PeerError, systemFailure } from "../src/errors.ts";
import { ifThere } from "../src/if-there.ts";

/** The text of a file that a person named. Throws `file_missing` or `file_unusable`, with the reason. */
export async function readTextFile(file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: unknown) => {
    throw systemFailure(cause, file) ?? new PeerError("file_unusable", `"${file}" can't be read.`, { cause });
  });
}

/** Puts `text` at a path that a person named, whole or not at all; to what is no file, such as a pipe, it is written. */
export async function writeTextFile(file: string, text: string): Promise<void> {
  const isFile = (await ifThere(stat(file)))?.isFile() ?? true;
  const fresh = isFile ? `${file}.new` : file;
  try {
    await writeFile(fresh, text);
    if (isFile) await rename(fresh, file);
  } catch (error) {
    if (isFile) await rm(fresh, { force: true });
    throw systemFailure(error, file) ?? error;
  }
}
