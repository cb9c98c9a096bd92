import { open } from "node:fs/promises";
import * as z from "zod";
import { type Clock, systemClock } from "../clock.ts";
import { type ErrorCode, isPeerError, PeerError } from "../errors.ts";
import { claimHeader, sealClaim } from "../models/claim.ts";
import { readRange, shardSizeBytes } from "../models/digest.ts";
import { modelId, type SignedManifest, sealYank, signedManifestJson } from "../models/manifest.ts";
import type { SigningKey } from "../models/signing-key.ts";
import { routes } from "../protocol/api.ts";
import { isPassing } from "./byte-source.ts";
import type { Gateway, GatewayReply, GatewayRequest } from "./gateway.ts";
import { everyRow } from "./pages.ts";

/** A published version, as the registry tells of it. */
export const publishedRowSchema = z.looseObject({
  model: z.string(),
  digest: z.string(),
  sizeBytes: z.int(),
  license: z.string(),
  summary: z.string(),
  visibility: z.string(),
  publishedAt: z.number(),
  yankedAt: z.number().nullable(),
});
export type PublishedRow = z.infer<typeof publishedRowSchema>;

const signedRowSchema = publishedRowSchema.extend({ signed: z.unknown() });
const ownPageSchema = z.looseObject({ models: z.array(publishedRowSchema), next: z.int().nullable() });
const uploadSchema = z.looseObject({ offset: z.int().nonnegative() });
const workSchema = z.looseObject({
  step: z.enum(["fetching", "verifying", "opening"]),
  doneBytes: z.int(),
  totalBytes: z.int(),
});

export type OnStep = (step: string, doneBytes: number, totalBytes: number) => void;

/** A signed manifest, and how it is published. */
export interface Publication {
  readonly signed: SignedManifest;
  /**
   * Its producer's, who earns what it asks there; null for another producer's model, which only a private network that
   * bills nothing takes.
   */
  readonly key: SigningKey | null;
}

const prefix = "/api/v1/registry";
const failuresMax = 8;
const backoffMsMax = 30_000;
const pollMs = 500;
const roundsMax = 3;

/**
 * Publishes a manifest, and sends its file where the registry has none: whether name and version are free is asked
 * before. `file` is null where the registry fetches it from the manifest's source. Throws what the registry answers, or
 * kept it from answering for longer than a restart takes.
 */
export async function publishModel(
  gateway: Gateway,
  { file, ...publication }: Publication & { readonly file: string | null },
  onStep: OnStep,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<PublishedRow> {
  const { digest, sizeBytes } = publication.signed.manifest;
  for (let round = 1; ; round++) {
    try {
      return await publishManifest(gateway, publication, onStep, signal, clock);
    } catch (error) {
      if (file === null || !isPeerError(error, "not_found") || round === roundsMax) throw error;
    }
    await uploadFile(gateway, { path: file, digest, sizeBytes }, onStep, signal, clock);
  }
}

/**
 * Sends a file, going on where an earlier attempt stopped; ends early where what was sent is gone, published under
 * another name meanwhile.
 */
export async function uploadFile(
  gateway: Gateway,
  file: { readonly path: string; readonly digest: string; readonly sizeBytes: number },
  onStep: OnStep,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  const handle = await open(file.path, "r");
  const path = `${prefix}/uploads/${file.digest}`;
  const ask = async () => read(uploadSchema, await gateway.send({ method: "GET", path }, signal)).offset;
  const send = async (offset: number) => {
    const bytes = await readRange(handle, { start: offset, end: Math.min(offset + shardSizeBytes, file.sizeBytes) });
    const headers = { "upload-offset": String(offset), "content-type": "application/octet-stream" };
    return read(uploadSchema, await gateway.send({ method: "PATCH", path, headers, bytes }, signal)).offset;
  };
  try {
    let known: number | undefined;
    for (let failures = 0, furthest = 0; furthest < file.sizeBytes; ) {
      try {
        const offset = known ?? (await ask());
        if (offset < furthest) return;
        if (offset > furthest) failures = 0;
        furthest = offset;
        onStep("Sending", offset, file.sizeBytes);
        if (offset < file.sizeBytes) known = await send(offset);
      } catch (error) {
        const mayPass = isPassing(error) || isPeerError(error, "daemon_unreachable") || isPeerError(error, "conflict");
        if (!mayPass || ++failures >= failuresMax) throw error;
        known = undefined;
        await backOff(failures, clock, signal);
      }
    }
  } finally {
    await handle.close();
  }
}

/** Publishes a manifest whose file was sent, or has a source; resolves when the registry has verified it all. */
export async function publishManifest(
  gateway: Gateway,
  { signed, key }: Publication,
  onStep: OnStep,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<PublishedRow> {
  const path = versionPath(modelId(signed.manifest));
  const headers = key === null ? {} : { [claimHeader]: await claimOf(gateway, signed, key, signal) };
  const request: GatewayRequest = { method: "PUT", path, headers, json: signedManifestJson(signed) };
  for (let failures = 0; ; ) {
    try {
      const reply = await gateway.send(request, signal);
      if (reply.status !== 202) return read(publishedRowSchema, reply);
      failures = 0;
      const { step, doneBytes, totalBytes } = read(workSchema, reply);
      onStep(`The network is ${step}`, doneBytes, totalBytes);
    } catch (error) {
      if (!isPeerError(error) || !awayOrBusy.includes(error.code) || ++failures >= failuresMax) throw error;
      await backOff(failures, clock, signal);
    }
    await clock.sleep(pollMs, signal);
  }
}

/** Says nothing about the model: asked again later, the registry may well take it. */
const awayOrBusy: readonly ErrorCode[] = [
  "network_unreachable",
  "daemon_unreachable",
  "queue_full",
  "rate_limit_exceeded",
];

function backOff(failures: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return clock.sleep(Math.random() * Math.min(backoffMsMax, 500 * 2 ** failures), signal);
}

async function claimOf(
  gateway: Gateway,
  { manifest }: SignedManifest,
  key: SigningKey,
  signal: AbortSignal,
): Promise<string> {
  const { networkId } = await gateway.call(routes["network-show"], {}, signal);
  const { accountId } = await gateway.call(routes["account-show"], {}, signal);
  return sealClaim(manifest, { networkId, accountId }, key);
}

/** What the account published, newest first. */
export function listPublished(gateway: Gateway, signal: AbortSignal): Promise<readonly PublishedRow[]> {
  return everyRow(async (after) => {
    const path = `${prefix}/models${after === null ? "" : `?after=${after}`}`;
    const { models, next } = read(ownPageSchema, await gateway.send({ method: "GET", path }, signal));
    return { rows: models, next };
  });
}

/** Every version of a name, oldest first. */
export async function listVersions(
  gateway: Gateway,
  name: string,
  signal: AbortSignal,
): Promise<readonly PublishedRow[]> {
  const reply = await gateway.send({ method: "GET", path: `${prefix}/models/${name}` }, signal);
  return read(z.looseObject({ versions: z.array(publishedRowSchema) }), reply).versions;
}

/** A version as the registry tells of it, with what its producer signed. */
export async function showVersion(gateway: Gateway, model: string, signal: AbortSignal) {
  return read(signedRowSchema, await gateway.send({ method: "GET", path: versionPath(model) }, signal));
}

/** Withdraws `owner/name:version` for good. */
export async function yankModel(
  gateway: Gateway,
  model: string,
  key: SigningKey,
  signal: AbortSignal,
): Promise<PublishedRow> {
  const { networkId } = await gateway.call(routes["network-show"], {}, signal);
  const json = { seal: sealYank({ networkId, model }, key) };
  return read(
    publishedRowSchema,
    await gateway.send({ method: "POST", path: `${versionPath(model)}/yank`, json }, signal),
  );
}

function versionPath(model: string): string {
  const [name = "", version = ""] = model.split(":");
  return `${prefix}/models/${name}/${encodeURIComponent(version)}`;
}

function read<Schema extends z.ZodType>(schema: Schema, reply: GatewayReply): z.output<Schema> {
  const parsed = schema.safeParse(reply.body);
  if (parsed.success) return parsed.data;
  throw new PeerError("protocol_incompatible", "The registry gave an answer this version can't read.", {
    cause: parsed.error,
    hint: "Update peerllm, or ask the network's operator to.",
  });
}
