import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { createGateway } from "../../../src/client/gateway.ts";
import { openPulled, pullModel } from "../../../src/client/pulling.ts";
import { signedManifestJson } from "../../../src/models/manifest.ts";
import { parseUsd, zeroUsd } from "../../../src/money.ts";
import { temporaryFolder } from "../../worlds/model-folder.ts";
import { testModel } from "../../worlds/published-model.ts";

const never = new AbortController().signal;
const onStep = () => {};

/** A network with one model that is sold, which sends `bytes` for its file; `isPaid` says who may have them. */
async function networkOf(change: (bytes: Buffer) => Buffer, isPaid = true) {
  const prices = { royaltyPer100kTokens: zeroUsd, once: parseUsd("20"), monthly: zeroUsd };
  const { bytes, signed } = await testModel({ manifest: { prices } });
  const { digest, sizeBytes } = signed.manifest;
  const row = { model: "acme/tiny:1.0.0", digest: `sha256:${digest}`, sizeBytes, contextLength: 1, license: "MIT" };
  const priced = { royaltyUsdPer100kTokens: "0.00", priceUsd: "20.00", usdPerMonth: null, hosts: 0, summary: "" };
  const shown = { ...row, ...priced, visibility: "global", manifest: signedManifestJson(signed) };
  const server = createServer((request, response) => {
    const isBlob = request.url === `/api/v1/registry/blobs/${digest}`;
    const error = { error: { message: "Not bought.", type: "invalid_request_error", code: "payment_required" } };
    const body = isBlob ? (isPaid ? change(Buffer.from(bytes)) : JSON.stringify(error)) : JSON.stringify(shown);
    response.writeHead(isBlob && !isPaid ? 402 : 200, { "content-type": "application/json" }).end(body);
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
  return { bytes, folder, pull };
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

  it("overwrites no other file of that name", async () => {
    const { folder, pull } = await networkOf((whole) => whole);
    await folder.write("tiny.gguf", "mine");
    await expect(pull()).rejects.toMatchObject({ code: "conflict" });
    expect(await readFile(folder.file("tiny.gguf"), "utf8")).toBe("mine");
  });

  it("that is sold and not bought says how to buy it", async () => {
    const { pull } = await networkOf((whole) => whole, false);
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
