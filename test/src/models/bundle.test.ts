import { createPublicKey } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { isPeerError } from "../../../src/errors.ts";
import { parseBundle } from "../../../src/models/bundle.ts";
import { readCertificates } from "../../../src/models/certificate.ts";
import { openBundle, signModel, type Trust, verifyModel } from "../../../src/models/signature.ts";
import { generateSigningKey, keyFingerprint, parsePublicKey } from "../../../src/models/signing-key.ts";
import { makeCertificate } from "../../worlds/certificates.ts";
import { temporaryFolder } from "../../worlds/model-folder.ts";

const shared = "../shared/oms";
const hasVectors = existsSync(shared);
const never = new AbortController().signal;

/** The key of the reference implementation's own test signatures, whose fingerprint their hint is. */
const vectorKey = `-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEsu6rZGBTjxtvRWPMixT+3HyndV0J0Ybt
aHZUcO4DEK+OJHO/4e32bb/fbJKSpRgcBsIpKLcVijUomyFOERbd7u+BTPSUjGZD
Qq6J7lTvp/EAXQGOKxW9RP0MGX3qAkvi
-----END PUBLIC KEY-----
`;
const vectorRoot = "92745110b1ab4368471cbe31664e10174e954b113a3df333db860317b2c6dec4";

function vector(path: string): string {
  return readFileSync(join(shared, "test-vectors", path), "utf8");
}

function invalid(message: RegExp) {
  return expect.toSatisfy((error: unknown) => isPeerError(error, "signature_invalid") && message.test(error.message));
}

describe("vectors of our own, in the forms of the specification and of the reference implementation", () => {
  const own = join(import.meta.dirname, "../../fixtures/oms");
  const model = join(own, "model");
  const text = (path: string) => readFileSync(join(own, path), "utf8");
  const byKey: Trust = { kind: "key", publicKey: parsePublicKey(Buffer.from(text("key.pem"))) };
  const byCertificate: Trust = {
    kind: "certificates",
    certificates: readCertificates(text("root.pem")),
    now: Date.parse("2027-01-01"),
  };
  const forms = ["valid", "invalid", "invalid-payload"].flatMap((kind) =>
    readdirSync(join(own, kind)).map((file) => `${kind}/${file.replace(".bundle.json", "")}`),
  );
  const valid: [string, Trust][] = [
    ["valid/certificate", byCertificate],
    ["valid/key", byKey],
    ["valid/reference-0.2", byKey],
    ["valid/reference-1.0", byKey],
    ["valid/reference-shards", byKey],
  ];
  const invalidForms: [string, RegExp][] = [
    ["invalid/empty", /empty/],
    ["invalid/missing-envelope", /dsseEnvelope/],
    ["invalid/missing-tlog-entries", /tlogEntries/],
    ["invalid/missing-verification-material", /verificationMaterial/],
  ];
  const invalidPayloads: [string, RegExp][] = [
    ["invalid-payload/empty-resources", /"predicate\.resources"/],
    ["invalid-payload/missing-predicate", /"predicate"/],
    ["invalid-payload/path-outside", /"\.\.\/signme-1" contains "\.\."/],
    ["invalid-payload/wrong-predicate", /predicate is "https:\/\/example\.com\/wrong\/v1\.0"/],
    ["invalid-payload/wrong-statement-type", /not an in-toto statement v1/],
  ];

  it("are all known to this suite", () => {
    const known = [...valid, ...invalidForms, ...invalidPayloads].map(([form]) => form);
    expect(forms.toSorted()).toEqual([...known, "valid/sigstore"].toSorted());
  });

  it.each(valid)("%s verifies the files it was made of, and no others", async (form, trust) => {
    const bundle = parseBundle(text(`${form}.bundle.json`));
    // Older versions did not say what they left out.
    const ignorePaths = ["ignore-me"];
    await expect(verifyModel({ path: model, bundle, trust, ignorePaths }, never)).resolves.toBeDefined();
    const changed = await temporaryFolder({ empty: "", "signme-1": "signed one\n", "signme-2": "signed 2\n" });
    onTestFinished(changed.remove);
    await expect(verifyModel({ path: changed.path, bundle, trust }, never)).rejects.toSatisfy((error) =>
      isPeerError(error, "digest_mismatch"),
    );
  });

  it.each(valid)("%s is not what another key or authority signed", (form) => {
    const bundle = parseBundle(text(`${form}.bundle.json`));
    const publicKey = createPublicKey(generateSigningKey("P-384").publicKeyPem);
    const other = makeCertificate({ subject: "intermediate-ca", isAuthority: true, keyUsage: 0x04 });
    const strangers: readonly Trust[] = [
      { kind: "key", publicKey },
      { ...byCertificate, certificates: readCertificates(other.pem) },
    ];
    for (const trust of strangers) expect(() => openBundle(bundle, trust)).toThrowError(invalid(/./));
  });

  it("valid/sigstore is a bundle, and says which method it needs", () => {
    const bundle = parseBundle(text("valid/sigstore.bundle.json"));
    expect(() => openBundle(bundle, byKey)).toThrowError(invalid(/keyless/));
  });

  it.each(invalidForms)("%s is refused by name", (form, message) => {
    expect(() => parseBundle(text(`${form}.bundle.json`))).toThrowError(invalid(message));
  });

  it.each(invalidPayloads)("%s is signed rightly, and refused for what it says", (form, message) => {
    expect(() => openBundle(parseBundle(text(`${form}.bundle.json`)), byKey)).toThrowError(invalid(message));
  });
});

describe.runIf(hasVectors)("vectors of ../shared/oms (skipped where that folder is absent)", () => {
  const publicKey = parsePublicKey(Buffer.from(vectorKey));

  it("hold every file this suite knows of", () => {
    expect(
      ["valid", "invalid", "invalid-payload"].map((kind) => readdirSync(join(shared, "test-vectors", kind))),
    ).toEqual([
      ["certificate.bundle.json", "key.bundle.json", "sigstore.bundle.json"],
      [
        "empty.bundle.json",
        "missing-envelope.bundle.json",
        "missing-tlog-entries.bundle.json",
        "missing-verification-material.bundle.json",
      ],
      ["wrong-predicate.bundle.json"],
    ]);
  });

  it("valid/key verifies with its key and with no other", () => {
    const bundle = parseBundle(vector("valid/key.bundle.json"));
    expect(openBundle(bundle, { kind: "key", publicKey }).rootDigest).toBe(vectorRoot);
    expect(bundle.material).toMatchObject({ kind: "key", hint: keyFingerprint(publicKey) });
    const other = createPublicKey(generateSigningKey("P-384").publicKeyPem);
    expect(() => openBundle(bundle, { kind: "key", publicKey: other })).toThrowError(invalid(/another key/));
  });

  it("valid/certificate verifies with its issuer given as the chain", () => {
    const bundle = parseBundle(vector("valid/certificate.bundle.json"));
    const { material } = bundle;
    if (material.kind !== "certificates") throw new Error("not a certificate bundle");
    const now = Date.parse("2026-01-01");
    const trust = { kind: "certificates", certificates: material.chain.slice(1), now } as const;
    const statement = openBundle(bundle, trust);
    expect(statement.resources.map(({ name }) => name)).toEqual(["signme-1", "signme-2"]);
    expect(statement.serialization.ignorePaths).toContain("ignore-me");
    expect(() => openBundle(bundle, { ...trust, now: Date.parse("2040-01-01") })).toThrowError(invalid(/valid from/));
  });

  it("valid/sigstore is a bundle, and says which method it needs", () => {
    const bundle = parseBundle(vector("valid/sigstore.bundle.json"));
    expect(bundle.material.kind).toBe("keyless");
    expect(() => openBundle(bundle, { kind: "key", publicKey })).toThrowError(invalid(/keyless/));
  });

  it.each([
    ["empty", /empty/],
    ["missing-envelope", /dsseEnvelope/],
    ["missing-tlog-entries", /tlogEntries/],
    ["missing-verification-material", /verificationMaterial/],
  ])("invalid/%s is refused by name", (name, message) => {
    expect(() => parseBundle(vector(`invalid/${name}.bundle.json`))).toThrowError(invalid(message));
  });

  it("invalid-payload/wrong-predicate is refused: it was not signed again after the change", () => {
    const bundle = parseBundle(vector("invalid-payload/wrong-predicate.bundle.json"));
    expect(() => openBundle(bundle, { kind: "key", publicKey })).toThrowError(invalid(/altered/));
  });

  it.each([
    ["P-256", "files"],
    ["P-384", "shards"],
    ["P-521", "files"],
  ] as const)("our bundles (%s, %s) validate against the published schemas", async (curve, method) => {
    const ajv = new Ajv2020({ strict: false });
    for (const name of ["predicate", "statement", "envelope", "bundle"]) {
      ajv.addSchema(JSON.parse(readFileSync(join(shared, "schemas", `${name}.schema.json`), "utf8")));
    }
    const model = await temporaryFolder({ "a.bin": "a", "b/c.bin": "c" });
    const { bundle } = await signModel({ path: model.path, key: generateSigningKey(curve), method }, never);
    await model.remove();
    const payload = Buffer.from(String(Reflect.get(Object(bundle.dsseEnvelope), "payload")), "base64").toString();
    const check = (schema: string, value: unknown) => {
      ajv.validate(`https://model_signing/${schema}/v1.0/schema`, value);
      return ajv.errors ?? [];
    };
    expect(check("bundle", bundle)).toEqual([]);
    expect(check("statement", JSON.parse(payload))).toEqual([]);
  });
});

describe("a bundle", () => {
  const key = generateSigningKey("P-256");
  const trust = { kind: "key", publicKey: createPublicKey(key.publicKeyPem) } as const;

  async function bundleText(): Promise<string> {
    const model = await temporaryFolder({ "a.bin": "a" });
    const { bundle } = await signModel({ path: model.path, key, method: "files" }, never);
    await model.remove();
    return JSON.stringify(bundle);
  }

  it.each<[string, (text: string) => string, RegExp]>([
    ["empty", () => "", /empty/],
    ["garbled", () => "not json {", /not JSON/],
    ["cut off", (text) => text.slice(0, 100), /not JSON/],
    ["a list", () => "[]", /bundle/],
    ["of another media type", (text) => text.replace("bundle.v0.3", "bundle.v0.1"), /mediaType/],
    ["of another payload type", (text) => text.replace("application/vnd.in-toto+json", "text/plain"), /payloadType/],
    ["without signatures", (text) => text.replace(/"signatures":\[.*?\]/, '"signatures":[]'), /signatures/],
    ["without a payload", (text) => text.replace(/"payload":"[^"]+",/, ""), /payload/],
    ["without material", (text) => text.replace(/"publicKey":\{[^}]+\},/, ""), /exactly one of/],
    ["with a key that is named by nothing", (text) => text.replace(/"hint":"[^"]+"/, ""), /neither hint/],
  ])("%s is refused", async (_, change, message) => {
    const text = change(await bundleText());
    expect(() => parseBundle(text)).toThrowError(invalid(message));
  });

  it("whose payload was changed is refused, whatever the change", async () => {
    const text = await bundleText();
    const envelope = JSON.parse(text).dsseEnvelope;
    const payload = Buffer.from(envelope.payload, "base64");
    for (let at = 0; at < payload.length; at += 17) {
      const changed = Buffer.from(payload);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const bundle = parseBundle(text.replace(envelope.payload, changed.toString("base64")));
      expect(() => openBundle(bundle, trust)).toThrowError(invalid(/altered/));
    }
  });

  it("verifies a whole model again after it was written and read", async () => {
    const model = await temporaryFolder({ "a.bin": "a" });
    const { bundle } = await signModel({ path: model.path, key, method: "files" }, never);
    const read = parseBundle(JSON.stringify(bundle, undefined, 2));
    await expect(verifyModel({ path: model.path, bundle: read, trust }, never)).resolves.toBeDefined();
    await model.remove();
  });
});
