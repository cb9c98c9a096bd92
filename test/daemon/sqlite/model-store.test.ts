import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openModelStore } from "../../../daemon/sqlite/model-store.ts";
import { isPeerError } from "../../../src/errors.ts";
import { type AccountId, newId } from "../../../src/ids.ts";
import { modelId } from "../../../src/models/manifest.ts";
import type { ModelStore } from "../../../src/models/model-store.ts";
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

async function publish(version: string, publishedAt: number, more: object = {}, as = key) {
  const { signed } = await testModel({ key: as, manifest: { version, ...more } });
  return store.publish({ signed, accountId, publishedAt });
}

const names = (models: readonly { signed: Parameters<typeof name>[0] }[]) => models.map(({ signed }) => name(signed));
const name = ({ manifest }: { manifest: { name: string; version: string } }) => modelId(manifest);

describe("the catalogue", () => {
  it("keeps a model as it was published", async () => {
    const made = await publish("1.0.0", 5);
    expect(made).toMatchObject({ accountId, publishedAt: 5, yankedAt: undefined });
    expect(await store.find("acme/tiny", "1.0.0")).toEqual(made);
    expect(await store.find("acme/tiny", "1.0.1")).toBeUndefined();
    expect(await store.holding(made.signed.manifest.digest)).toEqual([made]);
    expect(await store.holding("0".repeat(64))).toEqual([]);
  });

  it("takes the same once more, and nothing else under the same version", async () => {
    const made = await publish("1.0.0", 5);
    expect(await publish("1.0.0", 9)).toEqual(made);
    await expect(publish("1.0.0", 9, { summary: "Other." })).rejects.toSatisfy((error) =>
      isPeerError(error, "conflict"),
    );
    expect(await store.versions("acme/tiny")).toEqual([made]);
  });

  it("keeps a name for its first key", async () => {
    await publish("1.0.0", 5);
    await expect(publish("2.0.0", 6, {}, generateSigningKey("P-256"))).rejects.toSatisfy((error) =>
      isPeerError(error, "name_taken"),
    );
    await publish("2.0.0", 7);
    expect(names(await store.versions("acme/tiny"))).toEqual(["acme/tiny:1.0.0", "acme/tiny:2.0.0"]);
  });

  it("finds what holds every word, in any case, newest first", async () => {
    await publish("1.0.0", 5, { summary: "A Tiny talker, 100%_sure." });
    await publish("1.0.0", 6, { name: "acme/large", summary: "A large talker." });
    expect(names(await store.search([], 10))).toEqual(["acme/large:1.0.0", "acme/tiny:1.0.0"]);
    expect(names(await store.search(["TALKER", "tiny"], 10))).toEqual(["acme/tiny:1.0.0"]);
    expect(names(await store.search(["100%_"], 10))).toEqual(["acme/tiny:1.0.0"]);
    expect(names(await store.search(["%"], 1))).toEqual(["acme/tiny:1.0.0"]);
    expect(names(await store.search([], 1))).toEqual(["acme/large:1.0.0"]);
    expect(await store.search(["nothing"], 10)).toEqual([]);
  });

  it("withdraws a version once and for good", async () => {
    await publish("1.0.0", 5);
    expect(await store.yank("acme/tiny", "1.0.0", 8)).toMatchObject({ yankedAt: 8 });
    expect(await store.yank("acme/tiny", "1.0.0", 9)).toMatchObject({ yankedAt: 8 });
    expect(await publish("1.0.0", 10)).toMatchObject({ yankedAt: 8 });
    await expect(store.yank("acme/other", "1.0.0", 9)).rejects.toSatisfy((error) => isPeerError(error, "not_found"));
  });
});
