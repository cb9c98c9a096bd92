import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NetworkCatalogue } from "../../../daemon/orchestrator/catalogue.ts";
import { openModelStore } from "../../../daemon/sqlite/model-store.ts";
import { systemClock } from "../../../src/clock.ts";
import { generateKeyPair } from "../../../src/identity/key.ts";
import { type AccountId, newId } from "../../../src/ids.ts";
import { modelId, type Visibility } from "../../../src/models/manifest.ts";
import type { ModelStore } from "../../../src/models/model-store.ts";
import { generateSigningKey } from "../../../src/models/signing-key.ts";
import type { HostLink, Hosts } from "../../../src/pipeline/ports.ts";
import { tokensMax } from "../../../src/protocol/frame.ts";
import { hostIdOf } from "../../../src/protocol/handshake.ts";
import { HostPool } from "../../../src/scheduling/pool.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { testModel } from "../../worlds/published-model.ts";

const producer: AccountId = newId("account");
const member: AccountId = newId("account");
const key = generateSigningKey("P-256");

/** Some kept local, some published and withdrawn. */
const hoarded = (index: number): Visibility => (index % 3 === 0 ? "global" : "local");
/** Of one file an account publishes only so many. */
const fileOf = (index: number) => String(index).padStart(64, "0");

describe("a network's catalogue", () => {
  let open: OpenDatabase;
  let models: ModelStore;
  let hosts: Hosts;

  beforeEach(async () => {
    open = await freshDatabase();
    models = openModelStore(open.database);
    hosts = new HostPool<HostLink>({ clock: systemClock, queueMax: 1 });
  });
  afterEach(() => open.close());

  const catalogue = (isPrivate = false) =>
    new NetworkCatalogue({ models, hosts, isPrivate, blobFile: (digest) => `/blobs/${digest}` });

  async function publish(name: string, version: string, visibility: Visibility = "global", seed = 1) {
    const { signed } = await testModel({ key, file: { seed }, manifest: { name, version, visibility } });
    return models.publish({ signed, accountId: producer, publishedAt: Date.now() });
  }

  function serve(digest: string, contextLength: number, owner = "o"): void {
    const { publicKey } = generateKeyPair();
    hosts.join({
      hostId: hostIdOf(publicKey),
      accountId: member,
      publicKey,
      owner,
      isAccepting: true,
      offerOf: (wanted) =>
        wanted === `sha256:${digest}`
          ? {
              model: "m",
              digest: wanted,
              contextLength,
              sequences: 1,
              reportsTokens: true,
              prefillTokensPerSecond: 1,
              decodeTokensPerSecond: 1,
            }
          : undefined,
      run: () => {
        throw new Error("never asked to run");
      },
    });
  }

  it.each<[Visibility, boolean, Record<"producer" | "member" | "stranger", boolean>]>([
    ["global", false, { producer: true, member: true, stranger: true }],
    ["private", false, { producer: true, member: false, stranger: false }],
    ["local", false, { producer: true, member: false, stranger: false }],
    ["global", true, { producer: true, member: true, stranger: false }],
    ["private", true, { producer: true, member: true, stranger: false }],
    ["local", true, { producer: true, member: false, stranger: false }],
  ])("shows a %s model, in a private network %s, to %j", async (visibility, isPrivate, readers) => {
    const model = await publish("acme/tiny", "1.0.0", visibility);
    const asked = catalogue(isPrivate);
    const seen = {
      producer: asked.mayRead(model, producer),
      member: asked.mayRead(model, member),
      stranger: asked.mayRead(model, null),
    };
    expect(seen).toEqual(readers);
    expect((await asked.list(member)).models).toHaveLength(readers.member ? 1 : 0);
    expect((await asked.list(null)).models).toHaveLength(readers.stranger ? 1 : 0);
    expect((await asked.list(producer)).models).toHaveLength(1);
    const found = asked.resolve("acme/tiny", { accountId: member }).then(({ reference }) => reference);
    if (readers.member) expect(await found).toBe("acme/tiny:1.0.0");
    else await expect(found).rejects.toMatchObject({ code: "model_missing", parameter: "model" });
  });

  it.each([
    ["acme/tiny", "1.10.0"],
    ["acme/tiny:1", "1.10.0"],
    ["acme/tiny:1.2", "1.2.5"],
    ["acme/tiny:1.2.0", "1.2.0"],
    ["acme/tiny:2.0.0-beta.1", "2.0.0-beta.1"],
  ])("reads %s as version %s: numbers, not letters, and no prerelease unless named", async (asked, version) => {
    for (const each of ["1.2.0", "1.10.0", "1.2.5", "1.9.9", "2.0.0-beta.1"]) await publish("acme/tiny", each);
    expect((await catalogue().find(asked, member)).manifest.version).toBe(version);
  });

  it("no longer chooses or lists a withdrawn version, but serves it to those who name it", async () => {
    await publish("acme/tiny", "1.0.0");
    await publish("acme/tiny", "1.1.0");
    await models.yank("acme/tiny", "1.1.0", Date.now());
    const asked = catalogue();
    expect((await asked.find("acme/tiny", member)).manifest.version).toBe("1.0.0");
    expect((await asked.find("acme/tiny:1.1.0", member)).manifest.version).toBe("1.1.0");
    expect((await asked.listings(member)).map(({ id }) => id)).toEqual(["acme/tiny:1.0.0"]);
    expect(await asked.listAll()).toHaveLength(2);
  });

  it.each(["acme/none", "acme/tiny:9", "gpt-4o", "", "../../etc/passwd", "x".repeat(5_000)])(
    'says what there is where "%s" is asked for',
    async (asked) => {
      await publish("acme/tiny", "1.0.0");
      const refusal = { code: "model_missing", message: expect.stringContaining("There is acme/tiny:1.0.0.") };
      await expect(catalogue().resolve(asked, { accountId: member })).rejects.toMatchObject(refusal);
    },
  );

  it("offers the context that most owners serve a model with: a few can neither shorten nor boast it", async () => {
    const { manifest } = await publish("acme/tiny", "1.0.0");
    const { digest, facts } = manifest;
    const asked = catalogue();
    const resolved = () => asked.resolve("acme/tiny", { accountId: member });
    expect(await resolved()).toMatchObject({ contextLength: facts.contextLength, file: `/blobs/${digest}`, producer });
    serve("00", 1);
    serve(digest, 200);
    expect((await resolved()).contextLength).toBe(200);
    serve(digest, 1);
    serve(digest, 1, "stranger");
    expect((await resolved()).contextLength, "beside one who has next to none").toBe(200);
    serve(digest, 9_999_999, "boaster");
    expect((await resolved()).contextLength, "beside one who boasts").toBe(200);
    serve(digest, 9_999_999, "other boaster");
    expect((await resolved()).contextLength, "no more than the model has").toBe(facts.contextLength);
  });

  it("offers no longer context than frames carry, though nobody serves the model yet", async () => {
    const { signed } = await testModel({ key, file: { contextLength: 262_144 } });
    await models.publish({ signed, accountId: producer, publishedAt: Date.now() });
    expect(await catalogue().resolve("acme/tiny", { accountId: member })).toMatchObject({ contextLength: tokensMax });
  });

  it("lists those with most hosts first", async () => {
    const [, busy] = [await publish("acme/idle", "1.0.0"), await publish("acme/busy", "1.0.0", "global", 2)];
    serve(busy.manifest.digest, 256);
    const { models: listed } = await catalogue().list(member);
    expect(listed.map(({ manifest }) => modelId(manifest))).toEqual(["acme/busy:1.0.0", "acme/idle:1.0.0"]);
  });

  it("is not hidden by what others keep to themselves, or have withdrawn", async () => {
    await publish("acme/tiny", "1.0.0");
    const hoard = await testModel({ key, manifest: { name: "acme/hoard", visibility: "local" } });
    for (let patch = 0; patch < 600; patch++) {
      const manifest = {
        ...hoard.signed.manifest,
        version: `1.0.${patch}`,
        visibility: hoarded(patch),
        digest: fileOf(patch),
      };
      await models.publish({ signed: { ...hoard.signed, manifest }, accountId: producer, publishedAt: Date.now() });
      if (manifest.visibility === "global") await models.yank(manifest.name, manifest.version, Date.now());
    }
    expect((await catalogue().listings(member)).map(({ id }) => id)).toEqual(["acme/tiny:1.0.0"]);
  });

  it("is told page by page", async () => {
    const { signed } = await testModel({ key });
    for (let patch = 0; patch < 501; patch++) {
      const manifest = { ...signed.manifest, version: `1.0.${patch}`, digest: fileOf(patch) };
      await models.publish({ signed: { ...signed, manifest }, accountId: producer, publishedAt: Date.now() });
    }
    const first = await catalogue().list(member);
    const second = await catalogue().list(member, [], first.next);
    expect([first.models.length, second.models.map(({ manifest }) => manifest.version), second.next]).toEqual([
      500,
      ["1.0.0"],
      null,
    ]);
    expect(await catalogue().listings(member)).toHaveLength(501);
  });
});
