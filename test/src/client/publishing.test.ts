import { afterEach, describe, expect, it } from "vitest";
import type { Gateway, GatewayReply, GatewayRequest } from "../../../src/client/gateway.ts";
import { publishManifest, publishModel, uploadFile } from "../../../src/client/publishing.ts";
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

const rowOf = (digest: string) => ({
  model: "acme/tiny:1.0.0",
  digest,
  sizeBytes: 1,
  license: "MIT",
  summary: "",
  visibility: "global",
  publishedAt: 1,
  yankedAt: null,
});

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

  it("rides out a registry that is away, also when it asks how far it is", async () => {
    const bytes = Buffer.from("model");
    let offset = 0;
    const answers = ["up", "away", "away", "away", "up", "up"];
    const gateway = scriptedGateway(({ method }) => {
      if (answers.shift() === "away") throw new PeerError("network_unreachable", "away");
      if (method === "PATCH") offset = bytes.length;
      return reply(200, { offset });
    });
    await uploadFile(gateway, await fileOf(bytes), () => {}, never, eagerClock);
    expect([offset, answers]).toEqual([bytes.length, []]);
  });

  it("ends where what was sent is gone: it was published under another name", async () => {
    const offsets = [3, 0];
    let isFirst = true;
    const gateway = scriptedGateway(({ method }) => {
      if (method === "PATCH" && isFirst) {
        isFirst = false;
        throw new PeerError("conflict", "Another request is sending this file.");
      }
      if (method === "PATCH") throw new Error("sent again");
      return reply(200, { offset: offsets.shift() });
    });
    await expect(
      uploadFile(gateway, await fileOf(Buffer.from("model")), () => {}, never, eagerClock),
    ).resolves.toBeUndefined();
    expect(offsets).toEqual([]);
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
  it("sends the file where the registry has none, and only after it said so", async () => {
    const { signed } = await testModel();
    const { digest } = signed.manifest;
    const calls: string[] = [];
    let offset = 0;
    const gateway = scriptedGateway(({ method, bytes }) => {
      calls.push(method);
      if (method === "PUT" && offset === 0) throw new PeerError("not_found", "Send the rest first.");
      if (method === "PATCH" && bytes instanceof Uint8Array) offset += bytes.length;
      return method === "PUT" ? reply(201, rowOf(digest)) : reply(200, { offset });
    });
    const folder = await temporaryFolder({ "tiny.gguf": Buffer.alloc(signed.manifest.sizeBytes) });
    folders.push(folder);
    const publication = { signed, key: null, file: folder.file("tiny.gguf") };
    expect(await publishModel(gateway, publication, () => {}, never, eagerClock)).toEqual(rowOf(digest));
    expect(calls).toEqual(["PUT", "GET", "PATCH", "PUT"]);
  });

  it.each(["name_taken", "conflict", "upstream_failed"] as const)("refused with %s sends nothing", async (code) => {
    const { signed } = await testModel();
    const calls: string[] = [];
    const gateway = scriptedGateway(({ method }) => {
      calls.push(method);
      throw new PeerError(code, "no");
    });
    const publication = { signed, key: null, file: "/nowhere" };
    await expect(publishModel(gateway, publication, () => {}, never, eagerClock)).rejects.toMatchObject({ code });
    expect(calls).toEqual(["PUT"]);
  });

  it("is asked for until it is verified, also of a registry that is full or away for a while", async () => {
    const { signed } = await testModel();
    const row = rowOf(signed.manifest.digest);
    const work = (step: string) => reply(202, { step, doneBytes: 1, totalBytes: 2 });
    const away = new PeerError("network_unreachable", "away");
    const full = new PeerError("queue_full", "full");
    const replies = [full, work("fetching"), away, away, work("verifying"), work("opening"), reply(201, row)];
    const paths: string[] = [];
    const gateway = scriptedGateway(({ path }) => {
      paths.push(path);
      const answer = replies.shift() ?? reply(500, null);
      if (answer instanceof PeerError) throw answer;
      return answer;
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
