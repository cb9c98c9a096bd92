import * as z from "zod";
import { boundedList } from "../bounded-list.ts";
import { PeerError } from "../errors.ts";
import type { DigestAlgorithm } from "./digest.ts";
import {
  compareNames,
  isCanonicalPath,
  parseShardName,
  type Resource,
  rootDigest,
  type Serialization,
} from "./tree.ts";

/*
 * What a model signature says: an in-toto statement v1 with the predicate of OpenSSF Model Signing 1.0, section 5.
 */

const statementType = "https://in-toto.io/Statement/v1";
const predicateType = "https://model_signing/signature/v1.0";
const legacyPredicateType = "https://model_signing/Digests/v0.1";

export interface Statement {
  /** Base name of what was signed. Informative. */
  readonly modelName: string;
  readonly rootDigest: string;
  readonly resources: readonly Resource[];
  readonly serialization: Serialization;
}

/** More than fit in the largest bundle that is read. */
const resourcesMax = 1_000_000;
const hex = z.string().regex(/^(?:[0-9a-f]{2})+$/, "is not lower case hexadecimal");
const hashType = z.string().min(1).max(64);
const currentShape = z.looseObject({
  subject: z.tuple([z.looseObject({ name: z.string().min(1), digest: z.looseObject({ sha256: hex }) })]),
  predicate: z.looseObject({
    resources: boundedList(z.looseObject({ name: z.string().min(1), digest: hex, algorithm: hashType }), {
      min: 1,
      max: resourcesMax,
    }),
    serialization: z.looseObject({
      method: z.enum(["files", "shards"]),
      hash_type: hashType,
      allow_symlinks: z.boolean(),
      shard_size: z.int().positive().optional(),
      ignore_paths: boundedList(z.string(), { max: resourcesMax }).nullish(),
    }),
  }),
});
const legacyShape = z.looseObject({
  subject: boundedList(
    z.looseObject({
      name: z.string().min(1),
      digest: z.looseObject({ sha256: hex }),
      annotations: z.looseObject({ actual_hash_algorithm: z.literal("file-sha256").optional() }).optional(),
    }),
    { min: 1, max: resourcesMax },
  ),
});

/** The payload to sign, as UTF-8 JSON. `resources` are sorted by name. */
export function writeStatement(
  modelName: string,
  resources: readonly Resource[],
  serialization: Serialization,
): Uint8Array {
  const statement = {
    _type: statementType,
    subject: [{ name: modelName, digest: { sha256: rootDigest(resources) } }],
    predicateType,
    predicate: {
      resources,
      serialization: {
        method: serialization.method,
        hash_type: serialization.hashType,
        ...(serialization.shardBytes === undefined ? {} : { shard_size: serialization.shardBytes }),
        allow_symlinks: serialization.allowSymlinks,
        ignore_paths: serialization.ignorePaths,
      },
    },
  };
  return Buffer.from(JSON.stringify(statement, undefined, 2));
}

/** Reads a payload whose signature was checked. Throws `signature_invalid`. */
export function readStatement(payload: Uint8Array): Statement {
  const json = readJson(payload);
  const kind = z.looseObject({ _type: z.string(), predicateType: z.string() }).safeParse(json);
  if (!kind.success || kind.data._type !== statementType) throw invalid(`it is not an in-toto statement v1`);
  if (kind.data.predicateType === legacyPredicateType) return checkResources(readLegacy(json));
  if (kind.data.predicateType !== predicateType) {
    throw invalid(`its predicate is "${kind.data.predicateType.slice(0, 100)}", not "${predicateType}"`);
  }
  return checkResources(readCurrent(json));
}

function readCurrent(json: unknown): Statement {
  const parsed = currentShape.safeParse(json);
  if (!parsed.success) throw invalidField(parsed.error);
  const { subject, predicate } = parsed.data;
  const { serialization } = predicate;
  const { method, shard_size: shardBytes } = serialization;
  if (method === "shards" && shardBytes === undefined) throw invalid('"shard_size" is missing');
  if (method === "files" && shardBytes !== undefined) throw invalid('"shard_size" has no place beside method "files"');
  const algorithm = knownAlgorithm(serialization.hash_type, shardBytes);
  const resources = predicate.resources.map(({ name, digest, algorithm: each }) => {
    if (knownAlgorithm(each, shardBytes) !== algorithm)
      throw invalid(`"${name.slice(0, 100)}" is hashed with another algorithm`);
    return { name, digest, algorithm };
  });
  const signedRoot = subject[0].digest.sha256;
  const sorted = resources.toSorted((a, b) => compareNames(a.name, b.name));
  if (rootDigest(resources) !== signedRoot && rootDigest(sorted) !== signedRoot) {
    throw invalid(`its root digest is ${signedRoot}, but the digests it lists make ${rootDigest(sorted)}`);
  }
  return {
    modelName: subject[0].name,
    rootDigest: signedRoot,
    resources,
    serialization: {
      method,
      hashType: algorithm,
      shardBytes,
      allowSymlinks: serialization.allow_symlinks,
      ignorePaths: serialization.ignore_paths ?? [],
    },
  };
}

/** Version 0.2 of model_signing put the files among the subjects and said nothing of how it found them. */
function readLegacy(json: unknown): Statement {
  const parsed = legacyShape.safeParse(json);
  if (!parsed.success) throw invalidField(parsed.error);
  const resources = parsed.data.subject.map(({ name, digest }) => ({
    name,
    digest: digest.sha256,
    algorithm: "sha256" as const,
  }));
  return {
    modelName: "model",
    rootDigest: rootDigest(resources),
    resources,
    serialization: {
      method: "files",
      hashType: "sha256",
      shardBytes: undefined,
      allowSymlinks: false,
      ignorePaths: [],
    },
  };
}

/** A signed path that leaves the model, is not canonical or comes twice is refused, whoever signed it. */
function checkResources(statement: Statement): Statement {
  const seen = new Set<string>();
  for (const { name, digest, algorithm } of statement.resources) {
    const path = statement.serialization.method === "shards" ? parseShardName(name)?.name : name;
    if (path === undefined) throw invalid(`"${name.slice(0, 100)}" does not name a shard as "path:start:end"`);
    if (path.split("/").includes("..")) throw invalid(`the signed path "${path.slice(0, 100)}" contains ".."`);
    if (path !== "." && !isCanonicalPath(path)) {
      throw invalid(`the signed path "${path.slice(0, 100)}" is not a plain path inside the model`);
    }
    if (digest.length !== (algorithm === "sha256" ? 64 : 128))
      throw invalid(`the digest of "${path}" has a wrong length`);
    if (seen.has(name)) throw invalid(`"${name.slice(0, 100)}" is listed twice`);
    seen.add(name);
  }
  return statement;
}

/**
 * The reference implementation names the hash of shards after their size: "sha256-sharded-1000000000". Source:
 * sigstore/model-transparency, `ShardedFileHasher.digest_name`.
 */
function knownAlgorithm(name: string, shardBytes: number | undefined): DigestAlgorithm {
  const [, plain, sharded] = /^(.+?)(?:-sharded-(\d+))?$/.exec(name) ?? [];
  if (sharded !== undefined && Number(sharded) !== shardBytes) {
    throw invalid(`it is hashed with "${name}", but its "shard_size" is ${shardBytes ?? "missing"}`);
  }
  if (plain === "sha256") return "sha256";
  if (plain === "blake2b" || plain === "blake2") return "blake2b";
  throw invalid(`it uses "${name}", which is not supported; sign it with sha256`);
}

function readJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch (cause) {
    throw invalid("it is not JSON", cause);
  }
}

function invalidField(error: z.ZodError): PeerError {
  const issue = error.issues[0];
  return invalid(`"${issue?.path.join(".") ?? ""}": ${issue?.message ?? "unreadable"}`);
}

function invalid(what: string, cause?: unknown): PeerError {
  return new PeerError("signature_invalid", `The signed statement can't be used: ${what}.`, {
    cause,
    hint: "Ask the producer to sign the model again.",
  });
}
