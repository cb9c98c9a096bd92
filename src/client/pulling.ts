import { existsSync } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, systemClock } from "../clock.ts";
import { PeerError } from "../errors.ts";
import { digestRanges } from "../models/digest.ts";
import {
  modelId,
  readSignedManifest,
  type SignedManifest,
  signedManifestJson,
  verifySignedManifest,
} from "../models/manifest.ts";
import { parsePublishedReference } from "../models/reference.ts";
import { writePrivateFile } from "../private-file.ts";
import { routes } from "../protocol/api.ts";
import { downloadOnce } from "./download.ts";
import type { DownloadProgress } from "./download-progress.ts";
import type { Gateway } from "./gateway.ts";
import type { OnStep } from "./publishing.ts";
import { registrySource } from "./registry-source.ts";

/** A model's weights on this machine, and beside them what their producer signed. */
export interface PulledModel {
  readonly signed: SignedManifest;
  readonly file: string;
  readonly manifestFile: string;
}

/** `{"manifest","bundle","seal"}` as its producer signed it, beside the weights that it names. */
const manifestSuffix = ".signed.json";
const manifestBytesMax = 32 * 1_048_576;

/**
 * Fetches a model of a network to `directory`, under the name that its producer gave the file, shard by shard and each
 * verified; once for all who pull it there at a time, and where an earlier pull stopped it goes on. Throws
 * `payment_required` for one that is sold and not bought, `signature_invalid`, `conflict` where another file has the
 * name, and as `downloadFile`.
 */
export async function pullModel(
  {
    gateway,
    reference,
    directory,
  }: { readonly gateway: Gateway; readonly reference: string; readonly directory: string },
  onStep: OnStep,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<PulledModel> {
  const signed = await publishedManifest(gateway, reference, signal);
  const shards = verifySignedManifest(signed);
  const { fileName, sizeBytes, rootDigest } = signed.manifest;
  const file = join(directory, fileName);
  const pulled = { signed, file, manifestFile: `${file}${manifestSuffix}` };
  const plan = { path: file, sizeBytes, shards, identity: rootDigest };
  const source = registrySource(gateway, signed.manifest);
  const onProgress = ({ doneBytes }: DownloadProgress) => onStep("Fetching", doneBytes, sizeBytes);
  await mkdir(directory, { recursive: true });
  const wasFetched = await downloadOnce({ plan, source, clock, onProgress }, signal);
  if (!wasFetched && !(await isAsSigned(pulled, onStep, signal))) {
    throw new PeerError("conflict", `"${file}" is another file already.`);
  }
  await writePrivateFile(pulled.manifestFile, `${JSON.stringify(signedManifestJson(signed))}\n`);
  return pulled;
}

/** What `pullModel` wrote, every byte of it verified again. Throws `file_missing`, `manifest_invalid` or as that does. */
export async function openPulled(file: string, onStep: OnStep, signal: AbortSignal): Promise<PulledModel> {
  const manifestFile = `${file}${manifestSuffix}`;
  for (const path of [file, manifestFile]) {
    if (!existsSync(path)) {
      throw new PeerError("file_missing", `There is no file "${path}".`, {
        hint: 'Fetch a model and its signed manifest with "peerllm models pull".',
      });
    }
  }
  const signed = readSignedManifest(await readJson(manifestFile));
  const pulled = { signed, file, manifestFile };
  if (await isAsSigned(pulled, onStep, signal)) return pulled;
  throw new PeerError("digest_mismatch", `"${file}" is not what the producer of ${modelId(signed.manifest)} signed.`);
}

/** What a network has under a reference; nothing is verified yet. Throws `signature_invalid` where it is not what was asked for. */
export async function publishedManifest(
  gateway: Gateway,
  reference: string,
  signal: AbortSignal,
): Promise<SignedManifest> {
  const { name, version } = parsePublishedReference(reference);
  const [owner = "", base = ""] = name.split("/");
  const query = version === undefined ? {} : { version };
  const { manifest } = await gateway.call(routes["models-show"], query, signal, { owner, name: base });
  const signed = readSignedManifest(manifest);
  const isAsked = version === undefined || `${signed.manifest.version}.`.startsWith(`${version}.`);
  if (signed.manifest.name === name && isAsked) return signed;
  const told = modelId(signed.manifest);
  throw new PeerError("signature_invalid", `The network answered "${reference}" with the manifest of ${told}.`);
}

/** Throws `signature_invalid` where the manifest itself can't be trusted. */
async function isAsSigned(
  { signed, file }: Pick<PulledModel, "signed" | "file">,
  onStep: OnStep,
  signal: AbortSignal,
): Promise<boolean> {
  const { sizeBytes } = signed.manifest;
  const shards = verifySignedManifest(signed);
  if ((await stat(file)).size !== sizeBytes) return false;
  let done = 0;
  const onBytes = (bytes: number) => {
    done += bytes;
    onStep("Verifying", done, sizeBytes);
  };
  const digests = await digestRanges(file, shards, "sha256", onBytes, signal);
  return shards.every(({ digest }, index) => digest === digests[index]);
}

async function readJson(path: string): Promise<unknown> {
  const { size } = await stat(path);
  if (size > manifestBytesMax) throw new PeerError("manifest_invalid", `"${path}" is too large for a manifest.`);
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new PeerError("manifest_invalid", `"${path}" is no JSON.`, { cause });
  }
}
