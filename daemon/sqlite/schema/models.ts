import type { Migration } from "./migration.ts";

export const modelsSchema: Migration = {
  name: "models",
  sql: `
    CREATE TABLE model_names (
      name TEXT PRIMARY KEY,
      producer TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE models (
      name TEXT NOT NULL REFERENCES model_names(name),
      version TEXT NOT NULL,
      digest TEXT NOT NULL,
      account_id TEXT NOT NULL,
      published_at INTEGER NOT NULL,
      yanked_at INTEGER,
      search_text TEXT NOT NULL,
      signed_manifest TEXT NOT NULL,
      PRIMARY KEY (name, version)
    ) STRICT;
    CREATE INDEX models_by_publication ON models(published_at);
    CREATE INDEX models_by_file ON models(json_extract(signed_manifest, '$.manifest.digest'));
  `,
};
