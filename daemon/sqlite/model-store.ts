import { PeerError } from "../../src/errors.ts";
import type { AccountId } from "../../src/ids.ts";
import {
  type ModelManifest,
  manifestDigest,
  manifestJson,
  modelId,
  producerOf,
  readManifest,
  readSignedManifest,
  type SignedManifest,
  type Visibility,
} from "../../src/models/manifest.ts";
import {
  type ModelPage,
  type ModelQuery,
  type ModelStore,
  type PublishedModel,
  type PublishedVersion,
  versionsMax,
} from "../../src/models/model-store.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";

interface VersionRow {
  readonly name: string;
  readonly version: string;
  readonly visibility: Visibility;
  readonly account_id: AccountId;
  readonly yanked_at: bigint | null;
}

interface ModelRow extends VersionRow {
  readonly id: bigint;
  /** Of the manifest. */
  readonly digest: string;
  readonly published_at: bigint;
  readonly manifest: string;
}

interface SignatureRow {
  readonly manifest: string;
  readonly bundle: string;
  readonly seal: string;
}

const manifestsKeptMax = 10_000;

/** The catalogue of models on SQLite. */
export function openModelStore(database: Database): ModelStore {
  const { connection } = database;
  const claimName: Statement<[string, string]> = connection.prepare(
    "INSERT INTO model_names (name, producer) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  const selectOwner: Statement<[string], { producer: string }> = connection.prepare(
    "SELECT producer FROM model_names WHERE name = ?",
  );
  const insert: Statement<[NewRow]> = connection.prepare(
    `INSERT INTO model_versions
       (name, version, account_id, published_at, visibility, file_digest, digest, search_text, manifest)
     VALUES ($name, $version, $account, $at, $visibility, $file, $digest, $text, $manifest)`,
  );
  const insertSignature: Statement<[bigint, string, string]> = connection.prepare(
    "INSERT INTO model_signatures (model_id, bundle, seal) VALUES (?, ?, ?)",
  );
  const select: Statement<[string, string], ModelRow> = connection.prepare(
    "SELECT * FROM model_versions WHERE name = ? AND version = ?",
  );
  const selectSigned: Statement<[string, string], SignatureRow> = connection.prepare(
    `SELECT manifest, bundle, seal FROM model_versions JOIN model_signatures ON model_id = id
     WHERE name = ? AND version = ?`,
  );
  const selectVersions: Statement<[string], VersionRow> = connection.prepare(
    "SELECT name, version, visibility, account_id, yanked_at FROM model_versions WHERE name = ? ORDER BY id",
  );
  const countNamed: Statement<[string], bigint> = connection
    .prepare<[string], bigint>("SELECT count(*) FROM model_versions WHERE name = ?")
    .pluck();
  const countHoldingOwnTwice: Statement<[AccountId, string], bigint> = connection
    .prepare<[AccountId, string], bigint>(
      "SELECT count(*) + coalesce(sum(account_id = ?), 0) FROM model_versions WHERE file_digest = ?",
    )
    .pluck();
  const selectHolding: Statement<[string], ModelRow> = connection.prepare(
    "SELECT * FROM model_versions WHERE file_digest = ? ORDER BY id",
  );
  const selectMatching: Statement<[SearchParameters], ModelRow> = connection.prepare(
    `SELECT * FROM model_versions
     WHERE (account_id = $account OR visibility IN (SELECT value FROM json_each($visibilities)))
       AND ($isYankedToo OR yanked_at IS NULL) AND id < $before
       AND NOT EXISTS (SELECT 1 FROM json_each($words) WHERE instr(search_text, value) = 0)
     ORDER BY id DESC LIMIT $limit`,
  );
  const markYanked: Statement<[bigint, string, string]> = connection.prepare(
    "UPDATE model_versions SET yanked_at = coalesce(yanked_at, ?) WHERE name = ? AND version = ?",
  );

  // What was published never changes: it is read once, and not again for every request that names it.
  const manifests = new Map<string, ModelManifest>();

  function manifestOf({ digest, manifest: json }: ModelRow): ModelManifest {
    const known = manifests.get(digest);
    if (known !== undefined) return known;
    const manifest = readManifest(JSON.parse(json));
    const [oldest] = manifests.keys();
    if (manifests.size >= manifestsKeptMax && oldest !== undefined) manifests.delete(oldest);
    manifests.set(digest, manifest);
    return manifest;
  }

  function modelOf(row: ModelRow): PublishedModel {
    return { ...versionOf(row), manifest: manifestOf(row), publishedAt: Number(row.published_at) };
  }

  function find(name: string, version: string): PublishedModel | undefined {
    const row = select.get(name, version);
    return row === undefined ? undefined : modelOf(row);
  }

  function check(manifest: ModelManifest, accountId: AccountId): PublishedModel | undefined {
    const { name, version } = manifest;
    const owner = selectOwner.get(name)?.producer;
    if (owner !== undefined && owner !== producerOf(manifest)) {
      throw new PeerError("name_taken", `The name "${name}" belongs to the key that first published it.`, {
        hint: "Publish under another name, or with that key.",
      });
    }
    const known = find(name, version);
    if (known === undefined) requireFew(manifest, accountId);
    if (known === undefined || manifestDigest(known.manifest) === manifestDigest(manifest)) return known;
    throw new PeerError("conflict", `${modelId(manifest)} was published with other content; a version never changes.`, {
      hint: "Publish it as a new version.",
    });
  }

  function requireFew({ name, digest }: ModelManifest, accountId: AccountId): void {
    if (Number(countNamed.get(name)) >= versionsMax) {
      throw new PeerError("insufficient_quota", `"${name}" has ${versionsMax} versions, and may have no more.`, {
        hint: "Go on under another name.",
      });
    }
    if (Number(countHoldingOwnTwice.get(accountId, digest)) < versionsMax) return;
    throw new PeerError("insufficient_quota", `The file ${digest} is published under as many names as it may be.`, {
      hint: "Use it under one of those, or publish another file.",
    });
  }

  function publish({ signed, accountId, publishedAt }: Parameters<ModelStore["publish"]>[0]): PublishedModel {
    const { manifest, bundle, seal } = signed;
    const known = check(manifest, accountId);
    if (known !== undefined) return known;
    const { name, version, visibility } = manifest;
    claimName.run(name, producerOf(manifest));
    const { lastInsertRowid } = insert.run({
      name,
      version,
      account: accountId,
      at: BigInt(publishedAt),
      visibility,
      file: manifest.digest,
      digest: manifestDigest(manifest),
      text: searchText(manifest),
      manifest: JSON.stringify(manifestJson(manifest)),
    });
    insertSignature.run(BigInt(lastInsertRowid), JSON.stringify(bundle), seal);
    return { manifest, accountId, publishedAt, yankedAt: undefined };
  }

  function signed(name: string, version: string): SignedManifest {
    const row = selectSigned.get(name, version);
    if (row === undefined) throw missing(name, version);
    const { manifest, bundle, seal } = row;
    return readSignedManifest({ manifest: JSON.parse(manifest), bundle: JSON.parse(bundle), seal });
  }

  function search(query: ModelQuery): ModelPage {
    const rows = selectMatching.all(parametersOf(query));
    const last = rows.at(-1);
    const next = rows.length < query.limit || last === undefined ? null : Number(last.id);
    return { models: rows.map(modelOf), next };
  }

  function yank(name: string, version: string, at: number): PublishedModel {
    markYanked.run(BigInt(at), name, version);
    const model = find(name, version);
    if (model === undefined) throw missing(name, version);
    return model;
  }

  return {
    publish: (publication) => database.durably(() => publish(publication)),
    check: async (manifest, accountId) => check(manifest, accountId),
    find: async (name, version) => find(name, version),
    signed: async (name, version) => signed(name, version),
    versions: async (name) => selectVersions.all(name).map(versionOf),
    holding: async (fileDigest) => selectHolding.all(fileDigest).map(modelOf),
    search: async (query) => search(query),
    yank: (name, version, at) => database.durably(() => yank(name, version, at)),
  };
}

function versionOf({ name, version, visibility, account_id, yanked_at }: VersionRow): PublishedVersion {
  return {
    manifest: { name, version, visibility },
    accountId: account_id,
    yankedAt: yanked_at === null ? undefined : Number(yanked_at),
  };
}

interface NewRow {
  readonly [column: string]: string | bigint;
}

interface SearchParameters {
  readonly account: string;
  readonly visibilities: string;
  readonly isYankedToo: bigint;
  readonly words: string;
  readonly before: bigint;
  readonly limit: bigint;
}

function parametersOf({ accountId, visibilities, isYankedToo, words, after, limit }: ModelQuery): SearchParameters {
  return {
    account: accountId ?? "",
    visibilities: JSON.stringify(visibilities),
    isYankedToo: isYankedToo ? 1n : 0n,
    words: JSON.stringify(words.map((word) => word.toLowerCase())),
    before: BigInt(after ?? Number.MAX_SAFE_INTEGER),
    limit: BigInt(limit),
  };
}

function searchText({ name, summary }: ModelManifest): string {
  return `${name}\n${summary}`.toLowerCase();
}

function missing(name: string, version: string): PeerError {
  return new PeerError("not_found", `There is no model ${name}:${version} on this network.`);
}
