import { afterEach, describe, expect, it } from "vitest";
import type { Gateway, GatewayReply, GatewayRequest } from "../../../src/client/gateway.ts";
import { publishManifest, uploadFile } from "../../../src/client/publishing.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { isPeerError, PeerError } from "../../../src/errors.ts";
import { shardSizeBytes } from "../../../src/models/digest.ts";
import { pseudoRandomBytes } from "../../worlds/gguf-file.ts";
import { type Folder, temporaryFolder } from "../../worlds/model-folder.ts";
import { testModel } from "../../worlds/published-model.ts";

const never = new AbortController().signal;
const eagerClock: Clock = { ...systemClock, sleep: async (_, signal) => signal.throwIfAborted() };
const folders: Folder[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.remove();
});

/** A registry that answers from a script, as bytes on a wire would. */
function scriptedGateway(answer: (request: GatewayRequest) => GatewayReply): Gateway {
  return {
    url: "http://registry",
    apiKey: "key",
    send: async (request) => answer(request),
    call: () => Promise.reject(new Error("not called here")),
  };
}

const reply = (status: number, body: unknown): GatewayReply => ({ status, headers: {}, body });

async function fileOf(bytes: Buffer) {
  const folder = await temporaryFolder({ "m.gguf": bytes });
  folders.push(folder);
  return { path: folder.file("m.gguf"), digest: "d".repeat(64), sizeBytes: bytes.length };
}

describe("an upload", () => {
  it("goes on where the registry is, after a break and after what it kept of it", async () => {
    const bytes = pseudoRandomBytes(shardSizeBytes + 500, 4);
    const kept: Buffer[] = [bytes.subarray(0, 100)];
    const offset = () => kept.reduce((sum, each) => sum + each.length, 0);
    let sent = 0;
    const gateway = scriptedGateway(({ method, headers, bytes: body }) => {
      if (method === "GET") return reply(200, { offset: offset() });
      expect(headers?.["upload-offset"]).toBe(String(offset()));
      if (!(body instanceof Uint8Array)) throw new Error("no bytes");
      sent++;
      kept.push(Buffer.from(sent === 1 ? body.subarray(0, 1000) : body));
      if (sent === 1) throw new PeerError("network_unreachable", "broke off");
      return reply(200, { offset: offset() });
    });
    const reports: number[] = [];
    await uploadFile(gateway, await fileOf(bytes), (_, done) => reports.push(done), never, eagerClock);
    expect(Buffer.concat(kept).equals(bytes)).toBe(true);
    expect(reports).toEqual([100, 1100, bytes.length]);
  });

  it("gives up on a registry that stays away, and at once on one that refuses", async () => {
    for (const [code, attempts] of [
      ["network_unreachable", 8],
      ["permission_denied", 1],
    ] as const) {
      let patches = 0;
      const gateway = scriptedGateway(({ method }) => {
        if (method === "GET") return reply(200, { offset: 0 });
        patches++;
        throw new PeerError(code, "no");
      });
      await expect(uploadFile(gateway, await fileOf(Buffer.from("x")), () => {}, never, eagerClock)).rejects.toSatisfy(
        (error) => isPeerError(error, code),
      );
      expect(patches).toBe(attempts);
    }
  });
});

describe("a publication", () => {
  it("is asked for until it is verified", async () => {
    const { signed } = await testModel();
    const row = {
      model: "acme/tiny:1.0.0",
      digest: signed.manifest.digest,
      sizeBytes: 1,
      license: "MIT",
      summary: "",
      visibility: "global",
      publishedAt: 1,
      yankedAt: null,
    };
    const work = (step: string) => reply(202, { step, doneBytes: 1, totalBytes: 2 });
    const replies = [work("fetching"), work("verifying"), work("opening"), reply(201, row)];
    const paths: string[] = [];
    const gateway = scriptedGateway(({ path }) => {
      paths.push(path);
      return replies.shift() ?? reply(500, null);
    });
    const steps: string[] = [];
    expect(
      await publishManifest(gateway, { signed, key: null }, (step) => steps.push(step), never, eagerClock),
    ).toEqual(row);
    expect(steps).toEqual(["The network is fetching", "The network is verifying", "The network is opening"]);
    expect(new Set(paths)).toEqual(new Set(["/api/v1/registry/models/acme/tiny/1.0.0"]));
  });

  it("answered with what can't be read says so", async () => {
    const { signed } = await testModel();
    const gateway = scriptedGateway(() => reply(201, { model: 1 }));
    await expect(publishManifest(gateway, { signed, key: null }, () => {}, never, eagerClock)).rejects.toSatisfy(
      (error) => isPeerError(error, "protocol_incompatible"),
    );
  });
});
