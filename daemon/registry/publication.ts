import { stat } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { ByteSource } from "../../src/client/byte-source.ts";
import { downloadFile } from "../../src/client/download.ts";
import { removePart } from "../../src/client/part-file.ts";
import type { Clock } from "../../src/clock.ts";
import { isPeerError, PeerError } from "../../src/errors.ts";
import type { AccountId } from "../../src/ids.ts";
import type { Log } from "../../src/log.ts";
import { digestFile, digestRanges } from "../../src/models/digest.ts";
import { readGgufFacts } from "../../src/models/gguf.ts";
import {
  type ModelManifest,
  manifestDigest,
  modelId,
  producerOf,
  requireMinimalBundle,
  type SignedManifest,
  type SignedShard,
  verifySignedManifest,
} from "../../src/models/manifest.ts";
import type { ModelStore, PublishedModel } from "../../src/models/model-store.ts";
import { turns } from "../../src/turns.ts";
import type { Blobs } from "./blobs.ts";
import type { Uploads } from "./uploads.ts";

export interface PublisherOptions {
  readonly blobs: Blobs;
  readonly uploads: Uploads;
  readonly store: ModelStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Throws `payment_required` where the account may not have the file that these versions sell. */
  requireLicence(versions: readonly PublishedModel[], accountId: AccountId): Promise<void>;
  /** Opens a manifest's hf: or https: source. */
  sourceOf(reference: string): ByteSource;
  /** Opens a file where it can do no harm. Throws `model_invalid` where the engine refuses it or dies of it. */
  probe(modelFile: string, signal: AbortSignal): Promise<void>;
}

export interface PublicationProgress {
  readonly step: "fetching" | "verifying" | "opening";
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** Verifies what producers publish and tries to open it, in the background, and puts it in the catalogue. */
export interface Publisher {
  /**
   * Resolves with the model once it is published, or with how far it is when that takes longer than `patienceMs`; ask
   * again with the same manifest. Throws `signature_invalid`, `digest_mismatch`, `manifest_invalid`, `model_invalid`,
   * `name_taken`, `conflict`, `not_found` (no upload and no source) or `queue_full`.
   */
  publish(
    accountId: AccountId,
    signed: SignedManifest,
    patienceMs: number,
  ): Promise<PublishedModel | PublicationProgress>;
  close(): Promise<void>;
}

/** Written by the one who verifies, read by the ones who wait. */
interface Status {
  progress: PublicationProgress;
}

interface Publication {
  readonly status: Status;
  readonly outcome: Promise<PublishedModel>;
}

const publicationsMax = 16;

export function createPublisher(options: PublisherOptions): Publisher {
  const { store, log } = options;
  const closing = new AbortController();
  const running = new Map<string, Publication>();
  const inTurn = turns();
  // One at a time: each takes a core, and the memory of a vocabulary.
  const probe: PublisherOptions["probe"] = (file, signal) => inTurn(() => options.probe(file, signal), signal);

  async function start(accountId: AccountId, signed: SignedManifest): Promise<Publication | PublishedModel> {
    const { manifest } = signed;
    const shards = verifySignedManifest(signed);
    requireMinimalBundle(signed, shards);
    const known = await checkName(store, manifest);
    if (known !== undefined) return known;
    const key = `${accountId} ${manifestDigest(manifest)}`;
    const present = running.get(key);
    if (present !== undefined) return present;
    if (running.size >= publicationsMax) {
      throw new PeerError("queue_full", "Too many models are being published right now. Try again in a while.");
    }
    const status: Status = { progress: { step: "verifying", doneBytes: 0, totalBytes: manifest.sizeBytes } };
    const outcome = run({ ...options, probe }, status, { accountId, signed, shards }, closing.signal).finally(() => {
      running.delete(key);
    });
    const publication: Publication = { status, outcome };
    running.set(key, publication);
    // Whoever asks hears of a failure; the one who asked first may be gone.
    outcome.catch((error: unknown) => {
      log.info("publication-refused", {
        model: modelId(manifest),
        reason: error instanceof PeerError ? error.code : "",
      });
    });
    return publication;
  }

  return {
    async publish(accountId, signed, patienceMs) {
      const started = await start(accountId, signed);
      if ("manifest" in started) return started;
      const patience = AbortSignal.timeout(patienceMs);
      const early = new Promise<PublicationProgress>((resolve) => {
        patience.addEventListener("abort", () => resolve(started.status.progress), { once: true });
      });
      return Promise.race([started.outcome, early]);
    },
    async close() {
      closing.abort(new PeerError("daemon_unreachable", "The registry is going down.", { retryAfterSeconds: 5 }));
      await Promise.allSettled([...running.values()].map(({ outcome }) => outcome));
    },
  };
}

interface Claim {
  readonly accountId: AccountId;
  readonly signed: SignedManifest;
  readonly shards: readonly SignedShard[];
}

async function run(
  options: PublisherOptions,
  status: Status,
  claim: Claim,
  signal: AbortSignal,
): Promise<PublishedModel> {
  const { blobs, uploads, store, clock, log, probe } = options;
  const { accountId, signed } = claim;
  const { manifest } = signed;
  if ((await blobs.has(manifest.digest)) && (await mayHave(options, claim))) {
    await verifyFile(blobs.file(manifest.digest), claim, status, signal);
  } else {
    const path = await candidate(options, status, claim, signal);
    try {
      await verifyFile(path, claim, status, signal);
      await verifyDigest(path, manifest, signal);
      status.progress = { step: "opening", doneBytes: manifest.sizeBytes, totalBytes: manifest.sizeBytes };
      await probe(path, signal);
    } catch (error) {
      if (!signal.aborted) await uploads.remove(accountId, manifest.digest);
      throw error;
    }
    await blobs.adopt(path, manifest.digest);
  }
  const model = await store.publish({ signed, accountId, publishedAt: clock.now() });
  log.info("model-published", { model: modelId(manifest), digest: manifest.digest, sizeBytes: manifest.sizeBytes });
  return model;
}

/**
 * Whether the file that is here already may stand for this producer's. A file that is sold may not, until it is bought:
 * whoever has not must send it, or naming its digest would be a way to have it for nothing.
 */
async function mayHave({ store, requireLicence }: PublisherOptions, { accountId, signed }: Claim): Promise<boolean> {
  try {
    await requireLicence(await store.holding(signed.manifest.digest), accountId);
    return true;
  } catch (error) {
    if (isPeerError(error, "payment_required")) return false;
    throw error;
  }
}

/** The file that may be the model: the producer's upload, or what its source sends. */
async function candidate(
  { uploads, clock, sourceOf }: PublisherOptions,
  status: Status,
  { accountId, signed, shards }: Claim,
  signal: AbortSignal,
): Promise<string> {
  const { digest, sizeBytes, source, rootDigest } = signed.manifest;
  const { offset } = await uploads.state(accountId, digest);
  const path = uploads.file(accountId, digest);
  if (offset === sizeBytes) return path;
  if (source === undefined) {
    throw new PeerError("not_found", `Of the file ${offset} of ${sizeBytes} bytes are here. Send the rest first.`);
  }
  const onProgress = ({ doneBytes }: { doneBytes: number }) => {
    status.progress = { step: "fetching", doneBytes, totalBytes: sizeBytes };
  };
  await uploads.remove(accountId, digest);
  const plan = { path, sizeBytes, shards, identity: rootDigest };
  try {
    await downloadFile({ plan, source: sourceOf(source), clock, onProgress }, signal);
  } catch (error) {
    // A source that failed may never come back, and its part would take the room of an upload.
    if (!signal.aborted) await removePart(path);
    throw error;
  }
  return path;
}

/** Its size, its header and every signed shard: hashing and our own reader alone touch the bytes. */
async function verifyFile(path: string, claim: Claim, status: Status, signal: AbortSignal): Promise<void> {
  const { manifest } = claim.signed;
  const { size } = await stat(path);
  if (size !== manifest.sizeBytes) {
    throw new PeerError("digest_mismatch", `The file has ${size} bytes, but ${manifest.sizeBytes} were signed.`);
  }
  let doneBytes = 0;
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    status.progress = { step: "verifying", doneBytes, totalBytes: manifest.sizeBytes };
  };
  const digests = await digestRanges(path, claim.shards, "sha256", onBytes, signal);
  const bad = claim.shards.find(({ digest }, index) => digest !== digests[index]);
  if (bad !== undefined) {
    throw new PeerError("digest_mismatch", `Bytes ${bad.start} to ${bad.end} of the file are not what was signed.`);
  }
  if (!isDeepStrictEqual(await readGgufFacts(path), manifest.facts)) {
    throw new PeerError("manifest_invalid", "The manifest's facts are not those of the file's header.");
  }
}

async function verifyDigest(path: string, manifest: ModelManifest, signal: AbortSignal): Promise<void> {
  const digest = await digestFile(path, "sha256", () => {}, signal);
  if (digest === manifest.digest) return;
  throw new PeerError("digest_mismatch", `The file's digest is ${digest}, but the manifest says ${manifest.digest}.`);
}

/** The version where it is published already. Throws `name_taken` or `conflict` before any byte is looked at. */
async function checkName(store: ModelStore, manifest: ModelManifest): Promise<PublishedModel | undefined> {
  const versions = await store.versions(manifest.name);
  const first = versions[0]?.manifest;
  if (first !== undefined && producerOf(first) !== producerOf(manifest)) {
    throw new PeerError("name_taken", `The name "${manifest.name}" belongs to the key that first published it.`, {
      hint: "Publish under another name, or with that key.",
    });
  }
  const known = versions.find(({ manifest: { version } }) => version === manifest.version);
  if (known === undefined || manifestDigest(known.manifest) === manifestDigest(manifest)) return known;
  throw new PeerError("conflict", `${modelId(manifest)} was published with other content; a version never changes.`, {
    hint: "Publish it as a new version.",
  });
}
