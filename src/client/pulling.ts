import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isPeerError, PeerError } from "../errors.ts";
import { digestRanges } from "../models/digest.ts";
import {
  modelId,
  readSignedManifest,
  type SignedManifest,
  signedManifestJson,
  verifySignedManifest,
} from "../models/manifest.ts";
import { parsePublishedReference } from "../models/reference.ts";
import { mustBeBought } from "../models/sold.ts";
import { writePrivateFile } from "../private-file.ts";
import { routes } from "../protocol/api.ts";
import { httpSource } from "./byte-source.ts";
import type { Gateway } from "./gateway.ts";
import { copySource } from "./model-source.ts";
import type { OnStep } from "./publishing.ts";

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
 * Copies a model of a network to `directory`, under the name that its producer gave the file, and keeps it only where
 * every byte is as signed. Throws `payment_required` for one that is sold and not bought, `signature_invalid`,
 * `digest_mismatch`, `conflict` where another file has the name, or what kept it from being fetched.
 */
export async function pullModel(
  {
    gateway,
    reference,
    directory,
  }: { readonly gateway: Gateway; readonly reference: string; readonly directory: string },
  onStep: OnStep,
  signal: AbortSignal,
): Promise<PulledModel> {
  const signed = await publishedManifest(gateway, reference, signal);
  verifySignedManifest(signed);
  const { digest, fileName, sizeBytes } = signed.manifest;
  const file = join(directory, fileName);
  const pulled = { signed, file, manifestFile: `${file}${manifestSuffix}` };
  if (existsSync(file)) {
    if (!(await isAsSigned(pulled, onStep, signal)))
      throw new PeerError("conflict", `"${file}" is another file already.`);
  } else {
    const part = join(directory, `${digest}.part`);
    await fetchTo(part, gateway, signed, (done) => onStep("Fetching", done, sizeBytes), signal);
    if (!(await isAsSigned({ signed, file: part }, onStep, signal))) {
      await rm(part, { force: true });
      throw new PeerError(
        "digest_mismatch",
        `What came of ${modelId(signed.manifest)} is not what its producer signed.`,
      );
    }
    await rename(part, file);
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

async function fetchTo(
  part: string,
  { url, apiKey }: Gateway,
  { manifest }: SignedManifest,
  onProgress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const source = httpSource({
    url: `${url}/api/v1/registry/blobs/${manifest.digest}`,
    headers: apiKey === null ? {} : { authorization: `Bearer ${apiKey}` },
  });
  await mkdir(dirname(part), { recursive: true });
  try {
    await copySource(source, part, onProgress, signal);
  } catch (error) {
    throw isPeerError(error, "payment_required") ? mustBeBought(manifest) : error;
  }
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
