import { type KeyObject, verify, type X509Certificate } from "node:crypto";
import { basename, resolve } from "node:path";
import type { Millis } from "../clock.ts";
import { PeerError } from "../errors.ts";
import {
  type Bundle,
  type BundleJson,
  legacyPreAuthenticationEncoding,
  preAuthenticationEncoding,
  statementPayloadType,
  writeBundle,
} from "./bundle.ts";
import { verifyChain } from "./certificate.ts";
import { type ByteRange, type OnBytes, sha256Hex, shardSizeBytes } from "./digest.ts";
import { keyFingerprint, type SigningKey, signBytes, verifyBytes } from "./signing-key.ts";
import { readStatement, type Statement, writeStatement } from "./statement.ts";
import {
  alwaysIgnoredPaths,
  compareNames,
  hashTree,
  isCanonicalPath,
  listTree,
  parseShardName,
  pathInside,
  type Resource,
  rootDigest,
  type Serialization,
  shardName,
  type TreeFile,
} from "./tree.ts";

/*
 * Signing and verifying a model, as OpenSSF Model Signing 1.0 says. Whatever does not verify is refused with
 * `signature_invalid` (the signature, its key or its form) or `digest_mismatch` (the files).
 */

/** Told how many bytes were read since the last call, and how many there are in all. */
export type OnModelBytes = (bytes: number, totalBytes: number) => void;

export interface SignOptions {
  readonly path: string;
  readonly key: SigningKey;
  /** "shards" (of 16 MiB, what published models use) or "files". */
  readonly method: "files" | "shards";
  /** Where the signature will lie; left out of what is signed. */
  readonly signaturePath?: string;
  readonly ignorePaths?: readonly string[];
  readonly allowSymlinks?: boolean;
  readonly onBytes?: OnModelBytes;
}

export interface SignedModel {
  readonly bundle: BundleJson;
  readonly rootDigest: string;
  readonly resources: readonly Resource[];
  readonly sizeBytes: number;
}

export type Trust =
  | { readonly kind: "key"; readonly publicKey: KeyObject }
  | { readonly kind: "certificates"; readonly certificates: readonly X509Certificate[]; readonly now: Millis };

export interface VerifyOptions {
  readonly path: string;
  readonly bundle: Bundle;
  readonly trust: Trust;
  readonly signaturePath?: string;
  /** Paths left out besides those the signature names, for signatures of versions that did not name them. */
  readonly ignorePaths?: readonly string[];
  readonly ignoreUnsignedFiles?: boolean;
  readonly onBytes?: OnModelBytes;
}

/** Throws `model_invalid` for a model with no file, `file_missing`, or what `listTree` throws. */
export async function signModel(options: SignOptions, signal: AbortSignal): Promise<SignedModel> {
  const { path, key, method, allowSymlinks = false } = options;
  const ignorePaths = recordedIgnorePaths(options);
  const serialization: Serialization = {
    method,
    hashType: "sha256",
    shardBytes: method === "shards" ? shardSizeBytes : undefined,
    allowSymlinks,
    ignorePaths,
  };
  const files = await listTree(path, { allowSymlinks, ignorePaths }, signal);
  if (method === "shards") refuseEmpty(files);
  const sizeBytes = sizeOf(files);
  const onBytes: OnBytes = (bytes) => options.onBytes?.(bytes, sizeBytes);
  const resources = await hashTree(files, serialization, onBytes, signal);
  if (resources.length === 0) {
    throw new PeerError("model_invalid", `There is nothing to sign in "${path}".`, {
      hint: "Name a model file, or a folder with one in it.",
    });
  }
  const payload = writeStatement(basename(resolve(path)), resources, serialization);
  const signature = signBytes(preAuthenticationEncoding(statementPayloadType, payload), key.privateKey);
  return {
    bundle: writeBundle(payload, signature, key.fingerprint),
    rootDigest: rootDigest(resources),
    resources,
    sizeBytes,
  };
}

/** The payload that `signModel` signs, by shards, of a single file. */
export function writeFileStatement(
  fileName: string,
  shards: readonly (ByteRange & { readonly digest: string })[],
): Uint8Array {
  const resources = shards.map(({ digest, ...range }) => ({
    name: shardName(fileName, range),
    digest,
    algorithm: "sha256" as const,
  }));
  const serialization: Serialization = {
    method: "shards",
    hashType: "sha256",
    shardBytes: shardSizeBytes,
    allowSymlinks: false,
    ignorePaths: recordedIgnorePaths({ path: fileName }),
  };
  const inOrder = resources.toSorted((a, b) => compareNames(a.name, b.name));
  return writeStatement(fileName, inOrder, serialization);
}

/** Checks the signature, then every file. */
export async function verifyModel(options: VerifyOptions, signal: AbortSignal): Promise<Statement> {
  const statement = openBundle(options.bundle, options.trust);
  await verifyFiles(statement, options, signal);
  return statement;
}

/** Checks the signature alone and reads what it says. Throws `signature_invalid`. */
export function openBundle(bundle: Bundle, trust: Trust): Statement {
  const publicKey = trustedKey(bundle, trust);
  const isSigned = bundle.signatures.some((signature) => isSignedWith(publicKey, bundle, signature));
  if (!isSigned) {
    throw new PeerError(
      "signature_invalid",
      `The signature was not made with the given key (${keyFingerprint(publicKey).slice(0, 16)}…), or it was altered.`,
      { hint: otherSigner },
    );
  }
  return readStatement(bundle.payload);
}

/** The signed shards of a file, in order of their place. Throws `signature_invalid` when they leave a gap. */
export function signedShards(statement: Statement, fileName: string): (ByteRange & { readonly digest: string })[] {
  const shards = statement.resources.flatMap(({ name, digest }) => {
    const shard = parseShardName(name);
    return shard?.name === fileName ? [{ ...shard.range, digest }] : [];
  });
  shards.sort((a, b) => a.start - b.start);
  let end = 0;
  for (const shard of shards) {
    if (shard.start !== end || shard.end <= shard.start) {
      throw new PeerError(
        "signature_invalid",
        `The signed shards of "${fileName}" do not follow each other at ${end}.`,
      );
    }
    end = shard.end;
  }
  return shards;
}

/** The specification leaves them out of a signature by shards (6.3.2), and unsigned files are refused. */
function refuseEmpty(files: readonly TreeFile[]): void {
  const empty = files.find(({ sizeBytes }) => sizeBytes === 0);
  if (empty === undefined) return;
  throw new PeerError("model_invalid", `"${empty.name}" is empty, so no shard of it can be signed.`, {
    hint: 'Sign with the method "files", or leave it out with --ignore-paths.',
  });
}

const otherSigner = "Ask the producer for the public key, on another way than the model came.";

function trustedKey(bundle: Bundle, trust: Trust): KeyObject {
  const { material } = bundle;
  if (trust.kind === "certificates") {
    if (material.kind !== "certificates") throw otherMethod(material.kind, "a certificate chain");
    return verifyChain(material.chain, trust.certificates, trust.now).publicKey;
  }
  if (material.kind !== "key") throw otherMethod(material.kind, "a public key");
  checkHint(material.hint, trust.publicKey);
  return trust.publicKey;
}

/** Tried also as model_signing 0.2 signed: its own encoding, and SHA-256 for every curve. */
function isSignedWith(publicKey: KeyObject, { payloadType, payload }: Bundle, signature: Uint8Array): boolean {
  if (verifyBytes(preAuthenticationEncoding(payloadType, payload), signature, publicKey)) return true;
  return verify("sha256", legacyPreAuthenticationEncoding(payloadType, payload), publicKey, signature);
}

/** A hint that is a fingerprint must be the given key's: of its PEM text, or of its DER as some tools write. */
function checkHint(hint: string | undefined, publicKey: KeyObject): void {
  if (hint === undefined || !/^[0-9a-f]{64}$/i.test(hint)) return;
  const der = publicKey.export({ type: "spki", format: "der" });
  const fingerprints = [keyFingerprint(publicKey), sha256Hex(der)];
  if (fingerprints.includes(hint.toLowerCase())) return;
  throw new PeerError(
    "signature_invalid",
    `The model was signed with another key: the signature names ${hint.slice(0, 16)}…, the given key is ${fingerprints[0]?.slice(0, 16)}….`,
    { hint: otherSigner },
  );
}

async function verifyFiles(statement: Statement, options: VerifyOptions, signal: AbortSignal): Promise<void> {
  const { serialization } = statement;
  const wanted = wantedPaths(statement);
  const ignorePaths = [...serialization.ignorePaths, ...recordedIgnorePaths(options)];
  const present = await listTree(
    options.path,
    {
      allowSymlinks: serialization.allowSymlinks,
      ignorePaths: ignorePaths.map(trimPath).filter(isCanonicalPath),
      wantedPaths: wanted,
      wantedOnly: options.ignoreUnsignedFiles === true,
    },
    signal,
  ).catch((cause) => {
    if (cause instanceof PeerError && cause.code === "model_invalid") throw mismatch(cause.message, cause);
    throw cause;
  });
  const isSingleFile = present.length === 1 && present[0]?.path === options.path;
  const files = isSingleFile && wanted.has(".") ? present.map((file) => ({ ...file, name: "." })) : present;
  const names = new Set(files.map(({ name }) => name));
  for (const name of wanted) {
    if (!names.has(name)) throw mismatch(`"${name}" is missing: it was signed, but it is not there.`);
  }
  const extra = files.find(({ name }) => !wanted.has(name));
  if (extra !== undefined && options.ignoreUnsignedFiles !== true) throw unsigned(extra.name);
  const signed = files.filter(({ name }) => wanted.has(name));
  checkShardCounts(statement, signed);
  const totalBytes = sizeOf(signed);
  await checkDigests(statement, signed, (bytes) => options.onBytes?.(bytes, totalBytes), signal);
}

/** Before anything is hashed: more shards of a file than are signed would be as many as a hostile shard size likes. */
function checkShardCounts({ resources, serialization }: Statement, files: readonly TreeFile[]): void {
  const { shardBytes } = serialization;
  if (shardBytes === undefined) return;
  const counts = new Map<string, number>();
  for (const { name } of resources) {
    const file = parseShardName(name)?.name ?? name;
    counts.set(file, (counts.get(file) ?? 0) + 1);
  }
  const changed = files.find(
    ({ name, sizeBytes }) => counts.get(name) !== Math.max(1, Math.ceil(sizeBytes / shardBytes)),
  );
  if (changed !== undefined) throw resized(changed.name);
}

async function checkDigests(
  statement: Statement,
  files: readonly TreeFile[],
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<void> {
  const expected = new Map(statement.resources.map(({ name, digest }) => [name, digest]));
  for (const file of files) {
    const actual = await hashTree([file], statement.serialization, onBytes, signal);
    for (const { name, digest } of actual) {
      const wanted = expected.get(name);
      if (wanted === digest) expected.delete(name);
      else if (wanted === undefined) throw resized(file.name);
      else throw mismatch(`"${name}" was changed: its digest is ${digest}, but ${wanted} was signed.`);
    }
  }
  const [left] = expected.keys();
  if (left !== undefined) throw mismatch(`"${left}" is missing: it was signed, but the file is shorter.`);
}

function wantedPaths(statement: Statement): Set<string> {
  const { method } = statement.serialization;
  return new Set(
    statement.resources.map(({ name }) => (method === "shards" ? (parseShardName(name)?.name ?? name) : name)),
  );
}

/** Paths as they are recorded: those always left out, the given ones, and the signature's own place in the model. */
function recordedIgnorePaths(options: {
  readonly path: string;
  readonly signaturePath?: string;
  readonly ignorePaths?: readonly string[];
}): string[] {
  const given = (options.ignorePaths ?? []).map(trimPath);
  for (const path of given) {
    if (!isCanonicalPath(path) || path.startsWith("/")) {
      throw new PeerError(
        "usage_invalid",
        `"${path}" can't be ignored: give a path inside the model, as "folder/file".`,
      );
    }
  }
  const signature = options.signaturePath === undefined ? undefined : pathInside(options.path, options.signaturePath);
  const all = new Set([...alwaysIgnoredPaths, ...given, ...(signature === undefined ? [] : [signature])]);
  return [...all].sort(compareNames);
}

function trimPath(path: string): string {
  return path.replace(/^(?:\.\/)+/, "").replace(/\/+$/, "");
}

function otherMethod(kind: Bundle["material"]["kind"], given: string): PeerError {
  const made = { key: "a key", certificates: "a certificate", keyless: "Sigstore's keyless service" }[kind];
  return new PeerError("signature_invalid", `The model was signed with ${made}, so ${given} can't verify it.`, {
    hint:
      kind === "keyless"
        ? "Ask the producer for a signature made with a key or a certificate."
        : "Give --public-key for a key, --certificate-chain for a certificate.",
  });
}

function sizeOf(files: readonly TreeFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function unsigned(name: string): PeerError {
  return new PeerError("digest_mismatch", `"${name}" is not signed: it is there, but the signature does not list it.`, {
    hint: "Remove it, or verify with --ignore-unsigned-files.",
  });
}

function resized(name: string): PeerError {
  return mismatch(`"${name}" was changed: its size is not what was signed.`);
}

function mismatch(message: string, cause?: unknown): PeerError {
  return new PeerError("digest_mismatch", message, {
    cause,
    hint: "Don't use it. Get the model again from whoever signed it.",
  });
}
