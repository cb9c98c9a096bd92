import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { canonicalJson } from "../canonical-json.ts";
import { PeerError } from "../errors.ts";
import { type NanoUsd, nanosPerUsd, nanoUsd } from "../money.ts";
import { type BundleJson, preAuthenticationEncoding, readBundle, writeBundle } from "./bundle.ts";
import { type ByteRange, sha256Hex, shardRanges, shardSizeBytes } from "./digest.ts";
import type { GgufFacts } from "./gguf.ts";
import { parseLicense } from "./license.ts";
import { isModelName, parseReference } from "./reference.ts";
import { openBundle, signedShards, writeFileStatement } from "./signature.ts";
import { keyFingerprint, parsePublicKey, type SigningKey, signBytes, verifyBytes } from "./signing-key.ts";
import { isExactVersion } from "./version.ts";

/** `local` is for the producer's own hosts, `private` for members of the network, `global` for all. */
export const visibilities = ["local", "private", "global"] as const;
export type Visibility = (typeof visibilities)[number];

export interface ModelPrices {
  /** The producer's, on top of the network's price. */
  readonly royaltyPer100kTokens: NanoUsd;
  /** To be paid once before use; zero where it is not sold. */
  readonly once: NanoUsd;
  readonly monthly: NanoUsd;
}

/** What a producer publishes about one version of a model. It never changes once published. */
export interface ModelManifest {
  /** `owner/name`. */
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly license: string;
  readonly summary: string;
  readonly visibility: Visibility;
  readonly prices: ModelPrices;
  readonly facts: GgufFacts;
  /** Base name of the one GGUF file. */
  readonly fileName: string;
  readonly sizeBytes: number;
  /** SHA-256 of the file, hexadecimal. */
  readonly digest: string;
  /** Of the model signature's statement. */
  readonly rootDigest: string;
  /** Where the bytes can be had besides the registry: an hf: or https: reference. */
  readonly source: string | undefined;
  /** PEM. Owns `name` from its first publication on. */
  readonly producerKey: string;
}

/** A manifest, the signature of its file's shards, and the seal that binds it to the producer's key. */
export interface SignedManifest {
  readonly manifest: ModelManifest;
  /** OpenSSF model signature of the file, by shards. */
  readonly bundle: BundleJson;
  /** ASN.1 ECDSA signature of the manifest, base64. */
  readonly seal: string;
}

/** A piece of the file with the digest that was signed for it. */
export interface SignedShard extends ByteRange {
  readonly digest: string;
}

export const summaryLengthMax = 500;
/** Largest model file a manifest may describe: 4 TiB. */
export const modelBytesMax = 4_398_046_511_104;

const manifestPayloadType = "application/vnd.peerllm.manifest.v1+json";
const yankPayloadType = "application/vnd.peerllm.yank.v1+json";
const priceMax = 1_000n * nanosPerUsd;

const hexDigest = z.string().regex(/^[0-9a-f]{64}$/, "is not a SHA-256 digest");
const price = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,14})$/, "is not an amount in billionths of a dollar")
  .transform((text) => nanoUsd(BigInt(text)))
  .refine((amount) => amount <= priceMax, "is more than 1,000 dollars");
const plainText = z.string().regex(/^\P{Cc}*$/u, "holds control characters");
const manifestShape = z.strictObject({
  name: z.string().refine(isModelName, 'is not "owner/name"'),
  version: z.string().refine(isExactVersion, "is not a semantic version"),
  license: z.string().transform(parseLicense),
  summary: plainText.max(summaryLengthMax),
  visibility: z.enum(visibilities),
  prices: z.strictObject({ royaltyPer100kTokens: price, once: price, monthly: price }),
  facts: z.strictObject({
    architecture: plainText.min(1).max(64),
    parameters: z.int().positive(),
    quantisation: plainText.min(1).max(32),
    contextLength: z.int().positive(),
    hasTemplate: z.boolean(),
  }),
  fileName: z.string().refine(isModelFileName, "is not the base name of a .gguf file"),
  sizeBytes: z.int().positive().max(modelBytesMax),
  digest: hexDigest,
  rootDigest: hexDigest,
  source: z.string().max(2048).refine(isSource, "is not an hf: or https: reference").optional(),
  producerKey: z.string().max(512),
});
const signedShape = z.strictObject({
  manifest: manifestShape,
  bundle: z.record(z.string(), z.unknown()),
  seal: z.base64().max(512),
});

/** Reads a signed manifest from JSON; nothing is verified yet. Throws `manifest_invalid`, naming the field. */
export function readSignedManifest(json: unknown): SignedManifest {
  const { manifest, bundle, seal } = parse(signedShape, json);
  return { manifest: { ...manifest, source: manifest.source }, bundle, seal };
}

/** Reads a manifest alone from JSON. Throws as `readSignedManifest`. */
export function readManifest(json: unknown): ModelManifest {
  const manifest = parse(manifestShape, json);
  return { ...manifest, source: manifest.source };
}

/** The form it is stored and sent in. */
export function signedManifestJson(signed: SignedManifest): Record<string, unknown> {
  return { manifest: manifestJson(signed.manifest), bundle: signed.bundle, seal: signed.seal };
}

export function sealManifest(manifest: ModelManifest, bundle: BundleJson, key: SigningKey): SignedManifest {
  return { manifest, bundle, seal: signBytes(manifestBytes(manifest), key.privateKey).toString("base64") };
}

/**
 * Checks the seal and the file's signature with the producer's key, and that both speak of the same file; returns the
 * file's signed shards, in order, which cover it whole. Throws `signature_invalid`.
 */
export function verifySignedManifest({ manifest, bundle, seal }: SignedManifest): SignedShard[] {
  const publicKey = parsePublicKey(Buffer.from(manifest.producerKey));
  if (!verifyBytes(manifestBytes(manifest), Buffer.from(seal, "base64"), publicKey)) {
    throw invalid(manifest, "the manifest was not sealed by the producer's key, or it was altered");
  }
  const statement = openBundle(readBundle(bundle), { kind: "key", publicKey });
  const { method, hashType, shardBytes } = statement.serialization;
  if (method !== "shards" || hashType !== "sha256" || shardBytes !== shardSizeBytes) {
    throw invalid(manifest, "its file is not signed in shards of 16 MiB with SHA-256");
  }
  if (statement.rootDigest !== manifest.rootDigest) throw invalid(manifest, "the manifest names another signature");
  const shards = signedShards(statement, manifest.fileName);
  const expected = shardRanges(manifest.sizeBytes, shardSizeBytes);
  const isWhole =
    shards.length === statement.resources.length &&
    shards.length === expected.length &&
    shards.every((shard, index) => shard.end === expected[index]?.end);
  if (!isWhole) throw invalid(manifest, `the signed shards are not those of "${manifest.fileName}"`);
  return shards;
}

/** Whether it is the base name of a model file, on any system. */
export function isModelFileName(name: string): boolean {
  return /^[^/\\:\p{Cc}]{1,250}\.gguf$/iu.test(name) && !name.startsWith(".");
}

/**
 * Throws `manifest_invalid` where a verified manifest's bundle holds anything beside what its shards and key make: it is
 * kept for ever and handed to everybody, and none of the rest is of use to them.
 */
export function requireMinimalBundle({ manifest, bundle }: SignedManifest, shards: readonly SignedShard[]): void {
  const [signature = new Uint8Array()] = readBundle(bundle).signatures;
  const hint = keyFingerprint(parsePublicKey(Buffer.from(manifest.producerKey)));
  if (isDeepStrictEqual(bundle, writeBundle(writeFileStatement(manifest.fileName, shards), signature, hint))) return;
  throw new PeerError("manifest_invalid", `The signature of ${modelId(manifest)} holds more than its file's shards.`, {
    hint: 'Publish it with "peerllm producer publish", which signs the file alone.',
  });
}

/** `owner/name:version`. */
export function modelId(manifest: Pick<ModelManifest, "name" | "version">): string {
  return `${manifest.name}:${manifest.version}`;
}

/** How a store tells the owner of a name: the fingerprint of the producer's key. */
export function producerOf(manifest: Pick<ModelManifest, "producerKey">): string {
  return keyFingerprint(parsePublicKey(Buffer.from(manifest.producerKey)));
}

/** One digest for all a manifest says. */
export function manifestDigest(manifest: ModelManifest): string {
  return sha256Hex(manifestBytes(manifest));
}

/** A version to be withdrawn, of one network: elsewhere the same may stay. */
export interface Yank {
  readonly networkId: string;
  /** `owner/name:version`. */
  readonly model: string;
}

/** The producer's word for it, base64. */
export function sealYank(yank: Yank, key: SigningKey): string {
  return signBytes(yankBytes(yank), key.privateKey).toString("base64");
}

/** Throws `permission_denied` unless the manifest's producer sealed the yank of this version on this network. */
export function verifyYank(manifest: ModelManifest, networkId: string, seal: string): void {
  const publicKey = parsePublicKey(Buffer.from(manifest.producerKey));
  const model = modelId(manifest);
  if (verifyBytes(yankBytes({ networkId, model }), Buffer.from(seal, "base64"), publicKey)) return;
  throw new PeerError("permission_denied", `Another key published ${model}: that key alone may withdraw it.`, {
    hint: `Its fingerprint is ${keyFingerprint(publicKey)}; yours is what "peerllm producer key show" says.`,
  });
}

function parse<Shape extends z.ZodType>(shape: Shape, json: unknown): z.output<Shape> {
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join(".") ?? "";
  throw new PeerError("manifest_invalid", `"${field}" of the manifest: ${issue?.message ?? "unreadable"}.`, {
    parameter: field,
  });
}

/** The form that a manifest is stored, sent and sealed in. */
export function manifestJson(manifest: ModelManifest) {
  const { prices, facts } = manifest;
  return {
    ...manifest,
    facts: { ...facts },
    prices: {
      royaltyPer100kTokens: prices.royaltyPer100kTokens.toString(),
      once: prices.once.toString(),
      monthly: prices.monthly.toString(),
    },
  };
}

function manifestBytes(manifest: ModelManifest): Buffer {
  return preAuthenticationEncoding(manifestPayloadType, Buffer.from(canonicalJson(manifestJson(manifest))));
}

function yankBytes({ networkId, model }: Yank): Buffer {
  return preAuthenticationEncoding(yankPayloadType, Buffer.from(canonicalJson({ networkId, model })));
}

function isSource(text: string): boolean {
  try {
    return parseReference(text).kind !== "published";
  } catch {
    // The parser's reason is for a person at a prompt; here the field's own message says it.
    return false;
  }
}

function invalid(manifest: ModelManifest, what: string): PeerError {
  return new PeerError("signature_invalid", `${modelId(manifest)} can't be trusted: ${what}.`);
}
