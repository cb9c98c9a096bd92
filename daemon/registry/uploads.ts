import { mkdir, open, readdir, rm, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { removePart } from "../../src/client/part-file.ts";
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

/** An upload in the hands of whoever publishes it. */
export interface HeldUpload {
  readonly path: string;
  readonly offset: number;
  /** Removes the file, and what a download left of it. */
  remove(): Promise<void>;
}

/** Files that producers send, in as many requests as it takes. Nothing of them is trusted. */
export interface Uploads {
  state(accountId: AccountId, digest: string): Promise<UploadState>;
  /**
   * Adds bytes at `offset`. What arrived stays when the sender breaks off. Throws `conflict` when `offset` is not where
   * the file ends, or another request is writing or publishing it, `request_too_large`, `storage_failed` or
   * `rate_limit_exceeded`.
   */
  append(
    upload: { readonly accountId: AccountId; readonly digest: string; readonly offset: number },
    bytes: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<UploadState>;
  /** Runs `act` while nobody else has the file open for writing or publishes it; waits for whoever does. */
  hold<Result>(
    accountId: AccountId,
    digest: string,
    act: (upload: HeldUpload) => Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result>;
  /** Removes a file that has all of `sizeBytes`, unless somebody holds it. */
  discard(accountId: AccountId, digest: string, sizeBytes: number): Promise<void>;
  /** Removes what nobody has added to for a week. */
  prune(): Promise<void>;
}

const uploadsPerAccountMax = 8;
const abandonedMs = 7 * 86_400_000;
const freeBytesMin = 1_073_741_824;

export function openUploads(directory: string, clock: Clock): Uploads {
  /** Paths in somebody's hands, each with when they are let go. */
  const held = new Map<string, Promise<void>>();
  const fileOf = (accountId: AccountId, digest: string) => join(directory, accountId, `${digest}.upload`);

  function whileHeld<Result>(path: string, act: () => Promise<Result>): Promise<Result> {
    const settled = act().finally(() => held.delete(path));
    const letGo = settled.then(
      () => {},
      () => {},
    );
    held.set(path, letGo);
    return settled;
  }

  async function state(accountId: AccountId, digest: string): Promise<UploadState> {
    const found = await ifThere(stat(fileOf(accountId, digest)));
    return { digest, offset: found?.size ?? 0 };
  }

  async function checkRoom(path: string, offset: number): Promise<void> {
    const folder = dirname(path);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (offset === 0 && (await readdir(folder)).length >= uploadsPerAccountMax) {
      throw new PeerError("rate_limit_exceeded", `There are ${uploadsPerAccountMax} unfinished uploads already.`, {
        hint: "Publish them first; what is left alone goes away after a week.",
      });
    }
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < freeBytesMin) throw new PeerError("storage_failed", "The registry's disk is full.");
  }

  return {
    state,
    async append({ accountId, digest, offset }, bytes, signal) {
      const path = fileOf(accountId, digest);
      if (held.has(path)) throw new PeerError("conflict", "Another request is sending or publishing this file.");
      return whileHeld(path, async () => {
        const before = await state(accountId, digest);
        if (before.offset !== offset) {
          throw new PeerError("conflict", `The upload goes on at ${before.offset}, not at ${offset}.`);
        }
        await checkRoom(path, offset);
        await appendAll(path, offset, bytes, signal);
        return state(accountId, digest);
      });
    },
    async hold(accountId, digest, act, signal) {
      const path = fileOf(accountId, digest);
      for (let holder = held.get(path); holder !== undefined; holder = held.get(path)) await holder;
      return whileHeld(path, async () => {
        signal.throwIfAborted();
        const { offset } = await state(accountId, digest);
        return act({ path, offset, remove: () => removeUpload(path) });
      });
    },
    async discard(accountId, digest, sizeBytes) {
      const path = fileOf(accountId, digest);
      if (held.has(path)) return;
      await whileHeld(path, async () => {
        if ((await state(accountId, digest)).offset === sizeBytes) await removeUpload(path);
      });
    },
    async prune() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        const upload = path.replace(/\.(?:part|journal|journal\.new)$/, "");
        if (!entry.isFile() || held.has(upload)) continue;
        await whileHeld(upload, async () => {
          const found = await ifThere(stat(path));
          if (found !== null && clock.now() - found.mtimeMs > abandonedMs) await rm(path, { force: true });
        });
      }
    },
  };
}

async function removeUpload(path: string): Promise<void> {
  await rm(path, { force: true });
  await removePart(path);
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
