import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import type { DownloadProgress, OnDownloadProgress } from "../../src/client/download-progress.ts";
import { createGateway } from "../../src/client/gateway.ts";
import { listModels } from "../../src/client/model-list.ts";
import { publishedManifest } from "../../src/client/pulling.ts";
import { registrySource } from "../../src/client/registry-source.ts";
import { isPeerError, PeerError } from "../../src/errors.ts";
import { readGgufFacts } from "../../src/models/gguf.ts";
import { modelId, type SignedManifest } from "../../src/models/manifest.ts";
import { tokensMax } from "../../src/protocol/frame.ts";
import type { ModelFiles } from "../registry/model-files.ts";
import type { HostedModel } from "./served-models.ts";

export interface NetworkAccess {
  readonly url: string;
  readonly apiKey: string;
}

export type OnModelProgress = (reference: string, progress: DownloadProgress) => void;

/**
 * A model of the network, fetched shard by shard against its producer's signature, and hashed whole before it is
 * served. Throws `payment_required` for one that is sold and not bought, `model_missing`, `signature_invalid`, `digest_mismatch`, or what kept it from being fetched.
 */
export async function fetchPublished(
  reference: string,
  network: NetworkAccess,
  files: ModelFiles,
  onProgress: OnModelProgress,
  signal: AbortSignal,
): Promise<HostedModel> {
  const signed = await publishedManifest(createGateway(network), reference, signal);
  const { manifest } = signed;
  const id = modelId(manifest);
  const verified = (limit: AbortSignal) =>
    verifiedFile(signed, network, files, (progress) => onProgress(id, progress), limit);
  const file = await verified(signal);
  const restore = async (limit: AbortSignal) => void (await verified(limit));
  const { contextLength } = manifest.facts;
  const weights = { kind: "file" as const, file, restore };
  return { reference: id, digest: `sha256:${manifest.digest}`, weights, sizeBytes: manifest.sizeBytes, contextLength };
}

/** The path of the model's file, fetched where it isn't here as it was signed. */
async function verifiedFile(
  signed: SignedManifest,
  network: NetworkAccess,
  files: ModelFiles,
  onProgress: OnDownloadProgress,
  signal: AbortSignal,
): Promise<string> {
  const present = await presentFile(signed, files, signal);
  if (present !== null) return present;
  await files.pull(signed, registrySource(network, signed.manifest), onProgress, signal);
  return files.verify(signed, signal);
}

/** The verified file of a model that was fetched before; null where it must be fetched, also since it was damaged. */
async function presentFile(signed: SignedManifest, files: ModelFiles, signal: AbortSignal): Promise<string | null> {
  if ((await files.find(signed.manifest.digest)) === undefined) return null;
  try {
    return await files.verify(signed, signal);
  } catch (error) {
    if (isPeerError(error, "digest_mismatch") || isPeerError(error, "model_missing")) return null;
    throw error;
  }
}

/** A model of the network that another server on the owner's side has loaded already: nothing is fetched or verified. */
export async function describePublished(
  reference: string,
  network: NetworkAccess,
  url: string,
  signal: AbortSignal,
): Promise<HostedModel> {
  const { manifest } = await publishedManifest(createGateway(network), reference, signal);
  const { sizeBytes, facts, digest } = manifest;
  const { contextLength } = facts;
  const weights = { kind: "upstream" as const, url };
  return { reference: modelId(manifest), digest: `sha256:${digest}`, weights, sizeBytes, contextLength };
}

/** A model of another server, served on to this machine alone: the server knows what it is. */
export function describeUpstream(reference: string, url: string): HostedModel {
  const digest = `sha256:${createHash("sha256").update(`${url}\n${reference}`).digest("hex")}`;
  return { reference, digest, weights: { kind: "upstream", url }, sizeBytes: 0, contextLength: tokensMax };
}

/** A GGUF file of this machine's owner; nobody signed it, so it serves this machine alone. */
export async function openLocalFile(path: string, signal: AbortSignal): Promise<HostedModel> {
  if (!existsSync(path)) throw new PeerError("file_missing", `There is no model file at "${path}".`);
  const { contextLength } = await readGgufFacts(path);
  const { size } = await stat(path);
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { signal })) hash.update(chunk);
  const digest = `sha256:${hash.digest("hex")}`;
  return {
    reference: basename(path, ".gguf"),
    digest,
    weights: { kind: "file", file: path },
    sizeBytes: size,
    contextLength,
  };
}

/**
 * What a host serves that was told nothing: the network's first model whose weights fit in `memoryBytes`, one that is
 * sold only where there is no other.
 */
export async function modelThatFits(network: NetworkAccess, memoryBytes: number, signal: AbortSignal): Promise<string> {
  const models = await listModels(createGateway(network), undefined, signal);
  const fitting = models.filter(({ sizeBytes }) => sizeBytes !== null && sizeBytes < memoryBytes);
  const chosen = fitting.find(({ priceUsd, usdPerMonth }) => priceUsd === null && usdPerMonth === null) ?? fitting[0];
  if (chosen !== undefined) return chosen.model;
  throw new PeerError("model_missing", `None of the ${models.length} models of ${network.url} fits this machine.`, {
    hint: "Name one with --model, or publish one: peerllm producer publish --help.",
  });
}
