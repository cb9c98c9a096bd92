import { readFile } from "node:fs/promises";
import { PeerError, systemFailure } from "../src/errors.ts";

/** The text of a file that a person named. Throws `file_missing` or `file_unusable`, with the reason. */
export async function readTextFile(file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: unknown) => {
    throw systemFailure(cause, file) ?? new PeerError("file_unusable", `"${file}" can't be read.`, { cause });
  });
}
