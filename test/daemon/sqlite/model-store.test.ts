import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openWriter } from "../../../daemon/sqlite/connection.ts";
import { Database } from "../../../daemon/sqlite/database.ts";
import { migrate, migrations } from "../../../daemon/sqlite/migrations.ts";
import { openModelStore } from "../../../daemon/sqlite/model-store.ts";
import { isPeerError } from "../../../src/errors.ts";
import { type AccountId, newId } from "../../../src/ids.ts";
import { manifestDigest, modelId, signedManifestJson, visibilities } from "../../../src/models/manifest.ts";
import type { ModelQuery, ModelStore, PublishedVersion } from "../../../src/models/model-store.ts";
import { generateSigningKey } from "../../../src/models/signing-key.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { testModel } from "../../worlds/published-model.ts";

let open: OpenDatabase;
let store: ModelStore;
const accountId: AccountId = newId("account");
const key = generateSigningKey("P-256");

beforeEach(async () => {
  open = await freshDatabase();
  store = openModelStore(open.database);
});
afterEach(() => open.close());

const bigints = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);

async function publish(version: string, publishedAt: number, more: object = {}, as = key) {
  const { signed } = await testModel({ key: as, manifest: { version, ...more } });
  return store.publish({ signed, accountId, publishedAt });
}

/** The only version there is, so many times more, with whatever else is said of them. */
function multiply(count: number, manifest = "manifest"): void {
  open.database.connection.exec(
    `WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ${count})
     INSERT INTO model_versions (name, version, account_id, published_at, visibility, file_digest, digest, search_text, manifest)
     SELECT name, '1.0.' || number, account_id, number, visibility, file_digest, number, search_text, ${manifest}
     FROM model_versions JOIN numbers`,
  );
}

const names = (models: readonly PublishedVersion[]) => models.map(({ manifest }) => modelId(manifest));

/** Every version, whoever may read it, a page at a time. */
const search = (words: readonly string[], limit: number, more: Partial<ModelQuery> = {}) =>
  store.search({ words, visibilities, accountId: null, isYankedToo: true, limit, after: null, ...more });
const found = async (words: readonly string[], limit: number) => names((await search(words, limit)).models);

describe("the catalogue", () => {
  it("keeps a model as it was published", async () => {
    const made = await publish("1.0.0", 5);
    expect(made).toMatchObject({ accountId, publishedAt: 5, yankedAt: undefined });
    expect(await store.find("acme/tiny", "1.0.0")).toEqual(made);
    expect(await store.find("acme/tiny", "1.0.1")).toBeUndefined();
    expect(await store.holding(made.manifest.digest)).toEqual([made]);
    expect(await store.holding("0".repeat(64))).toEqual([]);
  });

  it("hands out what was signed by itself, so that lists are not burdened with it", async () => {
    const { signed } = await testModel({ key });
    const made = await store.publish({ signed, accountId, publishedAt: 5 });
    expect(await store.signed("acme/tiny", "1.0.0")).toEqual(signed);
    expect(JSON.stringify(await store.find("acme/tiny", "1.0.0"), bigints)).not.toContain("dsseEnvelope");
    expect(made).toEqual(await store.find("acme/tiny", "1.0.0"));
    const [one, again] = [await store.find("acme/tiny", "1.0.0"), await store.holding(made.manifest.digest)];
    expect(again[0]?.manifest).toBe(one?.manifest);
    await expect(store.signed("acme/tiny", "1.0.1")).rejects.toMatchObject({ code: "not_found" });
  });

  it("finds what was published before versions had a table of their own", async () => {
    const first = (await testModel({ key })).signed;
    const second = (await testModel({ key, manifest: { version: "1.1.0", visibility: "private" } })).signed;
    const connection = openWriter(`${open.path}.before`);
    const before = migrations.findIndex(({ name }) => name === "model-versions");
    migrate(connection, migrations.slice(0, before));
    connection.prepare("INSERT INTO model_names VALUES ('acme/tiny', ?)").run(key.fingerprint);
    const insert = connection.prepare("INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, 'acme/tiny a tiny model.', ?)");
    for (const [signed, publishedAt, yankedAt] of [
      [second, 8, null],
      [first, 7, 9],
    ] as const) {
      const { name, version } = signed.manifest;
      const json = JSON.stringify(signedManifestJson(signed));
      insert.run(name, version, manifestDigest(signed.manifest), accountId, publishedAt, yankedAt, json);
    }
    migrate(connection);
    expect(connection.pragma("foreign_key_check")).toEqual([]);
    connection.close();
    const database = new Database(`${open.path}.before`);
    const kept = openModelStore(database);
    const models = [
      { manifest: first.manifest, accountId, publishedAt: 7, yankedAt: 9 },
      { manifest: second.manifest, accountId, publishedAt: 8, yankedAt: undefined },
    ];
    expect(await kept.versions("acme/tiny")).toMatchObject([{ yankedAt: 9 }, { manifest: { visibility: "private" } }]);
    expect(await kept.holding(first.manifest.digest)).toEqual(models);
    expect(await kept.signed("acme/tiny", "1.0.0")).toEqual(first);
    expect(await kept.signed("acme/tiny", "1.1.0")).toEqual(second);
    const query = { words: ["tiny"], visibilities: ["private" as const], accountId: null, isYankedToo: false };
    expect((await kept.search({ ...query, limit: 5, after: null })).models).toEqual(models.slice(1));
    database.close();
  });

  it("takes the same once more, and nothing else under the same version", async () => {
    const made = await publish("1.0.0", 5);
    expect(await publish("1.0.0", 9)).toEqual(made);
    await expect(publish("1.0.0", 9, { summary: "Other." })).rejects.toSatisfy((error) =>
      isPeerError(error, "conflict"),
    );
    expect(await store.versions("acme/tiny")).toHaveLength(1);
    expect(await store.find("acme/tiny", "1.0.0")).toEqual(made);
  });

  it("keeps a name for its first key", async () => {
    await publish("1.0.0", 5);
    await expect(publish("2.0.0", 6, {}, generateSigningKey("P-256"))).rejects.toSatisfy((error) =>
      isPeerError(error, "name_taken"),
    );
    await publish("2.0.0", 7);
    expect(names(await store.versions("acme/tiny"))).toEqual(["acme/tiny:1.0.0", "acme/tiny:2.0.0"]);
  });

  it("takes a thousand versions of a name, and what is among them once more", async () => {
    const made = await publish("1.0.0", 5);
    multiply(998);
    open.database.connection.exec("UPDATE model_versions SET file_digest = version WHERE version <> '1.0.0'");
    await publish("2.0.0", 6);
    await expect(publish("2.0.1", 7)).rejects.toMatchObject({ code: "insufficient_quota" });
    await publish("2.0.1", 7, { name: "acme/tiny-too" });
    expect(await publish("1.0.0", 8)).toEqual(made);
  });

  it("takes of one file half as many from one account, and another's all the same", async () => {
    await publish("1.0.0", 5);
    multiply(499);
    await expect(publish("2.0.0", 6)).rejects.toMatchObject({ code: "insufficient_quota" });
    const { signed } = await testModel({ key: generateSigningKey("P-256"), manifest: { name: "bob/tiny" } });
    await store.publish({ signed, accountId: newId("account"), publishedAt: 7 });
    await expect(publish("2.0.0", 8, { name: "acme/tiny-too" })).rejects.toMatchObject({ code: "insufficient_quota" });
  });

  it("tells the versions of a name without reading what is signed of each", async () => {
    const { manifest } = await publish("1.0.0", 5);
    multiply(3, "'unread'");
    expect(names(await store.versions("acme/tiny"))).toEqual(
      ["1.0.0", "1.0.1", "1.0.2", "1.0.3"].map((version) => `acme/tiny:${version}`),
    );
    expect((await store.find("acme/tiny", "1.0.0"))?.manifest).toEqual(manifest);
  });

  it("keeps what it read while it reads more than it keeps", async () => {
    await publish("1.0.0", 5);
    multiply(10_000);
    const { models } = await search([], 10_001);
    const again = await store.find("acme/tiny", "1.0.1");
    expect(again?.manifest).toBe(models[9_999]?.manifest);
  });

  it("finds what holds every word, in any case, newest first", async () => {
    await publish("1.0.0", 5, { summary: "A Tiny talker, 100%_sure." });
    await publish("1.0.0", 6, { name: "acme/large", summary: "A large talker." });
    expect(await found([], 10)).toEqual(["acme/large:1.0.0", "acme/tiny:1.0.0"]);
    expect(await found(["TALKER", "tiny"], 10)).toEqual(["acme/tiny:1.0.0"]);
    expect(await found(["100%_"], 10)).toEqual(["acme/tiny:1.0.0"]);
    expect(await found(["%"], 1)).toEqual(["acme/tiny:1.0.0"]);
    expect(await found([], 1)).toEqual(["acme/large:1.0.0"]);
    expect(await search(["nothing"], 10)).toEqual({ models: [], next: null });
  });

  it("finds what one may read, and leaves out what was withdrawn, before it counts", async () => {
    await publish("1.0.0", 5);
    for (const version of ["1.0.1", "1.0.2", "1.0.3"]) await publish(version, 6, { visibility: "local" });
    await publish("1.0.4", 7);
    await store.yank("acme/tiny", "1.0.4", 8);
    const query = { visibilities: ["global" as const], isYankedToo: false };
    expect(names((await search([], 2, query)).models)).toEqual(["acme/tiny:1.0.0"]);
    const own = await search([], 3, { visibilities: [], accountId });
    expect(names(own.models)).toEqual(["acme/tiny:1.0.4", "acme/tiny:1.0.3", "acme/tiny:1.0.2"]);
    const rest = await search([], 3, { visibilities: [], accountId, after: own.next });
    expect(rest).toMatchObject({ models: [{}, {}], next: null });
    expect(names(rest.models)).toEqual(["acme/tiny:1.0.1", "acme/tiny:1.0.0"]);
  });

  it("withdraws a version once and for good", async () => {
    await publish("1.0.0", 5);
    expect(await store.yank("acme/tiny", "1.0.0", 8)).toMatchObject({ yankedAt: 8 });
    expect(await store.yank("acme/tiny", "1.0.0", 9)).toMatchObject({ yankedAt: 8 });
    expect(await publish("1.0.0", 10)).toMatchObject({ yankedAt: 8 });
    await expect(store.yank("acme/other", "1.0.0", 9)).rejects.toSatisfy((error) => isPeerError(error, "not_found"));
  });
});
