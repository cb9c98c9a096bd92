import { createPublicKey, sign } from "node:crypto";
import { mkdir, rename, rm, symlink, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { isPeerError } from "../../../src/errors.ts";
import { type BundleJson, parseBundle, preAuthenticationEncoding } from "../../../src/models/bundle.ts";
import { readCertificates } from "../../../src/models/certificate.ts";
import { sha256Hex, shardSizeBytes } from "../../../src/models/digest.ts";
import {
  type SignOptions,
  signedShards,
  signModel,
  type VerifyOptions,
  verifyModel,
} from "../../../src/models/signature.ts";
import {
  type CurveName,
  generateSigningKey,
  parsePublicKey,
  publicKeyPem,
  type SigningKey,
  signBytes,
} from "../../../src/models/signing-key.ts";
import { type CertificateOptions, makeCertificate, type TestCertificate } from "../../worlds/certificates.ts";
import { type Folder, temporaryFolder } from "../../worlds/model-folder.ts";

const never = new AbortController().signal;
const payloadType = "application/vnd.in-toto+json";
const folders: Folder[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.remove();
});

async function folder(files: Readonly<Record<string, string | Uint8Array>>): Promise<Folder> {
  const made = await temporaryFolder(files);
  folders.push(made);
  return made;
}

const modelFiles = { "config.json": "{}", "weights.bin": "weights", "sub/adapter.bin": "adapter", "模型.bin": "名" };

interface World {
  readonly model: Folder;
  readonly key: SigningKey;
  readonly bundle: BundleJson;
}

async function signedFolder(options: Partial<SignOptions> = {}, files: Folder | undefined = undefined): Promise<World> {
  const model = files ?? (await folder(modelFiles));
  const key = options.key ?? generateSigningKey("P-256");
  const { bundle } = await signModel({ path: model.path, key, method: "files", ...options }, never);
  return { model, key, bundle };
}

function verify(world: World, options: Partial<VerifyOptions> = {}) {
  const bundle = parseBundle(JSON.stringify(world.bundle));
  const trust = { kind: "key", publicKey: parsePublicKey(Buffer.from(world.key.publicKeyPem)) } as const;
  return verifyModel({ path: world.model.path, bundle, trust, ...options }, never);
}

function refusal(code: "digest_mismatch" | "signature_invalid", message: RegExp) {
  return expect.toSatisfy((error: unknown) => isPeerError(error, code) && message.test(error.message), `${message}`);
}

/** A bundle around any statement at all, properly signed: what a hostile or an older signer can make. */
function signStatement(key: SigningKey, statement: unknown, material?: unknown): BundleJson {
  const payload = Buffer.from(JSON.stringify(statement));
  const sig = signBytes(preAuthenticationEncoding(payloadType, payload), key.privateKey).toString("base64");
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: material ?? { publicKey: { hint: key.fingerprint } },
    dsseEnvelope: { payload: payload.toString("base64"), payloadType, signatures: [{ sig }] },
  };
}

type Listed = { name: string; digest: string; algorithm?: string };

function statementOf(resources: readonly Listed[], serialization: Record<string, unknown> = {}) {
  const root = sha256Hex(Buffer.concat(resources.map(({ digest }) => Buffer.from(digest, "hex"))));
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "model", digest: { sha256: root } }],
    predicateType: "https://model_signing/signature/v1.0",
    predicate: {
      resources: resources.map((resource) => ({ algorithm: "sha256", ...resource })),
      serialization: { method: "files", hash_type: "sha256", allow_symlinks: false, ...serialization },
    },
  };
}

describe("a signed model verifies", () => {
  it.each<[CurveName, "files" | "shards"]>([
    ["P-256", "files"],
    ["P-256", "shards"],
    ["P-384", "files"],
    ["P-384", "shards"],
    ["P-521", "files"],
    ["P-521", "shards"],
  ])("with %s by %s", async (curve, method) => {
    const world = await signedFolder({ key: generateSigningKey(curve), method });
    const statement = await verify(world);
    const names = statement.resources.map(({ name }) => name);
    const expected = ["config.json", "sub/adapter.bin", "weights.bin", "模型.bin"];
    expect(names.map((name) => (method === "shards" ? name.replace(/:\d+:\d+$/, "") : name))).toEqual(expected);
  });

  it("when it is a single file, named by its base name", async () => {
    const model = await folder({ "model.bin": "single" });
    const path = model.file("model.bin");
    const world = { ...(await signedFolder({ path }, model)), model: { ...model, path } };
    expect((await verify(world)).resources.map(({ name }) => name)).toEqual(["model.bin"]);
  });

  it("when it is reached through a link, under the link's name, as in the hub's cache", async () => {
    const cache = await folder({ "blobs/c0ffee": "weights" });
    const path = cache.file("tiny.gguf");
    await symlink("blobs/c0ffee", path);
    const world = { ...(await signedFolder({ path, method: "shards" }, cache)), model: { ...cache, path } };
    expect((await verify(world)).resources.map(({ name }) => name)).toEqual(["tiny.gguf:0:7"]);
    await rm(cache.file("blobs/c0ffee"));
    await expect(verify(world)).rejects.toSatisfy(
      (error) => isPeerError(error, "file_missing") && /is a link that leads nowhere/.test(error.message),
    );
  });

  it("in shards of 16 MiB that follow each other", async () => {
    const model = await folder({});
    await model.write("big.gguf", "");
    await truncate(model.file("big.gguf"), 2 * shardSizeBytes + 5);
    const world = await signedFolder({ method: "shards" }, model);
    const shards = signedShards(await verify(world), "big.gguf");
    expect(shards.map(({ start, end }) => [start, end])).toEqual([
      [0, shardSizeBytes],
      [shardSizeBytes, 2 * shardSizeBytes],
      [2 * shardSizeBytes, 2 * shardSizeBytes + 5],
    ]);
  });

  it("with its own signature file inside, which is not signed", async () => {
    const model = await folder(modelFiles);
    const signaturePath = model.file("model.sig");
    const world = await signedFolder({ signaturePath }, model);
    await model.write("model.sig", JSON.stringify(world.bundle));
    await verify(world, { signaturePath });
    await rename(signaturePath, model.file("other.sig"));
    await expect(verify(world, { signaturePath: model.file("other.sig") })).resolves.toBeDefined();
  });

  it("whatever git keeps at its root, but not what git keeps deeper", async () => {
    const world = await signedFolder();
    await world.model.write(".git/HEAD", "ref");
    await world.model.write(".gitignore", "x");
    await verify(world);
    await world.model.write("sub/.git/HEAD", "ref");
    await expect(verify(world)).rejects.toThrowError(refusal("digest_mismatch", /sub\/\.git\/HEAD.*not signed/));
  });

  it("with ignored paths that are exact and from the root", async () => {
    const model = await folder({ ...modelFiles, "cache/a": "1", "sub/cache": "2" });
    const world = await signedFolder({ ignorePaths: ["cache"] }, model);
    await model.write("cache/b", "later");
    expect((await verify(world)).resources.map(({ name }) => name)).toContain("sub/cache");
  });

  it("through links inside it where the signer allowed them", async () => {
    const model = await folder(modelFiles);
    await symlink("weights.bin", model.file("alias.bin"));
    const world = await signedFolder({ allowSymlinks: true }, model);
    expect((await verify(world)).resources.map(({ name }) => name)).toContain("alias.bin");
  });
});

describe("a model that is not what was signed is refused", () => {
  it.each(["files", "shards"] as const)("when a byte was tampered with (%s)", async (method) => {
    const world = await signedFolder({ method });
    await world.model.write("weights.bin", "weightZ");
    await expect(verify(world)).rejects.toThrowError(refusal("digest_mismatch", /"weights\.bin.*was changed/));
  });

  it.each(["files", "shards"] as const)("when a file is missing (%s)", async (method) => {
    const world = await signedFolder({ method });
    await rm(world.model.file("sub/adapter.bin"));
    await expect(verify(world)).rejects.toThrowError(refusal("digest_mismatch", /"sub\/adapter\.bin" is missing/));
    await expect(verify(world, { ignoreUnsignedFiles: true })).rejects.toThrowError(/is missing/);
  });

  it.each(["files", "shards"] as const)("when a file was added, unless asked to let it be (%s)", async (method) => {
    const world = await signedFolder({ method });
    await world.model.write("extra.bin", "x");
    await expect(verify(world)).rejects.toThrowError(refusal("digest_mismatch", /"extra\.bin" is not signed/));
    await expect(verify(world, { ignoreUnsignedFiles: true })).resolves.toBeDefined();
  });

  it.each(["files", "shards"] as const)(
    "when an empty file was added, unless asked to let it be (%s)",
    async (method) => {
      const world = await signedFolder({ method });
      await world.model.write("sub/__init__.py", "");
      await expect(verify(world)).rejects.toThrowError(refusal("digest_mismatch", /"sub\/__init__\.py" is not signed/));
      await expect(verify(world, { ignoreUnsignedFiles: true })).resolves.toBeDefined();
    },
  );

  it.each<[string, (model: Folder) => Promise<unknown>]>([
    ["a link to nothing", (model) => symlink("nothing", model.file("sub/link"))],
    ["a link back to its own folder", (model) => symlink(".", model.file("sub/link"))],
    ["a link out of the model", (model) => symlink("/etc/hostname", model.file("sub/link"))],
    ["a name that is not UTF-8", (model) => mkdir(Buffer.concat([Buffer.from(`${model.path}/`), Buffer.from([0xff])]))],
  ])("when there is %s that was not signed, unless asked to let it be", async (_, add) => {
    const world = await signedFolder({ allowSymlinks: true });
    await add(world.model);
    await expect(verify(world)).rejects.toSatisfy((error) => isPeerError(error, "digest_mismatch"));
    await expect(verify(world, { ignoreUnsignedFiles: true })).resolves.toBeDefined();
  });

  it("when its signature claims shards so small that there is no room to list them", async () => {
    const model = await folder({ "big.bin": "x" });
    await truncate(model.file("big.bin"), 2 ** 30);
    const key = generateSigningKey("P-256");
    const shard = { name: "big.bin:0:1", digest: sha256Hex("x") };
    const bundle = signStatement(key, statementOf([shard], { method: "shards", shard_size: 1 }));
    await expect(verify({ model, key, bundle })).rejects.toThrowError(
      refusal("digest_mismatch", /"big\.bin" was changed: its size/),
    );
  });

  it.each([
    ["longer", "weights and more"],
    ["shorter", "weig"],
    ["empty", ""],
  ])("when a sharded file became %s", async (_, content) => {
    const world = await signedFolder({ method: "shards" });
    await world.model.write("weights.bin", content);
    await expect(verify(world)).rejects.toThrowError(refusal("digest_mismatch", /"weights\.bin/));
  });

  it("when the key was swapped", async () => {
    const world = await signedFolder();
    const other = { ...world, key: generateSigningKey("P-256") };
    await expect(verify(other)).rejects.toThrowError(refusal("signature_invalid", /another key/));
  });

  it("when the key was swapped and the hint with it", async () => {
    const world = await signedFolder();
    const key = generateSigningKey("P-256");
    const material = { publicKey: { hint: key.fingerprint } };
    const other = { ...world, key, bundle: { ...world.bundle, verificationMaterial: material } };
    await expect(verify(other)).rejects.toThrowError(refusal("signature_invalid", /not made with the given key/));
  });

  it.each(["../outside", "sub/../../outside", "/etc/passwd", "a//b", "./config.json", "sub/", "a\0b"])(
    "when a signed path is %j",
    async (name) => {
      const world = await signedFolder();
      const bundle = signStatement(world.key, statementOf([{ name, digest: sha256Hex("x") }]));
      const message = name.includes("..") ? /contains "\.\."/ : /not a plain path/;
      await expect(verify({ ...world, bundle })).rejects.toThrowError(refusal("signature_invalid", message));
    },
  );

  it("when a link was put in a file's place", async () => {
    const world = await signedFolder();
    const outside = await folder({ "weights.bin": "weights" });
    await rm(world.model.file("weights.bin"));
    await symlink(outside.file("weights.bin"), world.model.file("weights.bin"));
    const refused = refusal("digest_mismatch", /"weights\.bin" is a symbolic link/);
    await expect(verify(world)).rejects.toThrowError(refused);
    await expect(verify(world, { ignoreUnsignedFiles: true })).rejects.toThrowError(refused);
  });

  it.each<[string, (statement: ReturnType<typeof statementOf>) => unknown, RegExp]>([
    ["no resources", (s) => ({ ...s, predicate: { ...s.predicate, resources: [] } }), /resources/],
    ["no serialization", (s) => ({ ...s, predicate: { resources: s.predicate.resources } }), /serialization/],
    ["another predicate", (s) => ({ ...s, predicateType: "https://example.com/p" }), /predicate is "https:\/\/example/],
    ["another statement type", (s) => ({ ...s, _type: "https://in-toto.io/Statement/v0.1" }), /in-toto/],
    ["two subjects", (s) => ({ ...s, subject: [...s.subject, ...s.subject] }), /subject/],
    ["another root", (s) => ({ ...s, subject: [{ name: "m", digest: { sha256: sha256Hex("") } }] }), /root digest/],
  ])("when the statement has %s", async (_, change, message) => {
    const world = await signedFolder();
    const statement = statementOf([{ name: "config.json", digest: sha256Hex("{}") }]);
    const bundle = signStatement(world.key, change(statement));
    await expect(verify({ ...world, bundle })).rejects.toThrowError(refusal("signature_invalid", message));
  });

  it.each<[string, readonly Listed[], Record<string, unknown>, RegExp]>([
    ["a file twice", [0, 0].map(() => ({ name: "a", digest: sha256Hex("") })), {}, /listed twice/],
    ["blake3", [{ name: "a", digest: sha256Hex(""), algorithm: "blake3" }], { hash_type: "blake3" }, /blake3/],
    ["mixed hashes", [{ name: "a", digest: sha256Hex(""), algorithm: "blake2b" }], {}, /another algorithm/],
    ["a short digest", [{ name: "a", digest: "abcd" }], {}, /wrong length/],
    ["shards without a size", [{ name: "a:0:1", digest: sha256Hex("") }], { method: "shards" }, /shard_size/],
    ["a size without shards", [{ name: "a", digest: sha256Hex("") }], { shard_size: 5 }, /shard_size/],
    ["a shard without a range", [{ name: "a", digest: sha256Hex("") }], { method: "shards", shard_size: 5 }, /shard/],
    [
      "shards named after another size",
      [{ name: "a:0:1", digest: sha256Hex("x"), algorithm: "sha256-sharded-8" }],
      { method: "shards", shard_size: 5 },
      /"sha256-sharded-8", but its "shard_size" is 5/,
    ],
    ["sha1", [{ name: "a", digest: sha256Hex("") }], { hash_type: "sha1" }, /"sha1", which is not supported/],
  ])("when the statement lists %s", async (_, resources, serialization, message) => {
    const world = await signedFolder();
    const bundle = signStatement(world.key, statementOf(resources, serialization));
    await expect(verify({ ...world, bundle })).rejects.toThrowError(refusal("signature_invalid", message));
  });
});

describe("what can't be signed is refused", () => {
  it("a folder without a file", async () => {
    const model = await folder({ ".gitignore": "x" });
    await expect(signedFolder({}, model)).rejects.toThrowError(/nothing to sign/);
  });

  it.each([
    ["a link, by default", "weights.bin", false, /symbolic link/],
    ["a link out of the model", "/etc/hostname", true, /leads out/],
    ["a link to nothing", "nothing", true, /leads nowhere/],
    ["a link back up", "..", true, /leads out|circle/],
    ["a link to its own folder", ".", true, /circle/],
  ])("%s", async (_, target, allowSymlinks, message) => {
    const model = await folder(modelFiles);
    await symlink(target, model.file("sub/link"));
    await expect(signedFolder({ allowSymlinks }, model)).rejects.toThrowError(message);
  });

  it("a name that is not UTF-8", async () => {
    const model = await folder(modelFiles);
    await mkdir(Buffer.concat([Buffer.from(`${model.path}/`), Buffer.from([0xff, 0xfe])]));
    await expect(signedFolder({}, model)).rejects.toThrowError(/not UTF-8/);
  });

  it("an empty file in shards, of which it has none", async () => {
    const model = await folder({ ...modelFiles, "sub/__init__.py": "" });
    await expect(signedFolder({ method: "shards" }, model)).rejects.toThrowError(/"sub\/__init__\.py" is empty/);
    await expect(signedFolder({ method: "shards", ignorePaths: ["sub/__init__.py"] }, model)).resolves.toBeDefined();
    await expect(verify(await signedFolder({ method: "files" }, model))).resolves.toBeDefined();
  });

  it.each(["../x", "/abs", "a//b", ""])("with %j as a path to ignore", async (path) => {
    await expect(signedFolder({ ignorePaths: [path] })).rejects.toThrowError(/can't be ignored/);
  });
});

describe("what others and older versions sign is accepted", () => {
  const content = "single";
  const digest = sha256Hex(content);

  async function singleFile(statement: (key: SigningKey) => BundleJson): Promise<World> {
    const model = await folder({ "model.bin": content });
    const key = generateSigningKey("P-384");
    return { model: { ...model, path: model.file("model.bin") }, key, bundle: statement(key) };
  }

  it.each(["", null, undefined])("a keyid that is %j", async (keyid) => {
    const world = await singleFile((key) => {
      const bundle = signStatement(key, statementOf([{ name: "model.bin", digest }]));
      const text = JSON.stringify(bundle, (name, value) => (name === "signatures" ? [{ ...value[0], keyid }] : value));
      return JSON.parse(text);
    });
    await expect(verify(world)).resolves.toBeDefined();
  });

  it("a key given as rawBytes, and a single file as '.'", async () => {
    const world = await singleFile((key) =>
      signStatement(key, statementOf([{ name: ".", digest }]), {
        publicKey: {
          rawBytes: Buffer.from(key.publicKeyPem).toString("base64"),
          keyDetails: "PKIX_ECDSA_P384_SHA_384",
        },
      }),
    );
    await expect(verify(world)).resolves.toBeDefined();
    await world.model.write("model.bin", "other!");
    await expect(verify(world)).rejects.toThrowError(refusal("digest_mismatch", /was changed/));
  });

  it("a single file in shards as '.'", async () => {
    const world = await singleFile((key) =>
      signStatement(key, statementOf([{ name: ".:0:6", digest }], { method: "shards", shard_size: 1_000_000_000 })),
    );
    await expect(verify(world)).resolves.toBeDefined();
  });

  it("a hint that is the digest of the key's DER, and a hint that is no digest", async () => {
    for (const hint of ["der", "my key"]) {
      const world = await singleFile((key) => {
        const der = createPublicKey(key.publicKeyPem).export({ type: "spki", format: "der" });
        const material = { publicKey: { hint: hint === "der" ? sha256Hex(der) : hint } };
        return signStatement(key, statementOf([{ name: "model.bin", digest }]), material);
      });
      await expect(verify(world)).resolves.toBeDefined();
    }
  });

  it("resources in another order, as shards by their number", async () => {
    const model = await folder({});
    await model.write("w.bin", Buffer.alloc(11, 7));
    const key = generateSigningKey("P-256");
    const bytes = Buffer.alloc(11, 7);
    const bundle = signStatement(
      key,
      statementOf(
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((start) => ({
          name: `w.bin:${start}:${start + 1}`,
          digest: sha256Hex(bytes.subarray(start, start + 1)),
        })),
        { method: "shards", shard_size: 1 },
      ),
    );
    await expect(verify({ model, key, bundle })).resolves.toBeDefined();
  });

  it.each(["sha256", "sha256-sharded-8"])(
    "the reference implementation's shards, of the hash type %s",
    async (hash) => {
      const content = "x".repeat(20);
      const model = await folder({ f00: content, empty: "" });
      const key = generateSigningKey("P-256");
      const sharded = (name: string, start: number, end: number) => ({
        name: `${name}:${start}:${end}`,
        digest: sha256Hex(content.slice(start, end)),
        algorithm: "sha256-sharded-8",
      });
      const resources = [sharded("empty", 0, 0), sharded("f00", 0, 8), sharded("f00", 8, 16), sharded("f00", 16, 20)];
      const bundle = signStatement(key, statementOf(resources, { method: "shards", hash_type: hash, shard_size: 8 }));
      await expect(verify({ model, key, bundle })).resolves.toBeDefined();
      await model.write("empty", "no more");
      await expect(verify({ model, key, bundle })).rejects.toThrowError(
        refusal("digest_mismatch", /"empty" was changed/),
      );
    },
  );

  it("ignored paths of the signer's own machine, which match nothing here", async () => {
    const world = await singleFile((key) =>
      signStatement(
        key,
        statementOf([{ name: "model.bin", digest }], { ignore_paths: ["/home/me/x", "../y", ".git/", "a/b"] }),
      ),
    );
    await expect(
      verify({ ...world, model: { ...world.model, path: dirname(world.model.path) } }),
    ).resolves.toBeDefined();
  });

  it("the subjects of version 0.2, signed over what Python prints of the payload, with SHA-256", async () => {
    const model = await folder({ "signme-1": "one", "signme-2": "two" });
    const key = generateSigningKey("P-384");
    const statement = {
      _type: "https://in-toto.io/Statement/v1",
      subject: ["one", "two"].map((text, index) => ({
        name: `signme-${index + 1}`,
        digest: { sha256: sha256Hex(text) },
        annotations: { actual_hash_algorithm: "file-sha256" },
      })),
      predicateType: "https://model_signing/Digests/v0.1",
      predicate: { unused: 'Unused, it\'s "just"\n passed' },
    };
    const payload = Buffer.from(JSON.stringify(statement, undefined, 2));
    const printed = payload.toString().replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n");
    const signed = Buffer.from(`DSSEV1 28 ${payloadType} ${payload.length} b'${printed}'`);
    const bundle = signStatement(key, statement, {
      publicKey: { rawBytes: Buffer.from(key.publicKeyPem).toString("base64") },
    });
    const signature = sign("sha256", signed, key.privateKey).toString("base64");
    const envelope = {
      payload: payload.toString("base64"),
      payloadType,
      signatures: [{ sig: signature, keyid: null }],
    };
    await expect(verify({ model, key, bundle: { ...bundle, dsseEnvelope: envelope } })).resolves.toBeDefined();
    await model.write("signme-3", "three");
    await expect(verify({ model, key, bundle: { ...bundle, dsseEnvelope: envelope } })).rejects.toThrowError(
      /signme-3/,
    );
  });

  it("a public key as DER and as a compressed point", () => {
    for (const curve of ["P-256", "P-384", "P-521"] as const) {
      const key = generateSigningKey(curve);
      const publicKey = createPublicKey(key.publicKeyPem);
      const der = publicKey.export({ type: "spki", format: "der" });
      const point = der.subarray(-(2 * { "P-256": 32, "P-384": 48, "P-521": 66 }[curve]));
      const half = point.length / 2;
      const compressed = Buffer.concat([Buffer.from([((point.at(-1) ?? 0) & 1) + 2]), point.subarray(0, half)]);
      expect(publicKeyPem(parsePublicKey(der))).toBe(key.publicKeyPem);
      expect(publicKeyPem(parsePublicKey(compressed))).toBe(key.publicKeyPem);
    }
  });
});

describe("a signature with certificates", () => {
  const root = makeCertificate({ subject: "root", isAuthority: true, keyUsage: 0x04 });
  const middle = makeCertificate({ subject: "middle", issuer: root, isAuthority: true, keyUsage: 0x04 });
  const content = "single";
  /** dNSName "acme", permitted. */
  const namesOfAcme = { identifier: "551d1e", isCritical: true, value: Buffer.from("300aa0083006820461636d65", "hex") };
  const unheardOf = { identifier: "2b06010401868d1f01", isCritical: true, value: Buffer.from("0500", "hex") };
  const harmless = { ...unheardOf, isCritical: false };

  async function verifyWith(leaf: TestCertificate, trusted: readonly TestCertificate[], chain = [leaf, middle]) {
    const model = await folder({ "model.bin": content });
    const bundle = signStatement(leaf.key, statementOf([{ name: "model.bin", digest: sha256Hex(content) }]), {
      x509CertificateChain: { certificates: chain.map(({ der }) => ({ rawBytes: der.toString("base64") })) },
    });
    const certificates = readCertificates(trusted.map(({ pem }) => pem).join("\n"));
    const trust = { kind: "certificates", certificates, now: Date.now() } as const;
    return verifyModel({ path: model.path, bundle: parseBundle(JSON.stringify(bundle)), trust }, never);
  }

  /** What signs code, unless told otherwise. */
  const signer = (options: CertificateOptions) =>
    makeCertificate({ issuer: middle, keyUsage: 0x80, extendedUsages: ["codeSigning"], ...options });
  const leaf = signer({ subject: "leaf" });

  it("is accepted when it leads to the given root", async () => {
    await expect(verifyWith(leaf, [root])).resolves.toBeDefined();
    await expect(verifyWith(leaf, [middle, root], [leaf])).resolves.toBeDefined();
  });

  it("is accepted without a key usage, and self-signed where that very certificate is given", async () => {
    const code = makeCertificate({ subject: "code", issuer: middle, extendedUsages: ["codeSigning"] });
    const selfSigned = makeCertificate({ subject: "self", keyUsage: 0x80, extendedUsages: ["codeSigning"] });
    await expect(verifyWith(code, [root])).resolves.toBeDefined();
    await expect(verifyWith(selfSigned, [selfSigned], [selfSigned])).resolves.toBeDefined();
  });

  it("is accepted through an authority that may have as many below it, itself issued anew not counted", async () => {
    const above = makeCertificate({ subject: "above", isAuthority: true, keyUsage: 0x04, pathLength: 1 });
    const again = makeCertificate({
      subject: "above",
      issuer: above,
      isAuthority: true,
      keyUsage: 0x04,
      pathLength: 1,
    });
    const below = makeCertificate({
      subject: "below",
      issuer: again,
      isAuthority: true,
      keyUsage: 0x04,
      pathLength: 0,
    });
    const code = signer({ subject: "code", issuer: below });
    await expect(verifyWith(code, [above], [code, below, again])).resolves.toBeDefined();
  });

  it.each<[string, Partial<CertificateOptions>, RegExp]>([
    ["may have no other below it", { pathLength: 0 }, /"CN=above" may not stand above 1 more/],
    ["constrains names", { extensions: [namesOfAcme] }, /"CN=above" constrains names/],
    ["has a critical extension of its own", { extensions: [unheardOf] }, /\(1\.3\.6\.1\.4\.1\.99999\.1\)/],
    ["has an extension twice", { extensions: [harmless, harmless] }, /extensions of a certificate can't be read/],
    ["is for servers", { extendedUsages: ["serverAuth"] }, /"CN=above" is not meant for certificates that sign code/],
    ["has expired", { validTo: new Date(Date.now() - 1000) }, /"CN=above" is valid from/],
  ])("is refused through an authority that %s", async (_, options, message) => {
    const above = makeCertificate({ subject: "above", issuer: root, isAuthority: true, keyUsage: 0x04, ...options });
    const below = makeCertificate({ subject: "below", issuer: above, isAuthority: true, keyUsage: 0x04 });
    const code = signer({ subject: "code", issuer: below });
    for (const [trusted, chain] of [
      [[root], [code, below, above]],
      [[above], [code, below]],
    ] as const) {
      await expect(verifyWith(code, trusted, [...chain])).rejects.toThrowError(refusal("signature_invalid", message));
    }
  });

  it("is accepted through that one of two authorities of one name and key that is still valid", async () => {
    const { key } = middle;
    const expired = makeCertificate({
      subject: "middle",
      issuer: root,
      isAuthority: true,
      keyUsage: 0x04,
      key,
      validTo: new Date(Date.now() - 1000),
    });
    await expect(verifyWith(leaf, [root], [leaf, expired, middle])).resolves.toBeDefined();
  });

  it.each<[string, TestCertificate, readonly TestCertificate[], RegExp]>([
    ["another root", leaf, [makeCertificate({ subject: "root", isAuthority: true, keyUsage: 0x04 })], /does not lead/],
    ["an expired leaf", signer({ subject: "old", validTo: new Date(Date.now() - 1000) }), [root], /valid from/],
    ["a leaf of tomorrow", signer({ subject: "new", validFrom: new Date(Date.now() + 60_000) }), [root], /valid from/],
    ["a leaf not meant to sign", signer({ subject: "agrees", keyUsage: 0x08 }), [root], /not meant for signing code/],
    ["a leaf of a server", signer({ subject: "tls", extendedUsages: ["serverAuth"] }), [root], /not meant for signing/],
    [
      "a leaf that may sign, but no code",
      makeCertificate({ subject: "any", issuer: middle, keyUsage: 0x80 }),
      [root],
      /not meant for signing code/,
    ],
    [
      "a leaf with a critical extension of its own",
      signer({ subject: "odd", extensions: [unheardOf] }),
      [root],
      /critical/,
    ],
    ["a leaf without a purpose", makeCertificate({ subject: "none", issuer: middle }), [root], /meant/],
  ])("is refused with %s", async (_, certificate, trusted, message) => {
    await expect(verifyWith(certificate, trusted)).rejects.toThrowError(refusal("signature_invalid", message));
  });

  it("is refused when a certificate that is no authority issued the leaf", async () => {
    const issuer = makeCertificate({ subject: "plain", issuer: middle, keyUsage: 0x80 });
    const certificate = signer({ subject: "leaf", issuer });
    await expect(verifyWith(certificate, [root], [certificate, issuer, middle])).rejects.toThrowError(
      refusal("signature_invalid", /does not lead/),
    );
  });

  it("is not verified by a key, nor a key's by certificates", async () => {
    const world = await signedFolder();
    const certificates = readCertificates(root.pem);
    await expect(
      verify(world, { trust: { kind: "certificates", certificates, now: Date.now() } }),
    ).rejects.toThrowError(refusal("signature_invalid", /signed with a key/));
    const material = { x509CertificateChain: { certificates: [{ rawBytes: leaf.der.toString("base64") }] } };
    const bundle = signStatement(leaf.key, statementOf([{ name: "x", digest: sha256Hex("") }]), material);
    await expect(verify({ ...world, key: leaf.key, bundle })).rejects.toThrowError(
      refusal("signature_invalid", /signed with a certificate/),
    );
  });
});

it("listing a model stops when asked to", async () => {
  const model = await folder(modelFiles);
  const key = generateSigningKey("P-256");
  const stopped = AbortSignal.abort(new Error("stopped"));
  await expect(signModel({ path: join(model.path), key, method: "shards" }, stopped)).rejects.toThrowError("stopped");
});
