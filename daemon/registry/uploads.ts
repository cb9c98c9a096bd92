import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { removePart } from "../../src/client/part-file.ts";
import { type Clock, dayMs } from "../../src/clock.ts";
import { isPeerError, PeerError, systemFailure } from "../../src/errors.ts";
import type { AccountId } from "../../src/ids.ts";
import { ifThere } from "../../src/if-there.ts";
import { shardSizeBytes } from "../../src/models/digest.ts";
import { modelBytesMax } from "../../src/models/manifest.ts";
import { openRoom } from "./room.ts";

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
  /** Keeps room for a file of that size while it is held. Throws as `append` where there is none. */
  reserve(sizeBytes: number): Promise<void>;
  /** Removes the file, and what a download left of it. */
  remove(): Promise<void>;
}

/** Files that producers send, in as many requests as it takes. Nothing of them is trusted. */
export interface Uploads {
  state(accountId: AccountId, digest: string): Promise<UploadState>;
  /**
   * Adds bytes at `offset`, 64 MiB of them at most. What arrived stays when the sender breaks off. Throws `conflict`
   * when `offset` is not where the file ends, or another request is writing or publishing it, `request_too_large`,
   * `insufficient_quota` where the account's unfinished files take all the room it may have, or `storage_failed`.
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

const appendBytesMax = 4 * shardSizeBytes;
const abandonedMs = 7 * dayMs;

export function openUploads(directory: string, clock: Clock): Uploads {
  /** Paths in somebody's hands, each with when they are let go. */
  const held = new Map<string, Promise<void>>();
  const room = openRoom();
  const fileOf = (accountId: AccountId, digest: string) => join(directory, accountId, `${digest}.upload`);

  function whileHeld<Result>(path: string, act: () => Promise<Result>): Promise<Result> {
    const settled = act()
      .catch((error: unknown) => {
        throw withoutPlace(error);
      })
      .finally(() => held.delete(path));
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
        const requireUpTo = (sizeBytes: number) => room.require(path, sizeBytes);
        await requireUpTo(offset);
        await appendAll(path, offset, bytes, requireUpTo, signal);
        return state(accountId, digest);
      });
    },
    async hold(accountId, digest, act, signal) {
      const path = fileOf(accountId, digest);
      for (let holder = held.get(path); holder !== undefined; holder = held.get(path)) await holder;
      return whileHeld(path, async () => {
        signal.throwIfAborted();
        const { offset } = await state(accountId, digest);
        const reserve = (sizeBytes: number) => room.reserve(path, sizeBytes);
        return act({ path, offset, reserve, remove: () => removeUpload(path) }).finally(() => room.release(path));
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

/** Room is looked for again with every 16 MiB: others write to the same disk. */
async function appendAll(
  path: string,
  offset: number,
  bytes: AsyncIterable<Uint8Array>,
  requireUpTo: (sizeBytes: number) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const handle = await open(path, "a", 0o600);
  let added = 0;
  let checked = 0;
  try {
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      added += chunk.length;
      if (added > appendBytesMax) {
        throw new PeerError(
          "request_too_large",
          `At most ${appendBytesMax} bytes are taken at once; send on in another request.`,
        );
      }
      if (offset + added > modelBytesMax)
        throw new PeerError("request_too_large", "No model may be larger than 4 TiB.");
      if (added > checked) {
        checked += shardSizeBytes;
        await requireUpTo(offset + checked);
      }
      await handle.appendFile(chunk);
    }
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** A disk that fails is the operator's: where things lie on it is nothing that a producer is told. */
function withoutPlace(error: unknown): unknown {
  const failure = isPeerError(error) ? error : systemFailure(error, "");
  if (failure?.code !== "storage_failed") return error;
  return new PeerError("storage_failed", "The registry's disk is full, or failed.", { cause: error });
}
