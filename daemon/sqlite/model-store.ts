import type { Millis } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { AccountId } from "../../src/ids.ts";
import {
  manifestDigest,
  modelId,
  producerOf,
  readSignedManifest,
  type SignedManifest,
  signedManifestJson,
} from "../../src/models/manifest.ts";
import type { ModelStore, PublishedModel } from "../../src/models/model-store.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";

interface ModelRow {
  readonly digest: string;
  readonly account_id: AccountId;
  readonly published_at: bigint;
  readonly yanked_at: bigint | null;
  readonly signed_manifest: string;
}

/** The catalogue of models on SQLite. */
export function openModelStore(database: Database): ModelStore {
  const { connection } = database;
  const claimName: Statement<[string, string]> = connection.prepare(
    "INSERT INTO model_names (name, producer) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  const selectOwner: Statement<[string], { producer: string }> = connection.prepare(
    "SELECT producer FROM model_names WHERE name = ?",
  );
  const insert: Statement<[string, string, string, AccountId, bigint, string, string]> = connection.prepare(
    `INSERT INTO models (name, version, digest, account_id, published_at, search_text, signed_manifest)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const select: Statement<[string, string], ModelRow> = connection.prepare(
    "SELECT * FROM models WHERE name = ? AND version = ?",
  );
  const selectVersions: Statement<[string], ModelRow> = connection.prepare(
    "SELECT * FROM models WHERE name = ? ORDER BY published_at, rowid",
  );
  const selectHolding: Statement<[string], ModelRow> = connection.prepare(
    "SELECT * FROM models WHERE json_extract(signed_manifest, '$.manifest.digest') = ? ORDER BY published_at, rowid",
  );
  const selectMatching: Statement<[string, bigint], ModelRow> = connection.prepare(
    `SELECT * FROM models WHERE NOT EXISTS (SELECT 1 FROM json_each(?) WHERE instr(search_text, value) = 0)
     ORDER BY published_at DESC, rowid DESC LIMIT ?`,
  );
  const markYanked: Statement<[bigint, string, string]> = connection.prepare(
    "UPDATE models SET yanked_at = coalesce(yanked_at, ?) WHERE name = ? AND version = ?",
  );

  function find(name: string, version: string): PublishedModel | undefined {
    const row = select.get(name, version);
    return row === undefined ? undefined : modelOf(row);
  }

  function publish({ signed, accountId, publishedAt }: Omit<PublishedModel, "yankedAt">): PublishedModel {
    const { manifest } = signed;
    claimName.run(manifest.name, producerOf(manifest));
    if (selectOwner.get(manifest.name)?.producer !== producerOf(manifest)) {
      throw new PeerError("name_taken", `The name "${manifest.name}" belongs to the key that first published it.`, {
        hint: "Publish under another name, or with that key.",
      });
    }
    const known = find(manifest.name, manifest.version);
    if (known === undefined) {
      const text = searchText(signed);
      const json = JSON.stringify(signedManifestJson(signed));
      const digest = manifestDigest(manifest);
      insert.run(manifest.name, manifest.version, digest, accountId, BigInt(publishedAt), text, json);
      return { signed, accountId, publishedAt, yankedAt: undefined };
    }
    if (manifestDigest(known.signed.manifest) === manifestDigest(manifest)) return known;
    throw new PeerError("conflict", `${modelId(manifest)} was published with other content; a version never changes.`, {
      hint: "Publish it as a new version.",
    });
  }

  function yank(name: string, version: string, at: Millis): PublishedModel {
    markYanked.run(BigInt(at), name, version);
    const model = find(name, version);
    if (model === undefined) throw new PeerError("not_found", `There is no model ${name}:${version} on this network.`);
    return model;
  }

  return {
    publish: (model) => database.durably(() => publish(model)),
    find: async (name, version) => find(name, version),
    versions: async (name) => selectVersions.all(name).map(modelOf),
    holding: async (fileDigest) => selectHolding.all(fileDigest).map(modelOf),
    search: async (words, limit) => {
      const lowered = JSON.stringify(words.map((word) => word.toLowerCase()));
      return selectMatching.all(lowered, BigInt(limit)).map(modelOf);
    },
    yank: (name, version, at) => database.durably(() => yank(name, version, at)),
  };
}

function searchText({ manifest }: SignedManifest): string {
  return `${manifest.name}\n${manifest.summary}`.toLowerCase();
}

function modelOf(row: ModelRow): PublishedModel {
  return {
    signed: readSignedManifest(JSON.parse(row.signed_manifest)),
    accountId: row.account_id,
    publishedAt: Number(row.published_at),
    yankedAt: row.yanked_at === null ? undefined : Number(row.yanked_at),
  };
}
