import type { Migration } from "./migration.ts";

/** What is listed and what a search looks at, apart from the signatures of all the shards. */
export const modelVersionsSchema: Migration = {
  name: "model-versions",
  sql: `
    CREATE TABLE model_versions (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL REFERENCES model_names(name),
      version TEXT NOT NULL,
      account_id TEXT NOT NULL,
      published_at INTEGER NOT NULL,
      yanked_at INTEGER,
      visibility TEXT NOT NULL,
      file_digest TEXT NOT NULL,
      digest TEXT NOT NULL,
      search_text TEXT NOT NULL,
      manifest TEXT NOT NULL,
      UNIQUE (name, version)
    ) STRICT;
    CREATE TABLE model_signatures (
      model_id INTEGER PRIMARY KEY REFERENCES model_versions(id),
      bundle TEXT NOT NULL,
      seal TEXT NOT NULL
    ) STRICT;

    INSERT INTO model_versions (name, version, account_id, published_at, yanked_at, visibility, file_digest, digest,
      search_text, manifest)
    SELECT name, version, account_id, published_at, yanked_at, signed_manifest ->> '$.manifest.visibility',
      signed_manifest ->> '$.manifest.digest', digest, search_text, signed_manifest -> '$.manifest'
    FROM models ORDER BY published_at, rowid;
    INSERT INTO model_signatures (model_id, bundle, seal)
    SELECT model_versions.id, signed_manifest -> '$.bundle', signed_manifest ->> '$.seal'
    FROM models JOIN model_versions USING (name, version);
    DROP TABLE models;

    CREATE INDEX model_versions_by_file ON model_versions(file_digest);
  `,
};
