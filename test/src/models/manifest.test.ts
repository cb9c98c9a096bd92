import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ErrorCode, isPeerError } from "../../../src/errors.ts";
import {
  manifestDigest,
  modelId,
  producerOf,
  readSignedManifest,
  sealManifest,
  sealYank,
  signedManifestJson,
  verifySignedManifest,
  verifyYank,
} from "../../../src/models/manifest.ts";
import { generateSigningKey } from "../../../src/models/signing-key.ts";
import { nanoUsd } from "../../../src/money.ts";
import { testModel } from "../../worlds/published-model.ts";

function refusal(code: ErrorCode, message = /./) {
  return expect.toSatisfy((error: unknown) => isPeerError(error, code) && message.test(error.message));
}

/** A copy with one field, named by its path, set to another value; removed where undefined. */
function changed(value: unknown, path: string, to: unknown): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(value));
  const names = path.split(".");
  const last = names.pop() ?? "";
  const target = names.reduce<unknown>((each, name) => Reflect.get(Object(each), name), copy);
  if (to === undefined) Reflect.deleteProperty(Object(target), last);
  else Reflect.set(Object(target), last, to);
  return copy;
}

describe("a signed manifest", () => {
  it("is the same after it was sent, and verifies", async () => {
    const prices = { royaltyPer100kTokens: nanoUsd(250_000_000n), once: nanoUsd(1n), monthly: nanoUsd(0n) };
    const { signed, key, bytes } = await testModel({ manifest: { prices, source: "hf:a/b/tiny.gguf" } });
    const read = readSignedManifest(JSON.parse(JSON.stringify(signedManifestJson(signed))));
    expect(read).toEqual(signed);
    expect(verifySignedManifest(read)).toMatchObject([{ start: 0, end: bytes.length }]);
    expect(producerOf(read.manifest)).toBe(key.fingerprint);
    expect(modelId(read.manifest)).toBe("acme/tiny:1.0.0");
  });

  it.each<[string, unknown]>([
    ["manifest.name", "acme/other"],
    ["manifest.version", "1.0.1"],
    ["manifest.license", "Apache-2.0"],
    ["manifest.summary", "Better."],
    ["manifest.visibility", "private"],
    ["manifest.prices.royaltyPer100kTokens", "1"],
    ["manifest.prices.monthly", "1"],
    ["manifest.facts.contextLength", 4096],
    ["manifest.fileName", "other.gguf"],
    ["manifest.sizeBytes", 5],
    ["manifest.digest", "0".repeat(64)],
    ["manifest.rootDigest", "0".repeat(64)],
    ["manifest.source", "hf:a/b/c.gguf"],
  ])("with another %s is refused: the seal covers it", async (path, to) => {
    const { signed } = await testModel();
    const read = readSignedManifest(changed(signedManifestJson(signed), path, to));
    expect(() => verifySignedManifest(read)).toThrowError(refusal("signature_invalid", /not sealed/));
    expect(manifestDigest(read.manifest)).not.toBe(manifestDigest(signed.manifest));
  });

  it("sealed again by another key is refused: the file's signature is the first key's", async () => {
    const { signed } = await testModel();
    const thief = generateSigningKey("P-256");
    const stolen = sealManifest({ ...signed.manifest, producerKey: thief.publicKeyPem }, signed.bundle, thief);
    expect(() => verifySignedManifest(stolen)).toThrowError(refusal("signature_invalid"));
  });

  it.each<[string, object, RegExp]>([
    ["another root", { rootDigest: "0".repeat(64) }, /another signature/],
    ["another size", { sizeBytes: 7 }, /signed shards/],
    ["another file", { fileName: "other.gguf" }, /signed shards/],
  ])("that its own producer sealed with %s is refused", async (_, manifest, message) => {
    const { signed, key } = await testModel();
    const wrong = sealManifest({ ...signed.manifest, ...manifest }, signed.bundle, key);
    expect(() => verifySignedManifest(wrong)).toThrowError(refusal("signature_invalid", message));
  });

  it.each<[string, unknown]>([
    ["manifest.name", "tiny"],
    ["manifest.name", "acme/../tiny"],
    ["manifest.version", "1.2"],
    ["manifest.version", "latest"],
    ["manifest.license", "free for all"],
    ["manifest.summary", "x".repeat(501)],
    ["manifest.summary", "\u001b[2J"],
    ["manifest.visibility", "public"],
    ["manifest.prices.once", 1],
    ["manifest.prices.once", "-1"],
    ["manifest.prices.once", "1.5"],
    ["manifest.prices.once", "1000000000001"],
    ["manifest.facts.parameters", 0],
    ["manifest.fileName", "../tiny.gguf"],
    ["manifest.fileName", "tiny.bin"],
    ["manifest.fileName", ".gguf"],
    ["manifest.sizeBytes", 0],
    ["manifest.sizeBytes", 1.5],
    ["manifest.digest", "abc"],
    ["manifest.source", "http://127.0.0.1/x"],
    ["manifest.source", "acme/tiny"],
    ["manifest.unknown", 1],
    ["manifest.prices", undefined],
    ["seal", "?"],
    ["bundle", undefined],
  ])("whose %s is %j is refused by name", async (path, to) => {
    const { signed } = await testModel();
    const json = changed(signedManifestJson(signed), path, to);
    expect(() => readSignedManifest(json)).toThrowError(refusal("manifest_invalid"));
  });

  it("is read or refused, whatever the JSON", async () => {
    const { signed } = await testModel();
    const whole = signedManifestJson(signed);
    const paths = ["manifest", "bundle", "seal", ...Object.keys(signed.manifest).map((key) => `manifest.${key}`)];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, to) => {
        try {
          verifySignedManifest(readSignedManifest(changed(whole, path, to)));
        } catch (error) {
          expect(isPeerError(error, "manifest_invalid") || isPeerError(error, "signature_invalid")).toBe(true);
        }
      }),
      { numRuns: 300, seed: 11 },
    );
  });
});

describe("a yank", () => {
  it("is the producer's to order, for that version and that network alone", async () => {
    const { signed, key } = await testModel();
    const yank = { networkId: "network_a", model: "acme/tiny:1.0.0" };
    const verify = (seal: string) => () => verifyYank(signed.manifest, "network_a", seal);
    expect(verify(sealYank(yank, key))).not.toThrowError();
    const others = [
      sealYank({ ...yank, model: "acme/tiny:1.0.1" }, key),
      sealYank({ ...yank, networkId: "network_b" }, key),
      sealYank(yank, generateSigningKey("P-256")),
    ];
    for (const seal of others) expect(verify(seal)).toThrowError(refusal("permission_denied"));
  });
});
