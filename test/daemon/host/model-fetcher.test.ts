import { readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  describePublished,
  describeUpstream,
  fetchPublished,
  modelThatFits,
  openLocalFile,
} from "../../../daemon/host/model-fetcher.ts";
import { type ModelFiles, openModelFiles } from "../../../daemon/registry/model-files.ts";
import { systemClock } from "../../../src/clock.ts";
import { signedManifestJson } from "../../../src/models/manifest.ts";
import { demoModelFile } from "../../worlds/answers.ts";
import { temporaryFolder } from "../../worlds/model-folder.ts";
import { type TestModel, type TestModelOptions, testModel } from "../../worlds/published-model.ts";

const { signal } = new AbortController();

interface Registry {
  readonly url: string;
  readonly apiKey: string;
  /** Ranges of the file that were asked for. */
  readonly reads: readonly string[];
  /** Changes the next `count` answers with the file's bytes. */
  damage(count: number): void;
}

/** A network with one model: its manifest, and its file by HTTP Range for those with the key. */
async function registry({ bytes, signed }: TestModel): Promise<Registry> {
  const reads: string[] = [];
  let damaged = 0;
  const { name, version, digest, sizeBytes } = signed.manifest;
  const row = {
    model: `${name}:${version}`,
    digest: `sha256:${digest}`,
    sizeBytes,
    summary: null,
    license: null,
    contextLength: null,
    royaltyUsdPer100kTokens: "0.00",
    priceUsd: null,
    usdPerMonth: null,
    hosts: 0,
  };
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    if (request.headers.authorization !== "Bearer sk-peer-test") return void response.writeHead(401).end("{}");
    if (path === "/api/v1/models")
      return void response.end(JSON.stringify({ models: [{ ...row, sizeBytes: 9e12 }], next: 7 }));
    if (path === "/api/v1/models?after=7") return void response.end(JSON.stringify({ models: [row], next: null }));
    if (path.startsWith("/api/v1/models/")) {
      return void response.end(JSON.stringify({ ...row, manifest: signedManifestJson(signed) }));
    }
    const [, from = "0", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    reads.push(request.headers.range ?? "whole");
    const end = to === "" ? bytes.length : Number(to) + 1;
    const part = Buffer.from(bytes.subarray(Number(from), end));
    if (damaged > 0) part.fill(0, 0, 8);
    damaged = Math.max(0, damaged - 1);
    response.writeHead(206, {
      "content-length": part.length,
      "content-range": `bytes ${from}-${end - 1}/${bytes.length}`,
    });
    response.end(part);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  return {
    url,
    apiKey: "sk-peer-test",
    reads,
    damage: (count) => {
      damaged = count;
    },
  };
}

async function world(options: TestModelOptions = {}) {
  const model = await testModel(options);
  const network = await registry(model);
  const folder = await temporaryFolder();
  const files = openModelFiles(folder.path, systemClock);
  onTestFinished(async () => {
    await files.close();
    await folder.remove();
  });
  const fetched = (reference: string, through: ModelFiles = files) =>
    fetchPublished(reference, network, through, () => {}, signal);
  return { ...model, network, folder, files, fetched };
}

describe("a model of the network", () => {
  it("is fetched, verified and kept under its digest", async () => {
    const { fetched, bytes, signed, folder, network } = await world();
    const hosted = await fetched("acme/tiny");
    const file = join(folder.path, `${signed.manifest.digest}.gguf`);
    expect(hosted).toEqual({
      reference: "acme/tiny:1.0.0",
      digest: `sha256:${signed.manifest.digest}`,
      weights: { kind: "file", file, restore: expect.any(Function) },
      sizeBytes: bytes.length,
      contextLength: signed.manifest.facts.contextLength,
    });
    expect(await readFile(file)).toEqual(bytes);
    expect(await fetched("acme/tiny:1.0.0")).toMatchObject({ ...hosted, weights: { kind: "file", file } });
    expect(network.reads).toHaveLength(1);
  });

  it("is fetched again, unasked, where its file was damaged since", async () => {
    const { fetched, bytes, folder, signed, network } = await world();
    await fetched("acme/tiny");
    const file = join(folder.path, `${signed.manifest.digest}.gguf`);
    await writeFile(
      file,
      bytes.map((byte, index) => (index === 100 ? byte ^ 1 : byte)),
    );
    await fetched("acme/tiny");
    expect(await readFile(file)).toEqual(bytes);
    expect(network.reads).toHaveLength(2);
  });

  it("is verified again when it is restored, and fetched only where it was damaged since, or cut, or is gone", async () => {
    const { fetched, bytes, folder, signed, network } = await world();
    const { weights } = await fetched("acme/tiny");
    const restore = async () => {
      if (weights.kind === "file") await weights.restore?.(signal);
    };
    const file = join(folder.path, `${signed.manifest.digest}.gguf`);
    await restore();
    expect(network.reads).toHaveLength(1);
    await writeFile(file, bytes.toReversed());
    await restore();
    expect(await readFile(file)).toEqual(bytes);
    await truncate(file, 100);
    await restore();
    expect(await readFile(file)).toEqual(bytes);
    await rm(file);
    await restore();
    expect(await readFile(file)).toEqual(bytes);
    expect(network.reads).toHaveLength(4);
  });

  it("that arrives damaged is asked for again, and never served from a source that keeps damaging it", async () => {
    const { fetched, files, network } = await world();
    network.damage(3);
    await expect(fetched("acme/tiny")).rejects.toMatchObject({ code: "digest_mismatch" });
    expect(await files.list()).toEqual([]);
    network.damage(1);
    expect(await fetched("acme/tiny")).toMatchObject({ reference: "acme/tiny:1.0.0" });
  });

  it("is fetched once for all who want it at the same time", async () => {
    const { fetched, network } = await world();
    const all = await Promise.all([fetched("acme/tiny"), fetched("acme/tiny:1.0.0"), fetched("acme/tiny:1")]);
    expect(new Set(all.map(({ digest }) => digest)).size).toBe(1);
    expect(network.reads).toHaveLength(1);
  });

  it.each(["acme/other", "acme/tiny:1.0.1", "acme/tiny:1.0.00", "acme/tiny:2"])(
    "is not taken for %s, whatever the network says",
    async (reference) => {
      const { fetched, network } = await world();
      await expect(fetched(reference)).rejects.toMatchObject({
        code: expect.stringMatching(/^(signature_invalid|reference_malformed)$/),
      });
      expect(network.reads).toEqual([]);
    },
  );

  it("whose manifest was changed after it was signed is refused before a byte of it is fetched", async () => {
    const model = await testModel();
    const manifest = { ...model.signed.manifest, summary: "A tidy model." };
    const network = await registry({ ...model, signed: { ...model.signed, manifest } });
    const folder = await temporaryFolder();
    const files = openModelFiles(folder.path, systemClock);
    await expect(fetchPublished("acme/tiny", network, files, () => {}, signal)).rejects.toMatchObject({
      code: "signature_invalid",
    });
    expect(network.reads).toEqual([]);
    await folder.remove();
  });

  it("is not fetched where another server has it loaded", async () => {
    const { network, signed } = await world();
    const url = "http://127.0.0.1:8080/v1";
    expect(await describePublished("acme/tiny", network, url, signal)).toMatchObject({
      reference: "acme/tiny:1.0.0",
      digest: `sha256:${signed.manifest.digest}`,
      weights: { kind: "upstream", url },
    });
    expect(network.reads).toEqual([]);
  });
});

describe("the model of a host that was told none", () => {
  it("is the network's first that fits its memory", async () => {
    const { network } = await world();
    expect(await modelThatFits(network, 1e9, signal)).toBe("acme/tiny:1.0.0");
    await expect(modelThatFits(network, 10, signal)).rejects.toMatchObject({ code: "model_missing" });
  });
});

describe("a file of this machine", () => {
  it("is known by the digest of its bytes, and by its name", async () => {
    const hosted = await openLocalFile(demoModelFile, signal);
    expect(hosted).toMatchObject({ reference: "demo", weights: { kind: "file", file: demoModelFile } });
    expect(hosted.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it("that isn't there, or is no model, is refused by its name", async () => {
    const folder = await temporaryFolder({ "notes.gguf": "not a model" });
    await expect(openLocalFile(folder.file("missing.gguf"), signal)).rejects.toMatchObject({
      code: "file_missing",
      message: expect.stringContaining("missing.gguf"),
    });
    await expect(openLocalFile(folder.file("notes.gguf"), signal)).rejects.toMatchObject({ code: "model_invalid" });
    await folder.remove();
  });
});

describe("a model of another server", () => {
  it("is another one where the server or its name differs", () => {
    const digests = [
      describeUpstream("tiny", "http://127.0.0.1:1"),
      describeUpstream("tiny", "http://127.0.0.1:2"),
      describeUpstream("other", "http://127.0.0.1:1"),
    ].map(({ digest }) => digest);
    expect(new Set(digests).size).toBe(3);
    for (const digest of digests) expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});
