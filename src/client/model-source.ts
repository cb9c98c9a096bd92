import { createHash } from "node:crypto";
import { mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type Clock, systemClock } from "../clock.ts";
import { PeerError, systemFailure } from "../errors.ts";
import { isModelFileName, modelBytesMax } from "../models/manifest.ts";
import { formatReference, type SourceReference } from "../models/reference.ts";
import { type ByteSource, httpSource, isPassing, type PublicGuard } from "./byte-source.ts";

export const defaultHubUrl = "https://huggingface.co";

export interface ModelSourceOptions extends Omit<PublicGuard, "trustedOrigin"> {
  /** The hub that hf: references are read from; its origin is trusted whatever its address, for it was configured. */
  readonly hubUrl?: string;
  readonly stallMs?: number;
}

/** A model file on the hub or anywhere on the public internet, behind the guard of `httpSource`. */
export function modelSource(reference: SourceReference, options: ModelSourceOptions = {}): ByteSource {
  const { hubUrl, stallMs, ...guard } = options;
  const url = reference.kind === "hub" ? hubFileUrl(reference, hubUrl ?? defaultHubUrl) : reference.url;
  return httpSource({
    url,
    guard: { ...guard, trustedOrigin: hubUrl === undefined ? undefined : new URL(hubUrl).origin },
    ...(stallMs === undefined ? {} : { stallMs }),
  });
}

const failuresMax = 8;
const backoffMsMax = 30_000;

/**
 * Copies a source whole to `path`, going on where an earlier copy stopped. What it holds is the caller's to check:
 * nothing here was signed yet. Throws as the source does once trying again stops helping, and `storage_failed`.
 */
export async function copySource(
  source: ByteSource,
  path: string,
  onProgress: (doneBytes: number, totalBytes: number | undefined) => void,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  for (let failures = 0; ; failures++) {
    const before = await sizeOf(path);
    try {
      return await copyOnce(source, path, before, onProgress, signal);
    } catch (error) {
      if ((await sizeOf(path)) > before) failures = 0;
      if (!isPassing(error) || failures >= failuresMax) throw systemFailure(error, path) ?? error;
      await clock.sleep(Math.random() * Math.min(backoffMsMax, 500 * 2 ** failures), signal);
    }
  }
}

/** The name of a source's copy on disk: the same for the same reference. */
export function sourceFileName(reference: SourceReference): string {
  const text = reference.kind === "hub" ? `${reference.repository}/${reference.file}` : reference.url;
  return createHash("sha256").update(`${reference.kind}:${text}`).digest("hex").slice(0, 32);
}

/** The last part of the path, as a file's base name. Throws `reference_malformed` where it is none of a model. */
export function sourceBaseName(reference: SourceReference): string {
  const path = reference.kind === "hub" ? reference.file : new URL(reference.url).pathname;
  const name = decoded(path.split("/").at(-1) ?? "");
  if (name !== undefined && isModelFileName(name)) return name;
  throw new PeerError("reference_malformed", `"${formatReference(reference)}" does not name a .gguf file.`, {
    hint: "Name the file itself: hf:owner/repo/file.gguf or https://host/file.gguf.",
  });
}

/** Undefined where it is no encoding of a text. */
function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    // The caller says which name it was, and what one looks like.
    return undefined;
  }
}

async function copyOnce(
  source: ByteSource,
  path: string,
  start: number,
  onProgress: (doneBytes: number, totalBytes: number | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  // From one byte before the end of what is here: a server answers "not satisfiable" from the end itself.
  const from = Math.max(0, start - 1);
  const { totalBytes, bytes } = await source.read(from, undefined, signal);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, "a+", 0o600);
  let position = from;
  try {
    for await (const chunk of bytes) {
      const fresh = chunk.subarray(Math.max(0, start - position));
      position += chunk.length;
      if (position > modelBytesMax) throw new PeerError("request_too_large", `${source.label} is larger than 4 TiB.`);
      await file.appendFile(fresh);
      onProgress(position, totalBytes);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (totalBytes !== undefined && position !== totalBytes) {
    throw new PeerError("network_unreachable", `${source.label} ended after ${position} of ${totalBytes} bytes.`);
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

function hubFileUrl(reference: { readonly repository: string; readonly file: string }, hubUrl: string): string {
  return `${hubUrl.replace(/\/+$/, "")}/${reference.repository}/resolve/main/${reference.file}`;
}
