import { mkdir, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncFolder } from "../../src/client/part-file.ts";
import { ifThere } from "../../src/if-there.ts";

/** Files kept under their own SHA-256. What is here was verified before it came. */
export interface Blobs {
  /** Where the blob lies, or would. */
  file(digest: string): string;
  has(digest: string): Promise<boolean>;
  /** Takes over a verified file, that nobody has open for writing, by moving it; in place of one that is here. */
  adopt(path: string, digest: string): Promise<void>;
}

export function openBlobs(directory: string): Blobs {
  const file = (digest: string) => join(directory, digest.slice(0, 2), `${digest}.gguf`);
  return {
    file,
    has: async (digest) => (await ifThere(stat(file(digest)))) !== null,
    async adopt(path, digest) {
      await mkdir(dirname(file(digest)), { recursive: true, mode: 0o700 });
      await rename(path, file(digest));
      await syncFolder(dirname(file(digest)));
    },
  };
}
