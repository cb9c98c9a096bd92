import { join } from "node:path";
import { sha256Hex } from "../../src/models/digest.ts";
import { parseGguf } from "../../src/models/gguf.ts";
import { type ModelManifest, type SignedManifest, sealManifest } from "../../src/models/manifest.ts";
import { signModel } from "../../src/models/signature.ts";
import { generateSigningKey, type SigningKey } from "../../src/models/signing-key.ts";
import { zeroUsd } from "../../src/money.ts";
import { type GgufOptions, ggufFile } from "./gguf-file.ts";
import { temporaryFolder } from "./model-folder.ts";

export interface TestModel {
  readonly bytes: Buffer;
  readonly key: SigningKey;
  readonly signed: SignedManifest;
}

export interface TestModelOptions {
  readonly key?: SigningKey;
  readonly file?: GgufOptions;
  /** The bytes of a model that an engine opens, instead of such a file. */
  readonly bytes?: Buffer;
  readonly manifest?: Partial<ModelManifest>;
}

/** A small model, signed and ready to be published as `acme/tiny:1.0.0`. */
export async function testModel(options: TestModelOptions = {}): Promise<TestModel> {
  const key = options.key ?? generateSigningKey("P-256");
  const bytes = options.bytes ?? ggufFile(options.file);
  const folder = await temporaryFolder({ "tiny.gguf": bytes });
  try {
    const path = join(folder.path, "tiny.gguf");
    const { bundle, rootDigest } = await signModel({ path, key, method: "shards" }, new AbortController().signal);
    const facts = parseGguf(bytes, bytes.length);
    if (facts === undefined) throw new Error("the test's file has no whole header");
    const manifest: ModelManifest = {
      name: "acme/tiny",
      version: "1.0.0",
      license: "MIT",
      summary: "A tiny model.",
      visibility: "global",
      prices: { royaltyPer100kTokens: zeroUsd, once: zeroUsd, monthly: zeroUsd },
      facts,
      fileName: "tiny.gguf",
      sizeBytes: bytes.length,
      digest: sha256Hex(bytes),
      rootDigest,
      source: undefined,
      producerKey: key.publicKeyPem,
      ...options.manifest,
    };
    return { bytes, key, signed: sealManifest(manifest, bundle, key) };
  } finally {
    await folder.remove();
  }
}
