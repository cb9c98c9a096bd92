import { stat } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { type ByteSource, isPassing } from "../../src/client/byte-source.ts";
import { downloadFile } from "../../src/client/download.ts";
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
  requireMinimalBundle,
  type SignedManifest,
  type SignedShard,
  verifySignedManifest,
} from "../../src/models/manifest.ts";
import type { ModelStore, PublishedModel } from "../../src/models/model-store.ts";
import { timeLimit } from "../../src/time-limit.ts";
import { type InTurn, turns } from "../../src/turns.ts";
import type { Blobs } from "./blobs.ts";
import type { HeldUpload, Uploads } from "./uploads.ts";

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
   * again with the same manifest. One that is published already has its file looked at, and put back where it is damaged
   * or lost. Throws `signature_invalid`, `digest_mismatch`, `manifest_invalid`, `model_invalid`,
   * `name_taken`, `conflict`, `insufficient_quota`, `not_found` (no upload and no source) or `queue_full`.
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
  readonly accountId: AccountId;
  readonly status: Status;
  readonly outcome: Promise<PublishedModel>;
  settledAt: number | null;
}

const publicationsMax = 16;
const publicationsPerAccountMax = 4;
/** How long an outcome that nobody waited for is kept for whoever asks. */
const untoldMs = 600_000;

export function createPublisher(options: PublisherOptions): Publisher {
  const { store, uploads, clock, log } = options;
  const closing = new AbortController();
  /** Under way, or settled and not told yet. */
  const publications = new Map<string, Publication>();
  // One at a time: each takes a core, and the memory of a vocabulary.
  const inTurn = turns();

  function requireSlot(accountId: AccountId): void {
    for (const [key, { settledAt }] of publications) {
      if (settledAt !== null && clock.monotonic() - settledAt > untoldMs) publications.delete(key);
    }
    const running = [...publications.values()].filter(({ settledAt }) => settledAt === null);
    const own = running.filter((publication) => publication.accountId === accountId);
    if (running.length < publicationsMax && own.length < publicationsPerAccountMax) return;
    throw new PeerError("queue_full", "Too many models are being published right now. Try again in a while.");
  }

  /** Before any byte is looked at. */
  async function requireFree(accountId: AccountId, { manifest }: SignedManifest): Promise<void> {
    try {
      await requireOffered(store, manifest, accountId);
    } catch (error) {
      await uploads.discard(accountId, manifest.digest, manifest.sizeBytes);
      throw error;
    }
  }

  function start(key: string, claim: Claim): Publication {
    const { accountId, signed } = claim;
    requireSlot(accountId);
    const totalBytes = signed.manifest.sizeBytes;
    const status: Status = { progress: { step: "verifying", doneBytes: 0, totalBytes } };
    const outcome = run({ ...options, inTurn }, status, claim, closing.signal).finally(() => {
      publication.settledAt = clock.monotonic();
    });
    const publication: Publication = { accountId, status, outcome, settledAt: null };
    publications.set(key, publication);
    // Whoever asks hears of a failure; the one who asked first may be gone.
    outcome.catch((error: unknown) => logRefusal(log, signed.manifest, error));
    return publication;
  }

  return {
    async publish(accountId, signed, patienceMs) {
      const shards = verifySignedManifest(signed);
      requireMinimalBundle(signed, shards);
      const key = `${accountId} ${manifestDigest(signed.manifest)}`;
      if (!publications.has(key)) await requireFree(accountId, signed);
      const publication = publications.get(key) ?? start(key, { accountId, signed, shards });
      const patience = timeLimit(patienceMs);
      const early = new Promise<PublicationProgress>((resolve) => {
        patience.addEventListener("abort", () => resolve(publication.status.progress), { once: true });
      });
      try {
        return await Promise.race([publication.outcome, early]);
      } finally {
        if (publication.settledAt !== null && publications.get(key) === publication) publications.delete(key);
      }
    },
    async close() {
      closing.abort(new PeerError("daemon_unreachable", "The registry is going down.", { retryAfterSeconds: 5 }));
      await Promise.allSettled([...publications.values()].map(({ outcome }) => outcome));
    },
  };
}

interface Claim {
  readonly accountId: AccountId;
  readonly signed: SignedManifest;
  readonly shards: readonly SignedShard[];
}

interface RunOptions extends PublisherOptions {
  readonly inTurn: InTurn;
}

/** The upload is this publication's alone until it is settled, and gone then: published, or refused. */
async function run(options: RunOptions, status: Status, claim: Claim, signal: AbortSignal): Promise<PublishedModel> {
  const { uploads, store, clock, log } = options;
  const { accountId, signed } = claim;
  const { manifest } = signed;
  const act = async (upload: HeldUpload) => {
    try {
      if (!(await isHere(options, status, claim, signal))) await bringIn(options, upload, status, claim, signal);
      const model = await store.publish({ signed, accountId, publishedAt: clock.now() });
      const { digest, sizeBytes } = manifest;
      log.info("model-published", { model: modelId(manifest), digest, sizeBytes, publishedAt: model.publishedAt });
      await upload.remove();
      return model;
    } catch (error) {
      if (!signal.aborted && !isUnsettled(error)) await upload.remove();
      throw error;
    }
  };
  return uploads.hold(accountId, manifest.digest, act, signal);
}

/** The file is still to come, or it is not its fault. */
function isUnsettled(error: unknown): boolean {
  return isPeerError(error, "not_found") || isPeerError(error, "storage_failed") || !isPeerError(error);
}

/** Whether the registry has the file, whole, and it may stand for this producer's. */
async function isHere(options: RunOptions, status: Status, claim: Claim, signal: AbortSignal): Promise<boolean> {
  const { blobs, log, inTurn } = options;
  const { manifest } = claim.signed;
  const file = blobs.file(manifest.digest);
  if (!(await blobs.has(manifest.digest)) || !(await mayHave(options, claim))) return false;
  try {
    await verifyShards(file, claim, status, signal);
  } catch (error) {
    if (!isPeerError(error, "digest_mismatch") || (await isOfDigest(file, manifest, signal))) throw error;
    log.warn("blob-damaged", { digest: manifest.digest });
    return false;
  }
  await inTurn(() => verifyFacts(file, manifest), signal);
  return true;
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

/** Verifies what was sent or is fetched, opens it where it can do no harm, and keeps it. */
async function bringIn(
  options: RunOptions,
  upload: HeldUpload,
  status: Status,
  claim: Claim,
  signal: AbortSignal,
): Promise<void> {
  const { blobs, probe, inTurn } = options;
  const { manifest } = claim.signed;
  if (upload.offset < manifest.sizeBytes) await fetchSource(options, upload, status, claim, signal);
  await verifyShards(upload.path, claim, status, signal);
  if (!(await isOfDigest(upload.path, manifest, signal))) {
    throw new PeerError("digest_mismatch", `The file's digest is not the manifest's, ${manifest.digest}.`);
  }
  status.progress = { step: "opening", doneBytes: manifest.sizeBytes, totalBytes: manifest.sizeBytes };
  await inTurn(async () => {
    await verifyFacts(upload.path, manifest);
    await probe(upload.path, signal);
  }, signal);
  await blobs.adopt(upload.path, manifest.digest);
}

/** Puts what the manifest's source sends in the upload's place. */
async function fetchSource(
  { clock, sourceOf }: PublisherOptions,
  upload: HeldUpload,
  status: Status,
  { signed, shards }: Claim,
  signal: AbortSignal,
): Promise<void> {
  const { sizeBytes, source, rootDigest } = signed.manifest;
  if (source === undefined) {
    throw new PeerError("not_found", `Of the file ${upload.offset} of ${sizeBytes} bytes are here. Send the rest.`);
  }
  const onProgress = ({ doneBytes }: { doneBytes: number }) => {
    status.progress = { step: "fetching", doneBytes, totalBytes: sizeBytes };
  };
  await upload.reserve(sizeBytes);
  const plan = { path: upload.path, sizeBytes, shards, identity: rootDigest };
  try {
    await downloadFile({ plan, source: sourceOf(source), clock, onProgress }, signal);
  } catch (error) {
    // A source that failed may never come back, and its part would take the room of an upload.
    if (!signal.aborted) await upload.remove();
    throw isPassing(error) ? new PeerError("upstream_failed", messageOf(error), { cause: error }) : error;
  }
}

/** Its size and every signed shard: hashing alone touches the bytes. */
async function verifyShards(path: string, claim: Claim, status: Status, signal: AbortSignal): Promise<void> {
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
  if (bad === undefined) return;
  throw new PeerError("digest_mismatch", `Bytes ${bad.start} to ${bad.end} of the file are not what was signed.`);
}

async function isOfDigest(path: string, manifest: ModelManifest, signal: AbortSignal): Promise<boolean> {
  return (await digestFile(path, "sha256", () => {}, signal)) === manifest.digest;
}

/** By our own reader of the file's header. */
async function verifyFacts(path: string, manifest: ModelManifest): Promise<void> {
  if (isDeepStrictEqual(await readGgufFacts(path), manifest.facts)) return;
  throw new PeerError("manifest_invalid", "The manifest's facts are not those of the file's header.");
}

/** Throws what the store would, and `conflict` where the version was withdrawn since. */
async function requireOffered(store: ModelStore, manifest: ModelManifest, accountId: AccountId): Promise<void> {
  const known = await store.check(manifest, accountId);
  if (known?.yankedAt === undefined) return;
  throw new PeerError("conflict", `${modelId(manifest)} was withdrawn, for good.`, {
    hint: "Publish it as a new version.",
  });
}

function logRefusal(log: Log, manifest: ModelManifest, error: unknown): void {
  // It is not refused: its file is still to come.
  if (isPeerError(error, "not_found")) return;
  log.info("publication-refused", { model: modelId(manifest), reason: isPeerError(error) ? error.code : "" });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
