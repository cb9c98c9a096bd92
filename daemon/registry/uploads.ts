import { mkdir, open, readdir, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { AccountId } from "../../src/ids.ts";
import { ifThere } from "../../src/if-there.ts";
import { modelBytesMax } from "../../src/models/manifest.ts";

/** A file on its way in, one per account and digest. */
export interface UploadState {
  readonly digest: string;
  /** Bytes that are here: where to go on. */
  readonly offset: number;
}

/** Files that producers send, in as many requests as it takes. Nothing of them is trusted. */
export interface Uploads {
  /** Where the bytes are, for whoever verifies them. */
  file(accountId: AccountId, digest: string): string;
  state(accountId: AccountId, digest: string): Promise<UploadState>;
  /**
   * Adds bytes at `offset`. What arrived stays when the sender breaks off. Throws `conflict` when `offset` is not where
   * the file ends or another request is writing, `request_too_large`, `storage_failed` or `rate_limit_exceeded`.
   */
  append(
    upload: { readonly accountId: AccountId; readonly digest: string; readonly offset: number },
    bytes: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<UploadState>;
  remove(accountId: AccountId, digest: string): Promise<void>;
  /** Removes what nobody has added to for a week. */
  prune(): Promise<void>;
}

const uploadsPerAccountMax = 8;
const abandonedMs = 7 * 86_400_000;
const freeBytesMin = 1_073_741_824;

export function openUploads(directory: string, clock: Clock): Uploads {
  const writing = new Set<string>();
  const folder = (accountId: AccountId) => join(directory, accountId);
  const file = (accountId: AccountId, digest: string) => join(folder(accountId), `${digest}.upload`);

  async function state(accountId: AccountId, digest: string): Promise<UploadState> {
    const found = await ifThere(stat(file(accountId, digest)));
    return { digest, offset: found?.size ?? 0 };
  }

  async function checkRoom(accountId: AccountId, offset: number): Promise<void> {
    await mkdir(folder(accountId), { recursive: true, mode: 0o700 });
    if (offset === 0 && (await readdir(folder(accountId))).length >= uploadsPerAccountMax) {
      throw new PeerError("rate_limit_exceeded", `There are ${uploadsPerAccountMax} unfinished uploads already.`, {
        hint: "Publish them first; what is left alone goes away after a week.",
      });
    }
    const { bavail, bsize } = await statfs(folder(accountId));
    if (bavail * bsize < freeBytesMin) throw new PeerError("storage_failed", "The registry's disk is full.");
  }

  return {
    file,
    state,
    async append({ accountId, digest, offset }, bytes, signal) {
      const path = file(accountId, digest);
      if (writing.has(path)) throw new PeerError("conflict", "Another request is sending this file.");
      writing.add(path);
      try {
        const before = await state(accountId, digest);
        if (before.offset !== offset) {
          throw new PeerError("conflict", `The upload goes on at ${before.offset}, not at ${offset}.`);
        }
        await checkRoom(accountId, offset);
        await appendAll(path, offset, bytes, signal);
        return await state(accountId, digest);
      } finally {
        writing.delete(path);
      }
    },
    remove: (accountId, digest) => rm(file(accountId, digest), { force: true }),
    async prune() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        if (clock.now() - (await stat(path)).mtimeMs > abandonedMs) await rm(path, { force: true });
      }
    },
  };
}

async function appendAll(
  path: string,
  offset: number,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const handle = await open(path, "a", 0o600);
  let position = offset;
  try {
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      position += chunk.length;
      if (position > modelBytesMax) throw new PeerError("request_too_large", "No model may be larger than 4 TiB.");
      await handle.appendFile(chunk);
    }
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
