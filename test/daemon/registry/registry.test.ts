import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, statfs, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { Agent, type ClientRequest, createServer, request } from "node:http";
import { got } from "got";
import { afterEach, describe, expect, it } from "vitest";
import { createHttpServer } from "../../../daemon/http/server.ts";
import { probeModel } from "../../../daemon/llama/probe.ts";
import { openBlobs } from "../../../daemon/registry/blobs.ts";
import { createPublisher, type Publisher, type PublisherOptions } from "../../../daemon/registry/publication.ts";
import { createRegistry, type RegistryOptions } from "../../../daemon/registry/registry.ts";
import { openUploads } from "../../../daemon/registry/uploads.ts";
import { openModelStore } from "../../../daemon/sqlite/model-store.ts";
import { type ByteSource, httpSource } from "../../../src/client/byte-source.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { PeerError } from "../../../src/errors.ts";
import { type AccountId, newId } from "../../../src/ids.ts";
import { silentLog } from "../../../src/log.ts";
import { preAuthenticationEncoding, writeBundle } from "../../../src/models/bundle.ts";
import { sha256Hex } from "../../../src/models/digest.ts";
import { modelId, sealManifest, sealYank, signedManifestJson } from "../../../src/models/manifest.ts";
import type { ModelStore } from "../../../src/models/model-store.ts";
import { signModel } from "../../../src/models/signature.ts";
import { generateSigningKey, type SigningKey, signBytes } from "../../../src/models/signing-key.ts";
import { freshDatabase } from "../../worlds/database.ts";
import { deferred } from "../../worlds/deferred.ts";
import { fileServer, type Mischief } from "../../worlds/file-server.ts";
import { type Folder, temporaryFolder } from "../../worlds/model-folder.ts";
import { type TestModel, testModel } from "../../worlds/published-model.ts";

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const alice: AccountId = newId("account");
const bob: AccountId = newId("account");

/** Most of these models are a header and noise, which no engine would open. */
const acceptAll: RegistryOptions["probe"] = async () => {};

/** A registry where an account's id is its key. */
async function registryWorld(options: Partial<RegistryOptions> = {}) {
  const folder = await temporaryFolder();
  open.push({ close: folder.remove });
  const { database, close } = await freshDatabase();
  open.push({ close });
  const store = openModelStore(database);
  const accountOf: RegistryOptions["accountOf"] = async ({ headers }) =>
    [alice, bob].find((id) => headers.authorization === `Bearer ${id}`) ?? null;
  const registry = createRegistry({
    networkId: "network",
    directory: folder.path,
    store,
    clock: systemClock,
    log: silentLog,
    accountOf,
    producerOf: async (request) => {
      const id = await accountOf(request);
      if (id === null) throw new PeerError("authentication_failed", "No such key.");
      return id;
    },
    requireClaim: async () => {},
    requireLicence: async () => {},
    probe: acceptAll,
    mayRead: ({ manifest, accountId }, reader) => manifest.visibility === "global" || accountId === reader,
    ...options,
  });
  open.push(registry);
  const server = await createHttpServer({
    address: "127.0.0.1",
    port: 0,
    allowedHosts: [],
    allowedOrigins: [],
    routes: registry.routes,
    log: silentLog,
  });
  open.push(server);

  async function call(method: "GET" | "HEAD" | "PUT" | "PATCH" | "POST", path: string, given: Given = {}) {
    const { as = alice, headers = {}, json, body, agent } = given;
    const response = await got(`${server.url}/api/v1/registry/${path}`, {
      method,
      throwHttpErrors: false,
      retry: { limit: 0 },
      responseType: "buffer",
      headers: { ...(as === null ? {} : { authorization: `Bearer ${as}` }), ...headers },
      ...(json === undefined ? {} : { json }),
      ...(body === undefined ? {} : { body }),
      ...(agent === undefined ? {} : { agent: { http: agent } }),
    });
    const text = response.rawBody.toString();
    const isJson = response.headers["content-type"]?.startsWith("application/json") === true;
    return {
      status: response.statusCode,
      headers: response.headers,
      bytes: response.rawBody,
      json: isJson ? JSON.parse(text) : null,
    };
  }

  const upload = (model: TestModel, offset = 0, end = model.bytes.length, as: AccountId = alice) =>
    call("PATCH", `uploads/${model.signed.manifest.digest}`, {
      as,
      headers: { "upload-offset": String(offset) },
      body: model.bytes.subarray(offset, end),
    });
  const publish = ({ signed }: Pick<TestModel, "signed">, as: AccountId | null = alice) => {
    const { name, version } = signed.manifest;
    return call("PUT", `models/${name}/${version}`, { as, json: signedManifestJson(signed) });
  };
  const blob = ({ signed: { manifest } }: Pick<TestModel, "signed">) => {
    const { digest } = manifest;
    return folder.file(`blobs/${digest.slice(0, 2)}/${digest}.gguf`);
  };
  return { folder, store, url: server.url, call, upload, publish, blob };
}

/** A publisher over a registry's folder and catalogue, without its HTTP. */
function publisherOf(
  { folder, store }: { folder: Folder; store: ModelStore },
  options: Partial<PublisherOptions>,
): Publisher {
  const publisher = createPublisher({
    blobs: openBlobs(folder.file("blobs")),
    uploads: openUploads(folder.file("uploads"), systemClock),
    store,
    clock: systemClock,
    log: silentLog,
    requireLicence: async () => {},
    probe: acceptAll,
    sourceOf: () => {
      throw new Error("no source is named here");
    },
    ...options,
  });
  open.push(publisher);
  return publisher;
}

interface Given {
  readonly as?: AccountId | null;
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
  readonly body?: Buffer;
  readonly agent?: Agent;
}

describe("publishing", () => {
  it("takes a file in pieces, verifies it, and lists the model", async () => {
    const { call, upload, publish } = await registryWorld();
    const model = await testModel();
    const { digest, sizeBytes } = model.signed.manifest;
    expect((await call("GET", `uploads/${digest}`)).json).toEqual({ digest, offset: 0 });
    expect((await upload(model, 0, 500)).json).toEqual({ digest, offset: 500 });
    expect((await publish(model)).json).toMatchObject({ error: { code: "not_found" } });
    expect((await upload(model, 400)).json).toMatchObject({ error: { code: "conflict" } });
    expect((await upload(model, 500)).json).toEqual({ digest, offset: sizeBytes });
    const published = await publish(model);
    expect(published).toMatchObject({ status: 201, json: { model: "acme/tiny:1.0.0", digest, sizeBytes } });
    expect((await call("GET", "models")).json.models).toMatchObject([{ model: "acme/tiny:1.0.0", yankedAt: null }]);
    expect((await call("GET", "models", { as: bob })).json.models).toEqual([]);
    expect((await call("GET", `uploads/${digest}`)).json).toEqual({ digest, offset: 0 });
    const shown = await call("GET", "models/acme/tiny/1.0.0");
    expect(shown.json).toEqual({ ...published.json, signed: signedManifestJson(model.signed) });
  });

  it("publishes one file under two names at once, sent once", async () => {
    const { upload, publish } = await registryWorld();
    const model = await testModel();
    const other = resealed(model, { name: "acme/other" });
    await upload(model);
    expect(await Promise.all([publish(model), publish(other)])).toMatchObject([{ status: 201 }, { status: 201 }]);
  });

  it.each([
    ["adds to it", (held: ClientRequest) => held.end("EVIL".repeat(8)), 422],
    ["breaks off", (held: ClientRequest) => held.destroy(), 201],
  ] as const)("waits for a sender that has the file open, and %s", async (_, act, status) => {
    const world = await registryWorld();
    const model = await testModel();
    await world.upload(model);
    const held = await heldUpload(world, model);
    const published = world.publish(model);
    // Time enough to be published meanwhile, if it were.
    for (let round = 0; round < 50; round++) await world.call("GET", "models");
    act(held);
    expect((await published).status).toBe(status);
    expect(existsSync(world.blob(model))).toBe(status === 201);
  });

  it("takes nothing more of a file that is being published", async () => {
    const opening = deferred<void>();
    const world = await registryWorld({ probe: () => opening.promise });
    const model = await testModel();
    await world.upload(model);
    const published = world.publish(model);
    const more = () =>
      world.call("PATCH", `uploads/${model.signed.manifest.digest}`, {
        headers: { "upload-offset": String(model.bytes.length) },
        body: Buffer.from("EVIL"),
      });
    await expect.poll(async () => (await more()).json).toMatchObject({ error: { code: "conflict" } });
    opening.resolve();
    expect((await published).status).toBe(201);
    expect(sha256Hex(await readFile(world.blob(model)))).toBe(model.signed.manifest.digest);
  });

  it("takes a file that is sold for another's only from who sends it, or may have it", async () => {
    const buyers = new Set<AccountId | null>([alice]);
    const { call, upload, publish } = await registryWorld({
      requireLicence: async (versions, accountId) => {
        if (versions.length > 0 && !buyers.has(accountId)) throw new PeerError("payment_required", "It is sold.");
      },
    });
    const model = await testModel();
    const { digest } = model.signed.manifest;
    await upload(model);
    expect((await publish(model)).status).toBe(201);
    expect((await call("GET", `blobs/${digest}`, { as: bob })).status).toBe(402);
    const copy = await testModel({ manifest: { name: "bob/copy" } });
    expect(await publish(copy, bob)).toMatchObject({ status: 404, json: { error: { code: "not_found" } } });
    expect((await call("GET", `blobs/${digest}`, { as: bob })).status).toBe(402);
    buyers.add(bob);
    expect((await call("GET", `blobs/${digest}`, { as: bob })).status).toBe(200);
    expect((await publish(copy, bob)).status).toBe(201);
  });

  it("is harmless when repeated, and refused when the content differs", async () => {
    const { upload, publish } = await registryWorld();
    const model = await testModel();
    await upload(model);
    const first = await publish(model);
    expect(await publish(model)).toMatchObject({ status: 201, json: first.json });
    const summary = "Changed.";
    const changed = sealManifest({ ...model.signed.manifest, summary }, model.signed.bundle, model.key);
    expect(await publish({ signed: changed })).toMatchObject({ status: 409, json: { error: { code: "conflict" } } });
  });

  it("keeps a name for the key that published it first", async () => {
    const { upload, publish } = await registryWorld();
    const first = await testModel();
    await upload(first);
    await publish(first);
    const thief = await testModel({ manifest: { version: "1.0.1" } });
    expect(await publish(thief, bob)).toMatchObject({ status: 403, json: { error: { code: "name_taken" } } });
    const next = await testModel({ key: first.key, manifest: { version: "1.0.1" } });
    expect((await publish(next)).status).toBe(201);
  });

  it.each<[string, (model: TestModel) => TestModel, string]>([
    ["bytes that were not signed", (model) => ({ ...model, bytes: flipped(model.bytes) }), "digest_mismatch"],
    [
      "a seal of another key",
      (model) => ({ ...model, signed: { ...model.signed, seal: "AAAA" } }),
      "signature_invalid",
    ],
    [
      "facts that are not the file's",
      (model) => resealed(model, { facts: { ...model.signed.manifest.facts, contextLength: 9 } }),
      "manifest_invalid",
    ],
    ["a digest that is not the file's", (model) => resealed(model, { digest: "0".repeat(64) }), "digest_mismatch"],
  ])("refuses %s, and forgets the upload", async (_, spoil, code) => {
    const { call, upload, publish } = await registryWorld();
    const model = spoil(await testModel());
    await upload(model);
    expect((await publish(model)).json).toMatchObject({ error: { code } });
    expect((await call("GET", "models")).json.models).toEqual([]);
    if (code !== "signature_invalid") {
      expect((await call("GET", `uploads/${model.signed.manifest.digest}`)).json.offset).toBe(0);
    }
  });

  it("refuses a file that is no GGUF model before anything opens it", async () => {
    const { upload, publish } = await registryWorld();
    const model = await testModel();
    const bytes = Buffer.from("GGUF but not really");
    const file = await temporaryFolder({ "tiny.gguf": bytes });
    open.push({ close: file.remove });
    const path = file.file("tiny.gguf");
    const made = await signModel({ path, key: model.key, method: "shards" }, new AbortController().signal);
    const manifest = {
      ...model.signed.manifest,
      digest: sha256Hex(bytes),
      sizeBytes: bytes.length,
      rootDigest: made.rootDigest,
    };
    const signed = sealManifest(manifest, made.bundle, model.key);
    await upload({ ...model, signed, bytes });
    expect((await publish({ signed })).json).toMatchObject({ error: { code: "model_invalid" } });
  });

  it("refuses a whole and signed file that no engine can open, and neither lists nor keeps it", async () => {
    const { call, upload, publish } = await registryWorld({ probe: probeModel });
    const model = await testModel();
    const { digest } = model.signed.manifest;
    await upload(model);
    expect((await publish(model)).json).toMatchObject({ error: { code: "model_invalid" } });
    expect((await call("GET", "models")).json.models).toEqual([]);
    expect((await call("GET", `blobs/${digest}`)).status).toBe(404);
    expect((await call("GET", `uploads/${digest}`)).json.offset).toBe(0);
  });

  it("opens one file at a time, says that it does, and lets go when the registry goes down", async () => {
    const world = await registryWorld();
    const opening: { readonly file: string; readonly signal: AbortSignal }[] = [];
    const publisher = publisherOf(world, {
      probe: (file, signal) =>
        new Promise((_, reject) => {
          opening.push({ file, signal });
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        }),
    });
    const models = [await testModel(), await testModel({ manifest: { name: "acme/other" }, file: { seed: 2 } })];
    for (const model of models) await world.upload(model);
    const asked = models.map(({ signed }) => publisher.publish(alice, signed, 60_000));
    const settled = Promise.allSettled(asked);
    await expect.poll(() => opening.length).toBe(1);
    for (const { signed } of models) {
      const opened = { step: "opening", doneBytes: signed.manifest.sizeBytes, totalBytes: signed.manifest.sizeBytes };
      await expect.poll(() => publisher.publish(alice, signed, 1)).toEqual(opened);
    }
    await publisher.close();
    expect(opening.map(({ signal }) => signal.aborted)).toEqual([true]);
    const refused = { status: "rejected", reason: { code: "daemon_unreachable" } };
    expect(await settled).toMatchObject([refused, refused]);
    for (const { signed } of models) expect(await world.store.versions(signed.manifest.name)).toEqual([]);
  });

  it("is for producers, under the address of the model itself", async () => {
    const { call, publish, upload } = await registryWorld();
    const model = await testModel();
    expect(await publish(model, null)).toMatchObject({ status: 401 });
    expect(await call("PATCH", `uploads/${"0".repeat(64)}`, { as: null })).toMatchObject({ status: 401 });
    await upload(model);
    const elsewhere = await call("PUT", "models/acme/other/1.0.0", { json: signedManifestJson(model.signed) });
    expect(elsewhere.json).toMatchObject({ error: { code: "manifest_invalid" } });
  });

  it("does not let one account's upload be published by another, nor a known digest stand in for the file", async () => {
    const { upload, publish } = await registryWorld();
    const model = await testModel({ manifest: { visibility: "private" } });
    await upload(model);
    expect((await publish(model, bob)).json).toMatchObject({ error: { code: "not_found" } });
    await publish(model);
    const other = await testModel({ file: { seed: 2 } });
    const claim = { name: "bob/copy", digest: model.signed.manifest.digest };
    const forged = resealed(other, claim);
    expect((await publish(forged, bob)).json).toMatchObject({ error: { code: "digest_mismatch" } });
  });

  it.each([
    ["PUT", "models/acme/tiny/1.0.0", { json: { manifest: 1 } }, "manifest_invalid"],
    [
      "PUT",
      "models/acme/tiny/1.0.0",
      { body: Buffer.from("{"), headers: { "content-type": "application/json" } },
      "request_invalid",
    ],
    ["PUT", "models/acme/tiny/1.0.0", { body: Buffer.from("{}") }, "media_type_refused"],
    ["PATCH", `uploads/${"0".repeat(64)}`, { body: Buffer.from("x") }, "request_invalid"],
    ["PATCH", "uploads/..%2f..%2fetc", { body: Buffer.from("x") }, "request_invalid"],
    ["POST", "models/acme/tiny/1.0.0/yank", { json: {} }, "request_invalid"],
    ["GET", "blobs/xyz", {}, "request_invalid"],
    ["GET", "blobs/%ff", {}, "not_found"],
    ["GET", "elsewhere", {}, "not_found"],
    ["GET", "models/acme/unknown", {}, "not_found"],
  ] as const)("answers %s %s of nonsense with %s", async (method, path, given, code) => {
    const { call } = await registryWorld();
    expect((await call(method, path, given)).json).toMatchObject({ error: { code } });
  });

  it("answers what comes after a body that was refused half read, on one connection kept alive", async () => {
    const { call, folder } = await registryWorld();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    open.push({ close: async () => agent.destroy() });
    const upload = `uploads/${"0".repeat(64)}`;
    await mkdir(folder.file(`uploads/${alice}`), { recursive: true });
    await symlink("/dev/full", folder.file(`uploads/${alice}/${"0".repeat(64)}.upload`));
    const body = Buffer.alloc(140_000);
    const refused = await call("PATCH", upload, { agent, body, headers: { "upload-offset": "0" } });
    expect(refused.json).toMatchObject({ error: { code: "storage_failed" } });
    expect((await call("GET", "models", { agent })).status).toBe(200);
  });

  it("answers a wrong method with those that the path has", async () => {
    const { call } = await registryWorld();
    const refused = await call("POST", "models/acme/tiny/1.0.0", { json: {} });
    expect(refused).toMatchObject({
      status: 405,
      headers: { allow: "PUT, GET, HEAD" },
      json: { error: { code: "method_refused" } },
    });
    const digest = "0".repeat(64);
    expect(await call("PUT", `blobs/${digest}`)).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  });

  it("tells a refusal to who asks after it, and has forgotten it then", async () => {
    const world = await registryWorld();
    const opening = deferred();
    const publisher = publisherOf(world, {
      probe: async () => {
        await opening.promise;
        throw new PeerError("model_invalid", "It can't be opened.");
      },
    });
    const model = await testModel();
    await world.upload(model);
    await publisher.publish(alice, model.signed, 1);
    opening.resolve();
    await expect.poll(() => readdir(world.folder.file(`uploads/${alice}`))).toEqual([]);
    await expect(publisher.publish(alice, model.signed, 60_000)).rejects.toMatchObject({ code: "model_invalid" });
    await expect(publisher.publish(alice, model.signed, 60_000)).rejects.toMatchObject({ code: "not_found" });
  });

  it("keeps no upload that was published before, or that is refused by its name", async () => {
    const { folder, upload, publish } = await registryWorld();
    const model = await testModel();
    await upload(model);
    await publish(model);
    const thief = await testModel({ manifest: { version: "1.0.3" } });
    for (const [signed, status] of [
      [model.signed, 201],
      [resealed(model, { version: "1.0.1" }).signed, 201],
      [resealed(model, { summary: "Changed." }).signed, 409],
      [thief.signed, 403],
    ] as const) {
      await upload(model);
      expect((await publish({ signed })).status).toBe(status);
      expect(await readdir(folder.file(`uploads/${alice}`))).toEqual([]);
    }
  });

  it.each<[string, (bundle: Bundle, key: TestModel["key"]) => unknown]>([
    ["a log's entries", (bundle) => deepened(bundle, "tlogEntries", [{ x: "y" }])],
    ["more of its key", (bundle) => deepened(bundle, "publicKey", { hint: "h", rawBytes: "AAAA" })],
    [
      "another signature",
      ({ dsseEnvelope, ...bundle }) => ({
        ...bundle,
        dsseEnvelope: { ...dsseEnvelope, signatures: [...dsseEnvelope.signatures, { sig: "AAAA", keyid: "" }] },
      }),
    ],
    [
      "more in what is signed",
      ({ dsseEnvelope: { payload, payloadType } }, key) => {
        const statement = JSON.parse(Buffer.from(payload, "base64").toString());
        const fat = Buffer.from(JSON.stringify({ ...statement, predicate: { ...statement.predicate, more: "x" } }));
        const signature = signBytes(preAuthenticationEncoding(payloadType, fat), key.privateKey);
        return writeBundle(fat, signature, key.fingerprint);
      },
    ],
  ])("takes no signature that holds %s", async (_, change) => {
    const { upload, publish } = await registryWorld();
    const model = await testModel();
    await upload(model);
    const { bundle, manifest } = model.signed;
    const changed = Object(change(JSON.parse(JSON.stringify(bundle)), model.key));
    const signed = sealManifest(manifest, changed, model.key);
    const refusal = { code: expect.stringMatching(/^(manifest|signature)_invalid$/) };
    expect(await publish({ signed })).toMatchObject({ json: { error: refusal } });
    expect((await publish(model)).status).toBe(201);
  });

  it("looks for abandoned uploads every day", async () => {
    const days: (() => void)[] = [];
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => {
        expect(ms).toBe(86_400_000);
        return new Promise((resolve, reject) => {
          days.push(resolve);
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        });
      },
    };
    const world = await registryWorld({ clock });
    await expect.poll(() => days.length).toBe(1);
    const model = await testModel();
    await world.upload(model, 0, 10);
    const folder = world.folder.file(`uploads/${alice}`);
    const longAgo = new Date(Date.now() - 8 * 86_400_000);
    await utimes(`${folder}/${model.signed.manifest.digest}.upload`, longAgo, longAgo);
    days.shift()?.();
    await expect.poll(() => readdir(folder)).toEqual([]);
  });

  it("lets abandoned uploads go after a week", async () => {
    const world = await registryWorld();
    const model = await testModel();
    await world.upload(model, 0, 10);
    const folder = `${world.folder.path}/uploads/${alice}`;
    const [name] = await readdir(folder);
    const longAgo = new Date(Date.now() - 8 * 86_400_000);
    await utimes(`${folder}/${name}`, longAgo, longAgo);
    await openUploads(`${world.folder.path}/uploads`, systemClock).prune();
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("room for uploads", () => {
  const digest = "d".repeat(64);

  async function uploadsWorld() {
    const folder = await temporaryFolder();
    open.push({ close: folder.remove });
    const uploads = openUploads(folder.path, systemClock);
    const append = (bytes: AsyncIterable<Uint8Array>, offset = 0) =>
      uploads.append({ accountId: alice, digest, offset }, bytes, new AbortController().signal);
    await mkdir(folder.file(alice), { recursive: true });
    return { folder, uploads, append, file: folder.file(`${alice}/${digest}.upload`) };
  }

  async function* pieces(count: number) {
    for (let index = 0; index < count; index++) yield Buffer.alloc(1_048_576);
  }

  it("is taken in requests of 64 MiB at most", async () => {
    const { append } = await uploadsWorld();
    await expect(append(pieces(65))).rejects.toMatchObject({ code: "request_too_large" });
    expect(await append(pieces(1), 64 * 1_048_576)).toEqual({ digest, offset: 65 * 1_048_576 });
  });

  it("is not all one account's", async () => {
    const { append, folder } = await uploadsWorld();
    await folder.write(`${alice}/${"e".repeat(64)}.upload`, "");
    const { bavail, bsize } = await statfs(folder.path);
    await truncate(folder.file(`${alice}/${"e".repeat(64)}.upload`), 2 * bavail * bsize);
    await expect(append(pieces(1))).rejects.toMatchObject({ code: "insufficient_quota" });
  });

  it("is not promised twice", async () => {
    const { uploads, folder } = await uploadsWorld();
    const { bavail, bsize } = await statfs(folder.path);
    const signal = new AbortController().signal;
    const most = 0.4 * (bavail * bsize - 1_073_741_824);
    await uploads.hold(
      alice,
      digest,
      async ({ reserve }) => {
        await reserve(most);
        const refused = uploads.hold(bob, digest, (upload) => upload.reserve(most), signal);
        await expect(refused).rejects.toMatchObject({ code: "insufficient_quota" });
      },
      signal,
    );
    await uploads.hold(bob, digest, (upload) => upload.reserve(most), signal);
  });

  it("that the disk does not have is said, and not where that is", async () => {
    const { append, file, folder } = await uploadsWorld();
    await symlink("/dev/full", file);
    const refusal = { code: "storage_failed", message: expect.not.stringContaining(folder.path) };
    await expect(append(pieces(1))).rejects.toMatchObject(refusal);
  });
});

describe("publishing from a source", () => {
  async function hubWorld(mischief?: Mischief) {
    const model = await testModel({ manifest: { source: "hf:acme/tiny-GGUF/tiny.gguf" } });
    const hub = await fileServer(model.bytes, mischief);
    open.push(hub);
    return { model, hub, world: await registryWorld({ sources: { hubUrl: hub.url } }) };
  }

  it("fetches the file itself, verified against the signature", async () => {
    const { model, world, hub } = await hubWorld();
    expect(await world.publish(model)).toMatchObject({ status: 201 });
    expect(hub.ranges).toHaveLength(1);
    expect((await world.call("GET", `blobs/${model.signed.manifest.digest}`)).bytes.equals(model.bytes)).toBe(true);
  });

  it("says how far it is where that takes longer than the asker waits, and is asked again", async () => {
    const { model, hub, world } = await hubWorld((request) =>
      request === 0 ? { after: { bytes: 10, ending: "hang" } } : undefined,
    );
    const publisher = publisherOf(world, {
      clock: { ...systemClock, sleep: async (_, signal) => signal.throwIfAborted() },
      sourceOf: () => httpSource({ url: hub.url, stallMs: 300 }),
    });
    const asked = await publisher.publish(alice, model.signed, 1);
    expect(asked).toMatchObject({ totalBytes: model.bytes.length });
    expect(await publisher.publish(alice, model.signed, 60_000)).toMatchObject({ accountId: alice });
    expect(hub.ranges).toHaveLength(2);
  });

  it("lets no source write into what another one's bytes became", async () => {
    const world = await registryWorld();
    const slow = await testModel({ manifest: { name: "acme/slow", source: "hf:a/b/slow.gguf" } });
    const fast = resealed(slow, { name: "acme/fast", source: "hf:a/b/fast.gguf" });
    const gate = deferred();
    const evil = async function* () {
      await gate.promise;
      yield Buffer.alloc(slow.bytes.length, "EVIL");
    };
    const good = async function* () {
      yield slow.bytes;
    };
    const publisher = publisherOf(world, {
      sourceOf: (reference) => ({
        label: reference,
        read: async () => ({
          totalBytes: slow.bytes.length,
          bytes: reference.includes("slow") ? evil() : good(),
        }),
      }),
    });
    const refused = expect(publisher.publish(alice, slow.signed, 60_000)).rejects.toMatchObject({
      code: "digest_mismatch",
    });
    const published = publisher.publish(alice, fast.signed, 60_000);
    for (let round = 0; round < 50; round++) await world.call("GET", "models");
    gate.resolve();
    await refused;
    expect(await published).toMatchObject({ manifest: { name: "acme/fast" } });
    expect(sha256Hex(await readFile(world.blob(slow)))).toBe(slow.signed.manifest.digest);
  });

  it("gives one account no more than its share of what is published at a time", async () => {
    const world = await registryWorld();
    const publisher = publisherOf(world, { sourceOf: () => silentSource });
    const publish = async (seed: number, as = alice) => {
      const manifest = { name: `acme/m${seed}`, source: "hf:a/b/c.gguf" };
      return publisher.publish(as, (await testModel({ file: { seed }, manifest })).signed, 1);
    };
    for (let seed = 1; seed <= 4; seed++) expect(await publish(seed)).toMatchObject({ totalBytes: expect.any(Number) });
    await expect(publish(5)).rejects.toMatchObject({ code: "queue_full" });
    expect(await publish(6, bob)).toMatchObject({ totalBytes: expect.any(Number) });
  });

  it("refuses what is not the signed file", async () => {
    const { model, world } = await hubWorld(() => ({ bytes: (whole) => flipped(whole) }));
    expect((await world.publish(model)).json).toMatchObject({ error: { code: "digest_mismatch" } });
  });

  it("does not follow a redirect into the operator's own network", async () => {
    const inside: string[] = [];
    const internal = createServer((request, response) => {
      inside.push(request.url ?? "");
      response.end("secret");
    });
    await new Promise<void>((resolve) => internal.listen(0, "127.0.0.1", resolve));
    open.push({ close: () => new Promise((resolve) => internal.close(resolve)) });
    const address = internal.address();
    const port = typeof address === "object" ? address?.port : 0;
    for (const location of [
      `http://127.0.0.1:${port}/x`,
      `https://127.0.0.1:${port}/x`,
      `https://[::1]:${port}/`,
      "https://169.254.169.254/latest/meta-data",
    ]) {
      const { model, world } = await hubWorld(() => ({ status: 302, headers: { location } }));
      expect((await world.publish(model)).json).toMatchObject({ error: { code: "address_refused" } });
      expect(await readdir(world.folder.file(`uploads/${alice}`))).toEqual([]);
    }
    expect(inside).toEqual([]);
  });
});

describe("a published file", () => {
  async function served(manifest: Parameters<typeof resealed>[1] = {}) {
    const world = await registryWorld();
    const model = await testModel({ manifest });
    await world.upload(model);
    await world.publish(model);
    return { ...world, model, path: `blobs/${model.signed.manifest.digest}`, bytes: model.bytes };
  }

  it("is served whole, in part and not at all, as HTTP says", async () => {
    const { call, path, bytes, model } = await served();
    const etag = `"${model.signed.manifest.digest}"`;
    const size = bytes.length;
    const range = (text: string, more: Record<string, string> = {}) =>
      call("GET", path, { headers: { range: text, ...more } });
    expect(await call("GET", path)).toMatchObject({ status: 200, headers: { etag, "accept-ranges": "bytes" } });
    expect((await call("GET", path)).bytes.equals(bytes)).toBe(true);
    expect(await call("HEAD", path)).toMatchObject({ status: 200, headers: { "content-length": String(size) } });
    expect(await range("bytes=10-19")).toMatchObject({
      status: 206,
      bytes: bytes.subarray(10, 20),
      headers: { "content-range": `bytes 10-19/${size}` },
    });
    expect((await range("bytes=-5")).bytes).toEqual(bytes.subarray(-5));
    expect((await range(`bytes=${size - 3}-`)).bytes).toEqual(bytes.subarray(-3));
    expect((await range("bytes=0-99999999")).bytes).toHaveLength(size);
    expect(await range(`bytes=${size}-`)).toMatchObject({
      status: 416,
      headers: { "content-range": `bytes */${size}` },
    });
    expect(await range("bytes=0-1,5-6")).toMatchObject({ status: 200 });
    expect(await range("bytes=9-5")).toMatchObject({ status: 200 });
    expect(await range("bytes=0-1", { "if-range": etag })).toMatchObject({ status: 206 });
    expect(await range("bytes=0-1", { "if-range": '"other"' })).toMatchObject({ status: 200 });
    for (const named of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      expect(await call("GET", path, { headers: { "if-none-match": named } })).toMatchObject({ status: 304 });
    }
    expect(await call("HEAD", path, { headers: { range: "bytes=0-1" } })).toMatchObject({
      status: 200,
      headers: { "content-length": String(size) },
    });
    expect(await range(`bytes=${"9".repeat(16)}-`)).toMatchObject({ status: 416 });
    expect(await range(`bytes=5-${"9".repeat(400)}`)).toMatchObject({ status: 206, bytes: bytes.subarray(5) });
  });

  it("is read by those who may read the model, and is not there for others", async () => {
    const { call, path } = await served({ visibility: "private" });
    expect(await call("GET", path)).toMatchObject({ status: 200 });
    expect(await call("GET", path, { as: bob })).toMatchObject({ status: 404 });
    expect(await call("GET", path, { as: null })).toMatchObject({ status: 404 });
    expect(await call("GET", "models/acme/tiny", { as: bob })).toMatchObject({ status: 404 });
    expect((await call("GET", "models/acme/tiny")).json.versions).toMatchObject([{ model: "acme/tiny:1.0.0" }]);
  });

  it.each<[string, (file: string) => Promise<unknown>, number]>([
    ["lost", (file) => rm(file), 404],
    ["damaged", async (file) => writeFile(file, flipped(await readFile(file))), 200],
  ])("that was %s is put back by publishing it again, just as it was", async (_, spoil, status) => {
    const { call, path, model, blob, upload, publish } = await served();
    await spoil(blob(model));
    expect((await call("GET", path)).status).toBe(status);
    expect((await publish(model)).json).toMatchObject({ error: { code: "not_found" } });
    await upload(model);
    expect((await publish(model)).status).toBe(201);
    expect((await call("GET", path)).bytes.equals(model.bytes)).toBe(true);
  });

  it("that was lost is said to be, and is fetched from its source again", async () => {
    const model = await testModel({ manifest: { source: "hf:acme/tiny-GGUF/tiny.gguf" } });
    const hub = await fileServer(model.bytes);
    open.push(hub);
    const { call, publish, blob } = await registryWorld({ sources: { hubUrl: hub.url } });
    await publish(model);
    await rm(blob(model));
    const path = `blobs/${model.signed.manifest.digest}`;
    expect((await call("GET", path)).json).toMatchObject({ error: { code: "model_missing" } });
    expect((await publish(model)).status).toBe(201);
    expect((await call("GET", path)).bytes.equals(model.bytes)).toBe(true);
  });

  it("is withdrawn by its producer's key alone, and stays readable", async () => {
    const { call, model, path, publish } = await served();
    const yank = (seal: string) => call("POST", "models/acme/tiny/1.0.0/yank", { json: { seal } });
    const id = modelId(model.signed.manifest);
    const sealed = (key: SigningKey) => sealYank({ networkId: "network", model: id }, key);
    expect(await yank(sealed(generateSigningKey("P-256")))).toMatchObject({
      status: 403,
      json: { error: { code: "permission_denied", message: expect.stringContaining(model.key.fingerprint) } },
    });
    const first = await yank(sealed(model.key));
    expect(first).toMatchObject({ status: 200, json: { model: id, yankedAt: expect.any(Number) } });
    expect((await yank(sealed(model.key))).json).toEqual(first.json);
    expect(await call("GET", path)).toMatchObject({ status: 200 });
    expect((await publish(model)).json).toMatchObject({
      error: { code: "conflict", message: expect.stringContaining("was withdrawn") },
    });
  });
});

/** A request that adds to the end of an upload, and is not done yet. */
async function heldUpload(
  { url, upload }: { readonly url: string; upload(model: TestModel, offset: number): Promise<{ status: number }> },
  model: TestModel,
): Promise<ClientRequest> {
  const { bytes, signed } = model;
  const held = request(`${url}/api/v1/registry/uploads/${signed.manifest.digest}`, {
    method: "PATCH",
    headers: {
      authorization: `Bearer ${alice}`,
      "upload-offset": String(bytes.length),
      "transfer-encoding": "chunked",
    },
  });
  held.on("error", () => {});
  held.flushHeaders();
  await expect.poll(async () => (await upload(model, bytes.length)).status).toBe(409);
  return held;
}

/** Says nothing until nobody listens any more. */
const silentSource: ByteSource = {
  label: "silent",
  read: (_start, _end, signal) =>
    new Promise((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    }),
};

interface Bundle {
  readonly verificationMaterial: object;
  readonly dsseEnvelope: { readonly payload: string; readonly payloadType: string; readonly signatures: object[] };
}

function deepened(bundle: Bundle, field: string, value: unknown): object {
  return { ...bundle, verificationMaterial: { ...bundle.verificationMaterial, [field]: value } };
}

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}

function resealed(model: TestModel, manifest: Partial<TestModel["signed"]["manifest"]>): TestModel {
  const { bundle } = model.signed;
  return { ...model, signed: sealManifest({ ...model.signed.manifest, ...manifest }, bundle, model.key) };
}
