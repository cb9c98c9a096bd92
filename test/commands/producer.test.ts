import { existsSync } from "node:fs";
import { readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { preAuthenticationEncoding } from "../../src/models/bundle.ts";
import { tinyShape, writeRandomModel } from "../../src/models/demo/train/random-model.ts";
import { sha256Hex } from "../../src/models/digest.ts";
import { signModel } from "../../src/models/signature.ts";
import { generateSigningKey, signBytes } from "../../src/models/signing-key.ts";
import { makeCertificate } from "../worlds/certificates.ts";
import { peerllm as command } from "../worlds/command.ts";
import { fileServer } from "../worlds/file-server.ts";
import { ggufFile } from "../worlds/gguf-file.ts";
import { type Folder, temporaryFolder } from "../worlds/model-folder.ts";

let home: Folder;
const open: Folder[] = [];

beforeAll(async () => {
  home = await temporaryFolder();
});
afterAll(async () => {
  for (const folder of [...open, home]) await folder.remove();
});

/** Runs the built program as a script would. */
async function peerllm(...words: string[]) {
  const ran = await command(["producer", ...words, "--json"], { home: home.path });
  return { code: ran.code, document: Object(ran.json()) };
}

async function folder(files: Readonly<Record<string, string | Uint8Array>>): Promise<Folder> {
  const made = await temporaryFolder(files);
  open.push(made);
  return made;
}

const never = new AbortController().signal;
const key = generateSigningKey("P-256");

/** A folder signed without the program, which is then asked to verify it. */
async function signedFolder() {
  const model = await folder({ "weights.bin": "weights", "config.json": "{}", "signer.pub": key.publicKeyPem });
  const signaturePath = model.file("model.sig");
  const ignorePaths = ["signer.pub"];
  const { bundle } = await signModel({ path: model.path, key, method: "files", signaturePath, ignorePaths }, never);
  await model.write("model.sig", JSON.stringify(bundle));
  const verify = (...more: string[]) =>
    peerllm("verify", model.path, "--signature", signaturePath, "--public-key", model.file("signer.pub"), ...more);
  return { model, signature: signaturePath, verify };
}

describe("producer verify", () => {
  it("accepts what producer sign signed", async () => {
    const single = await folder({ "tiny.gguf": ggufFile() });
    const path = single.file("tiny.gguf");
    const signed = await peerllm("sign", path, "--method", "shards");
    expect(signed).toMatchObject({ code: 0, document: { signature: `${path}.sig` } });
    await peerllm("key", "export", "--output", single.file("producer.pub"));
    const verified = await peerllm(
      "verify",
      path,
      "--signature",
      `${path}.sig`,
      "--public-key",
      single.file("producer.pub"),
    );
    expect(verified).toMatchObject({ code: 0, document: { verified: true, resources: 1 } });
  });

  it.each<[string, (model: Folder) => Promise<unknown>, string, RegExp]>([
    [
      "a tampered byte",
      (model) => model.write("weights.bin", "weightZ"),
      "digest_mismatch",
      /"weights\.bin" was changed/,
    ],
    ["a missing file", (model) => rm(model.file("config.json")), "digest_mismatch", /"config\.json" is missing/],
    ["an extra file", (model) => model.write("extra.bin", "x"), "digest_mismatch", /"extra\.bin" is not signed/],
    ["a link", (model) => symlink("weights.bin", model.file("link")), "digest_mismatch", /"link" is a symbolic link/],
    ["a torn signature", (model) => model.write("model.sig", "{"), "signature_invalid", /not JSON/],
  ])("refuses %s with exit code 5 and says which", async (_, spoil, code, message) => {
    const { model, verify } = await signedFolder();
    await spoil(model);
    expect(await verify()).toMatchObject({
      code: 5,
      document: { error: { code, message: expect.stringMatching(message), hint: expect.any(String) } },
    });
  });

  it("lets an extra file be when told to", async () => {
    const { model, verify } = await signedFolder();
    await model.write("extra.bin", "x");
    expect(await verify("--ignore-unsigned-files")).toMatchObject({ code: 0 });
    expect(await verify("--ignore-paths", "extra.bin")).toMatchObject({ code: 0 });
  });

  it("refuses a swapped key with exit code 5", async () => {
    const { model, signature } = await signedFolder();
    const other = await folder({ "other.pub": generateSigningKey("P-256").publicKeyPem });
    expect(
      await peerllm("verify", model.path, "--signature", signature, "--public-key", other.file("other.pub")),
    ).toMatchObject({
      code: 5,
      document: { error: { code: "signature_invalid", message: expect.stringMatching(/another key/) } },
    });
  });

  it("refuses a signed path with '..' with exit code 5, and accepts a certificate that leads to the given one", async () => {
    const root = makeCertificate({ subject: "root", isAuthority: true, keyUsage: 0x04 });
    const leaf = makeCertificate({ subject: "leaf", issuer: root, keyUsage: 0x80, extendedUsages: ["codeSigning"] });
    const signedAs = (name: string) => {
      const digest = sha256Hex("x");
      const payloadType = "application/vnd.in-toto+json";
      const payload = Buffer.from(
        JSON.stringify({
          _type: "https://in-toto.io/Statement/v1",
          subject: [{ name: "model", digest: { sha256: sha256Hex(Buffer.from(digest, "hex")) } }],
          predicateType: "https://model_signing/signature/v1.0",
          predicate: {
            resources: [{ name, digest, algorithm: "sha256" }],
            serialization: { method: "files", hash_type: "sha256", allow_symlinks: false },
          },
        }),
      );
      const sig = signBytes(preAuthenticationEncoding(payloadType, payload), leaf.key.privateKey).toString("base64");
      return JSON.stringify({
        mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
        verificationMaterial: { x509CertificateChain: { certificates: [{ rawBytes: leaf.der.toString("base64") }] } },
        dsseEnvelope: { payload: payload.toString("base64"), payloadType, signatures: [{ sig }] },
      });
    };
    const model = await folder({ x: "x" });
    const outside = await folder({ "up.sig": signedAs("../x"), "good.sig": signedAs("x"), "root.pem": root.pem });
    const verify = (signature: string) =>
      peerllm(
        "verify",
        model.path,
        "--signature",
        outside.file(signature),
        "--certificate-chain",
        outside.file("root.pem"),
      );
    expect(await verify("good.sig")).toMatchObject({ code: 0 });
    expect(await verify("up.sig")).toMatchObject({
      code: 5,
      document: { error: { code: "signature_invalid", message: expect.stringMatching(/"\.\.\/x" contains "\.\."/) } },
    });
  });

  it("takes a file that is no key or no certificate as wrong usage, and names it", async () => {
    const { model, signature } = await signedFolder();
    const outside = await folder({ "junk.pem": "junk" });
    for (const option of ["--public-key", "--certificate-chain"]) {
      const given = [option, outside.file("junk.pem")];
      expect(await peerllm("verify", model.path, "--signature", signature, ...given)).toMatchObject({
        code: 2,
        document: { error: { code: "usage_invalid", message: expect.stringContaining("junk.pem") } },
      });
    }
  });

  it("takes a missing file, or neither key nor chain, as wrong usage", async () => {
    const { model, signature } = await signedFolder();
    const neither = await peerllm("verify", model.path, "--signature", signature);
    expect(neither).toMatchObject({ code: 2, document: { error: { code: "usage_invalid" } } });
    const publicKey = model.file("signer.pub");
    const gone = await peerllm("verify", model.path, "--signature", "/nowhere", "--public-key", publicKey);
    expect(gone).toMatchObject({ code: 2, document: { error: { code: "file_missing" } } });
  });
});

describe("producer publish", () => {
  const named = ["--name", "acme/tiny", "--version", "1.0.0"];

  it.each(["https://host.example/m%2F..", "https://host.example/", "https://host.example/%zz.gguf"])(
    "refuses %s, which names no model file, and leaves the home's models alone",
    async (source) => {
      const kept = await home.write("models/sources/kept/tiny.gguf", "kept");
      expect(await peerllm("publish", source, ...named)).toMatchObject({
        code: 2,
        document: { error: { code: "reference_malformed", message: expect.stringContaining(".gguf") } },
      });
      expect(existsSync(kept)).toBe(true);
    },
  );

  it("refuses what is no file, or has another name, before it asks anybody", async () => {
    const place = await folder({ "weights.bin": ggufFile() });
    await execa("mkfifo", [place.file("pipe.gguf")]);
    for (const name of ["pipe.gguf", "weights.bin"]) {
      expect(await peerllm("publish", place.file(name), ...named)).toMatchObject({
        code: 2,
        document: { error: { code: "model_invalid", message: expect.stringContaining(name) } },
      });
    }
  });

  it("copies a source anew whose file was changed under its hands, and publishes it then", async () => {
    const place = await folder({});
    const [before, after] = await Promise.all([1, 2].map((seed) => randomModel(place, seed)));
    if (before === undefined || after === undefined) throw new Error("two models");
    // The hub breaks off, and has another file of the same size from then on.
    const hub = await fileServer(after, (request) =>
      request === 0 ? { bytes: () => before, after: { bytes: 100_000, ending: "break" } } : undefined,
    );
    const up = await command(["network", "up", "--port", "0", "--hub-url", hub.url, "--json"], { home: home.path });
    try {
      const { url } = Object(up.json());
      const words = ["publish", "hf:acme/tiny-GGUF/tiny.gguf", "--name", "acme/tiny", "--version", "1.0.0"];
      const options = ["--license", "MIT", "--hub-url", hub.url, "--network", url];
      expect(await peerllm(...words, ...options)).toMatchObject({
        code: 5,
        document: { error: { code: "digest_mismatch" } },
      });
      expect(await peerllm(...words, ...options)).toMatchObject({
        code: 0,
        document: { model: "acme/tiny:1.0.0", digest: sha256Hex(after) },
      });
    } finally {
      await command(["network", "down", "--json"], { home: home.path });
      await hub.close();
    }
  }, 120_000);
});

async function randomModel(place: Folder, seed: number): Promise<Buffer> {
  const path = place.file(`${seed}.gguf`);
  writeRandomModel(path, tinyShape, seed);
  return readFile(path);
}

describe("producer key", () => {
  it("is made once, shown the same ever after, and never overwritten", async () => {
    const first = await peerllm("key", "show");
    expect(first).toMatchObject({
      code: 0,
      document: { curve: "P-256", file: join(home.path, "keys", "producer.pem") },
    });
    expect((await peerllm("key", "show")).document).toEqual(first.document);
    expect(await peerllm("key", "create")).toMatchObject({ code: 2, document: { error: { code: "conflict" } } });
  });
});
