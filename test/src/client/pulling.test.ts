import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { createGateway } from "../../../src/client/gateway.ts";
import { openPulled, pullModel } from "../../../src/client/pulling.ts";
import { shardSizeBytes } from "../../../src/models/digest.ts";
import { signedManifestJson } from "../../../src/models/manifest.ts";
import { parseUsd, zeroUsd } from "../../../src/money.ts";
import { temporaryFolder } from "../../worlds/model-folder.ts";
import { testModel } from "../../worlds/published-model.ts";

const never = new AbortController().signal;
const onStep = () => {};

interface NetworkOptions {
  readonly status?: number;
  readonly dataBytes?: number;
}

/** A network with one model that is sold; what it sends for its file, read by read, is changed first. */
async function networkOf(change: (bytes: Buffer, read: number) => Buffer, options: NetworkOptions = {}) {
  const { status = 200, dataBytes = 1_000 } = options;
  const prices = { royaltyPer100kTokens: zeroUsd, once: parseUsd("20"), monthly: zeroUsd };
  const { bytes, signed } = await testModel({ manifest: { prices }, file: { dataBytes } });
  const { digest, sizeBytes } = signed.manifest;
  const row = { model: "acme/tiny:1.0.0", digest: `sha256:${digest}`, sizeBytes, contextLength: 1, license: "MIT" };
  const priced = { royaltyUsdPer100kTokens: "0.00", priceUsd: "20.00", usdPerMonth: null, hosts: 0, summary: "" };
  const shown = { ...row, ...priced, visibility: "global", manifest: signedManifestJson(signed) };
  const reads: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const { url, headers } = request;
    if (url !== `/api/v1/registry/blobs/${digest}`) return void response.end(JSON.stringify(shown));
    if (status !== 200) return void response.writeHead(status).end();
    const whole = change(Buffer.from(bytes), reads.length);
    reads.push(headers.range);
    const [, start = 0, end = 0] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "")?.map(Number) ?? [];
    response.writeHead(206, { "content-range": `bytes ${start}-${end}/${whole.length}` });
    response.end(whole.subarray(start, end + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const folder = await temporaryFolder();
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await folder.remove();
  });
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const gateway = createGateway({ url: `http://127.0.0.1:${port}`, apiKey: "a-key" });
  const pull = () => pullModel({ gateway, reference: "acme/tiny:1.0", directory: folder.path }, onStep, never);
  return { bytes, folder, pull, reads };
}

describe("a pulled model", () => {
  it("is kept under its producer's file name beside what was signed, once, and opens as it came", async () => {
    const { bytes, folder, pull } = await networkOf((whole) => whole);
    const pulled = await pull();
    expect(pulled.file).toBe(folder.file("tiny.gguf"));
    expect(await readFile(pulled.file)).toEqual(bytes);
    expect(await pull()).toEqual(pulled);
    expect(await openPulled(pulled.file, onStep, never)).toEqual(pulled);
  });

  it("is not kept where what came is not what was signed", async () => {
    const { folder, pull } = await networkOf((whole) => Buffer.concat([whole.subarray(1), whole.subarray(0, 1)]));
    await expect(pull()).rejects.toMatchObject({ code: "digest_mismatch" });
    expect(existsSync(folder.file("tiny.gguf"))).toBe(false);
    await expect(openPulled(folder.file("tiny.gguf"), onStep, never)).rejects.toMatchObject({ code: "file_missing" });
  });

  it("is fetched once for all who pull it to one folder", async () => {
    const { bytes, folder, pull, reads } = await networkOf((whole) => whole);
    const [one, other] = await Promise.all([pull(), pull()]);
    expect(other).toEqual(one);
    expect(await readFile(one.file)).toEqual(bytes);
    expect(reads).toHaveLength(1);
    expect((await readdir(folder.path)).toSorted()).toEqual(["tiny.gguf", "tiny.gguf.signed.json"]);
  });

  it("has the shards that came bad fetched again, and no others", async () => {
    const change = (whole: Buffer, read: number) => {
      if (read === 0) whole[shardSizeBytes + 7] = (whole[shardSizeBytes + 7] ?? 0) ^ 1;
      return whole;
    };
    const { bytes, pull, reads } = await networkOf(change, { dataBytes: shardSizeBytes + 1_000 });
    const { file } = await pull();
    expect((await readFile(file)).equals(bytes)).toBe(true);
    expect(reads).toEqual([`bytes=0-${bytes.length - 1}`, `bytes=${shardSizeBytes}-${bytes.length - 1}`]);
  });

  it("that the network has lost says so", async () => {
    const { pull } = await networkOf((whole) => whole, { status: 404 });
    await expect(pull()).rejects.toMatchObject({
      code: "model_missing",
      message: expect.stringContaining("acme/tiny:1.0.0"),
      hint: expect.stringContaining("publishing it again"),
    });
  });

  it("overwrites no other file of that name", async () => {
    const { folder, pull } = await networkOf((whole) => whole);
    await folder.write("tiny.gguf", "mine");
    await expect(pull()).rejects.toMatchObject({ code: "conflict" });
    expect(await readFile(folder.file("tiny.gguf"), "utf8")).toBe("mine");
  });

  it("that is sold and not bought says how to buy it", async () => {
    const { pull } = await networkOf((whole) => whole, { status: 402 });
    await expect(pull()).rejects.toMatchObject({
      code: "payment_required",
      hint: 'Run "peerllm models buy acme/tiny:1.0.0".',
    });
  });

  it("does not open where its file or its manifest was changed since", async () => {
    const { bytes, folder, pull } = await networkOf((whole) => whole);
    const { file, manifestFile } = await pull();
    await folder.write("tiny.gguf", Buffer.concat([bytes.subarray(1), bytes.subarray(0, 1)]));
    await expect(openPulled(file, onStep, never)).rejects.toMatchObject({ code: "digest_mismatch" });
    await folder.write("tiny.gguf", bytes);
    const signed = await readFile(manifestFile, "utf8");
    await folder.write("tiny.gguf.signed.json", signed.replace("A tiny model.", "A mine model."));
    await expect(openPulled(file, onStep, never)).rejects.toMatchObject({ code: "signature_invalid" });
    await folder.write("tiny.gguf.signed.json", "{");
    await expect(openPulled(file, onStep, never)).rejects.toMatchObject({ code: "manifest_invalid" });
  });
});
