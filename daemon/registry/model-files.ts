import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ByteSource } from "../../src/client/byte-source.ts";
import { downloadOnce } from "../../src/client/download.ts";
import type { DownloadProgress, OnDownloadProgress } from "../../src/client/download-progress.ts";
import { removePart } from "../../src/client/part-file.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import { ifThere } from "../../src/if-there.ts";
import { digestRanges } from "../../src/models/digest.ts";
import { modelId, type SignedManifest, verifySignedManifest } from "../../src/models/manifest.ts";

/** Model files of a host, one per digest, fetched and verified. */
export interface ModelFiles {
  /**
   * The path of the model's file, fetched first where it is not here yet. Pulls of one model share one download, in
   * this process and among processes; it stops when the last of them is aborted. Throws as `downloadFile`, and
   * `signature_invalid` for a manifest that does not verify.
   */
  pull(
    signed: SignedManifest,
    source: ByteSource,
    onProgress: OnDownloadProgress,
    signal: AbortSignal,
  ): Promise<string>;
  /** The path of the file where it is here; its content is not looked at. */
  find(digest: string): Promise<string | undefined>;
  /** Hashes the file against its manifest. Throws `digest_mismatch` and removes it, or `model_missing`. */
  verify(signed: SignedManifest, signal: AbortSignal): Promise<string>;
  /** Removes the file and what a download left of it; returns how many bytes the file had. */
  remove(digest: string): Promise<number>;
  list(): Promise<readonly { readonly digest: string; readonly sizeBytes: number }[]>;
  /** Stops all downloads, leaving what they fetched to be taken up again. */
  close(): Promise<void>;
}

export function openModelFiles(directory: string, clock: Clock = systemClock): ModelFiles {
  const flights = new Map<string, Flight>();
  const pathOf = (digest: string) => join(directory, `${digest}.gguf`);

  async function find(digest: string): Promise<string | undefined> {
    const size = await sizeOf(pathOf(digest));
    return size === undefined ? undefined : pathOf(digest);
  }

  async function fetch(signed: SignedManifest, source: ByteSource, flight: Flight): Promise<string> {
    const { signal } = flight.controller;
    const { manifest } = signed;
    const path = pathOf(manifest.digest);
    const shards = verifySignedManifest(signed);
    const plan = { path, sizeBytes: manifest.sizeBytes, shards, identity: manifest.rootDigest };
    const onProgress = (progress: DownloadProgress) => {
      for (const listener of flight.listeners) listener(progress);
    };
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await downloadOnce({ plan, source, clock, onProgress }, signal);
    return path;
  }

  async function verify(signed: SignedManifest, signal: AbortSignal): Promise<string> {
    const { manifest } = signed;
    const path = pathOf(manifest.digest);
    const shards = verifySignedManifest(signed);
    const size = await sizeOf(path);
    if (size === undefined) {
      throw new PeerError("model_missing", `${modelId(manifest)} is not on this host.`, {
        hint: `Run "peerllm host models pull ${modelId(manifest)}".`,
      });
    }
    const digests = size === manifest.sizeBytes ? await digestRanges(path, shards, "sha256", () => {}, signal) : [];
    const bad = shards.find(({ digest }, index) => digest !== digests[index]);
    if (bad === undefined) return path;
    await rm(path, { force: true });
    throw new PeerError("digest_mismatch", `The file of ${modelId(manifest)} was damaged and has been removed.`, {
      hint: `Fetch it again: "peerllm host models pull ${modelId(manifest)}".`,
    });
  }

  return {
    find,
    verify,
    async pull(signed, source, onProgress, signal) {
      const { digest } = signed.manifest;
      const present = await find(digest);
      if (present !== undefined) return present;
      signal.throwIfAborted();
      const flight = flights.get(digest) ?? depart(flights, digest, (started) => fetch(signed, source, started));
      return await waitAlong(flight, onProgress, signal, () => forget(flights, digest, flight));
    },
    async remove(digest) {
      const size = (await sizeOf(pathOf(digest))) ?? 0;
      await rm(pathOf(digest), { force: true });
      await removePart(pathOf(digest));
      return size;
    },
    async list() {
      const names = (await ifThere(readdir(directory))) ?? [];
      const digests = names.flatMap((name) => /^([0-9a-f]{64})\.gguf$/.exec(name)?.[1] ?? []);
      return Promise.all(digests.map(async (digest) => ({ digest, sizeBytes: (await sizeOf(pathOf(digest))) ?? 0 })));
    },
    async close() {
      for (const { controller } of flights.values()) {
        controller.abort(new PeerError("daemon_unreachable", "The host is going down."));
      }
      await Promise.allSettled([...flights.values()].map(({ arrival }) => arrival));
    },
  };
}

/** One download that several wait for. */
interface Flight {
  readonly controller: { readonly signal: AbortSignal; abort(reason: unknown): void };
  readonly listeners: Set<OnDownloadProgress>;
  arrival: Promise<string>;
}

function depart(flights: Map<string, Flight>, digest: string, fetch: (flight: Flight) => Promise<string>): Flight {
  const flight: Flight = { controller: new AbortController(), listeners: new Set(), arrival: Promise.resolve("") };
  flights.set(digest, flight);
  flight.arrival = fetch(flight).finally(() => forget(flights, digest, flight));
  // Every waiter hears of a failure itself; there may be none left by then.
  flight.arrival.catch(() => {});
  return flight;
}

function forget(flights: Map<string, Flight>, digest: string, flight: Flight): void {
  if (flights.get(digest) === flight) flights.delete(digest);
}

/** Waits along; the last one to leave cancels the download. */
async function waitAlong(
  flight: Flight,
  onProgress: OnDownloadProgress,
  signal: AbortSignal,
  onDeserted: () => void,
): Promise<string> {
  const listener: OnDownloadProgress = (progress) => onProgress(progress);
  flight.listeners.add(listener);
  let onAbort = () => {};
  const left = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([flight.arrival, left]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    flight.listeners.delete(listener);
    if (flight.listeners.size === 0) {
      onDeserted();
      flight.controller.abort(signal.reason);
    }
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await ifThere(stat(path)))?.size;
}
