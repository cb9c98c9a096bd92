import { readFile, symlink } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { httpSource } from "../../../src/client/byte-source.ts";
import { copySource, modelSource, sourceBaseName, sourceFileName } from "../../../src/client/model-source.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { type ErrorCode, isPeerError } from "../../../src/errors.ts";
import { parseReference, type SourceReference } from "../../../src/models/reference.ts";
import { type FileServer, fileServer, type Mischief } from "../../worlds/file-server.ts";
import { pseudoRandomBytes } from "../../worlds/gguf-file.ts";
import { type Folder, temporaryFolder } from "../../worlds/model-folder.ts";

const never = new AbortController().signal;
const eagerClock: Clock = { ...systemClock, sleep: async (_, signal) => signal.throwIfAborted() };
const whole = pseudoRandomBytes(300_000, 3);
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function served(mischief?: Mischief): Promise<FileServer> {
  const server = await fileServer(whole, mischief);
  open.push(server);
  return server;
}

async function folder(): Promise<Folder> {
  const made = await temporaryFolder();
  open.push({ close: made.remove });
  return made;
}

/** A server that goes on after the last byte it announced: over a raw connection, for Node's own would not send them. */
async function endless(ignoresRange: boolean): Promise<{ readonly url: string }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (request) => {
      const [, start = "0", end = ""] = /range: bytes=(\d+)-(\d*)/i.exec(request.toString()) ?? [];
      const [first, last] = ignoresRange ? [0, whole.length - 1] : [Number(start), Number(end || whole.length - 1)];
      const body = Buffer.concat([whole.subarray(first, last + 1), Buffer.alloc(100_000)]);
      const head = ignoresRange
        ? `HTTP/1.1 200 OK\r\ncontent-length: ${whole.length}`
        : `HTTP/1.1 206 Partial Content\r\ncontent-range: bytes ${first}-${last}/${whole.length}\r\ntransfer-encoding: chunked`;
      socket.write(`${head}\r\n\r\n`);
      if (ignoresRange) socket.write(body);
      else socket.write(Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n")]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push({ close: () => new Promise((resolve) => server.close(() => resolve())) });
  return { url: `http://127.0.0.1:${Object(server.address()).port}` };
}

function source(text: string): SourceReference {
  const reference = parseReference(text);
  if (reference.kind === "published") throw new Error(`${text} is no source`);
  return reference;
}

function refusal(code: ErrorCode) {
  return expect.toSatisfy((error: unknown) => isPeerError(error, code), code);
}

async function drain(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("a source's bytes", () => {
  it("are read from any place to any other", async () => {
    const { url } = await served();
    const from = httpSource({ url });
    for (const [start, end] of [
      [0, undefined],
      [0, 10],
      [1000, 2000],
      [299_999, undefined],
    ] as const) {
      const stream = await from.read(start, end, never);
      expect(stream.totalBytes).toBe(whole.length);
      expect((await drain(stream.bytes)).equals(whole.subarray(start, end))).toBe(true);
    }
  });

  it("are read from any place of a server that knows no ranges too", async () => {
    const { url } = await served(() => ({ ignoresRange: true }));
    for (const [start, end] of [
      [0, 10],
      [100_000, 200_000],
      [299_999, undefined],
    ] as const) {
      const { totalBytes, bytes } = await httpSource({ url }).read(start, end, never);
      expect(totalBytes).toBe(whole.length);
      expect((await drain(bytes)).equals(whole.subarray(start, end))).toBe(true);
    }
  });

  it.each<[number, ErrorCode]>([
    [401, "authentication_failed"],
    [402, "payment_required"],
    [403, "permission_denied"],
    [404, "not_found"],
    [416, "digest_mismatch"],
    [429, "rate_limit_exceeded"],
    [400, "request_invalid"],
    [500, "upstream_failed"],
    [503, "upstream_failed"],
  ])("that answer %i fail with %s", async (status, code) => {
    const { url } = await served(() => ({ status }));
    await expect(httpSource({ url }).read(0, undefined, never)).rejects.toThrowError(refusal(code));
  });

  it("are refused when they are not the range asked for", async () => {
    const { url } = await served(() => ({ headers: { "content-range": "bytes 7-9/300000" } }));
    await expect(httpSource({ url }).read(5, 9, never)).rejects.toThrowError(refusal("upstream_failed"));
  });

  it("that stop coming are given up", async () => {
    const { url } = await served(() => ({ after: { bytes: 100, ending: "hang" } }));
    const { bytes } = await httpSource({ url, stallMs: 100 }).read(0, undefined, never);
    await expect(drain(bytes)).rejects.toThrowError(refusal("deadline_exceeded"));
  });

  it("that drip are given up, though they never stop for long", async () => {
    let drip: NodeJS.Timeout | undefined;
    const { url } = await served((_, response) => {
      drip = setInterval(() => response.write("x"), 20);
      return { after: { bytes: 1, ending: "hang" } };
    });
    const { bytes } = await httpSource({ url, stallMs: 200 }).read(0, undefined, never);
    await expect(drain(bytes)).rejects.toThrowError(refusal("deadline_exceeded"));
    clearInterval(drip);
  });

  it("end where their head said, though more of them comes", async () => {
    for (const ignoresRange of [false, true]) {
      const { url } = await endless(ignoresRange);
      for (const end of [undefined, 1_000]) {
        const { bytes } = await httpSource({ url }).read(10, end, never);
        expect((await drain(bytes)).equals(whole.subarray(10, end))).toBe(true);
      }
    }
  });

  it("that break off, or never come, say so", async () => {
    const { url, close } = await served(() => ({ after: { bytes: 100, ending: "break" } }));
    const { bytes } = await httpSource({ url }).read(0, undefined, never);
    await expect(drain(bytes)).rejects.toThrowError(refusal("network_unreachable"));
    await close();
    await expect(httpSource({ url }).read(0, undefined, never)).rejects.toThrowError(refusal("network_unreachable"));
  });

  it("end with the reason of whoever aborted", async () => {
    const { url } = await served(() => ({ after: { bytes: 100, ending: "hang" } }));
    const stop = new AbortController();
    const { bytes } = await httpSource({ url }).read(0, undefined, stop.signal);
    const reading = drain(bytes);
    stop.abort(new Error("enough"));
    await expect(reading).rejects.toThrowError("enough");
  });

  it("are not sought behind a redirect without a guard", async () => {
    const { url } = await served(() => ({ status: 302, headers: { location: "https://example.org/" } }));
    await expect(httpSource({ url }).read(0, undefined, never)).rejects.toThrowError(refusal("upstream_failed"));
  });
});

describe("a guarded source", () => {
  it("reads the hub it was configured with, though that is on this machine", async () => {
    const paths: (string | undefined)[] = [];
    const hub = await served((_, __, request) => {
      paths.push(request.url);
      return undefined;
    });
    const from = modelSource(source("hf:acme/tiny-GGUF/q8/tiny.gguf"), { hubUrl: hub.url });
    expect((await drain((await from.read(0, 5, never)).bytes)).equals(whole.subarray(0, 5))).toBe(true);
    expect(paths).toEqual(["/acme/tiny-GGUF/resolve/main/q8/tiny.gguf"]);
  });

  it.each([
    "https://127.0.0.1/m.gguf",
    "https://localhost/m.gguf",
    "https://[::1]/m.gguf",
    "https://10.1.2.3:8443/m.gguf",
    "https://169.254.169.254/latest/meta-data",
    "https://0x7f000001/m.gguf",
    "https://2130706433/m.gguf",
  ])("refuses %s", async (text) => {
    await expect(modelSource(source(text)).read(0, undefined, never)).rejects.toThrowError(refusal("address_refused"));
  });

  it("refuses a public name that leads inside", async () => {
    const resolve = async () => [{ address: "127.0.0.1", family: 4 }];
    const from = modelSource(source("https://models.example/m.gguf"), { resolve });
    await expect(from.read(0, undefined, never)).rejects.toThrowError(refusal("address_refused"));
  });

  it("refuses a redirect to plain HTTP, and to an inside name, from a trusted hub too", async () => {
    const resolve = async () => [{ address: "192.168.0.7", family: 4 }];
    for (const location of ["http://example.org/m.gguf", "https://cdn.example/m.gguf", "https://192.168.0.7/m.gguf"]) {
      const hub = await served(() => ({ status: 302, headers: { location } }));
      const from = modelSource(source("hf:a/b/c.gguf"), { hubUrl: hub.url, resolve });
      await expect(from.read(0, undefined, never)).rejects.toThrowError(refusal("address_refused"));
    }
  });

  it("follows a redirect within its own origin, and not in circles", async () => {
    const hub = await served((request) =>
      request === 0 ? { status: 307, headers: { location: "/other" } } : undefined,
    );
    const from = modelSource(source("hf:a/b/c.gguf"), { hubUrl: hub.url });
    expect(await drain((await from.read(0, 3, never)).bytes)).toHaveLength(3);
    const circle = await served(() => ({ status: 302, headers: { location: "/again" } }));
    const around = modelSource(source("hf:a/b/c.gguf"), { hubUrl: circle.url });
    await expect(around.read(0, undefined, never)).rejects.toThrowError(refusal("upstream_failed"));
    expect(circle.ranges).toHaveLength(6);
  });
});

describe("a copy of a source", () => {
  it("goes on where it broke off, and ends as the source", async () => {
    const server = await served((request) =>
      request === 0 ? { after: { bytes: 100_000, ending: "break" } } : undefined,
    );
    const path = join((await folder()).path, "copy.gguf");
    await copySource(httpSource({ url: server.url }), path, () => {}, never, eagerClock);
    expect((await readFile(path)).equals(whole)).toBe(true);
    expect(server.ranges).toHaveLength(2);
    expect(server.ranges[1]).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it("ends as the source where that broke off and can't send a file from its middle on", async () => {
    const { url } = await served((request) => ({
      ignoresRange: true,
      ...(request === 0 ? { after: { bytes: 100_000, ending: "break" } } : {}),
    }));
    const path = join((await folder()).path, "copy.gguf");
    await copySource(httpSource({ url }), path, () => {}, never, eagerClock);
    expect((await readFile(path)).equals(whole)).toBe(true);
  });

  it("that is whole is left as it is", async () => {
    const server = await served();
    const path = join((await folder()).path, "copy.gguf");
    const reports: number[] = [];
    for (let round = 0; round < 2; round++) {
      await copySource(httpSource({ url: server.url }), path, (done) => reports.push(done), never, eagerClock);
      expect((await readFile(path)).equals(whole)).toBe(true);
    }
    expect(reports.at(-1)).toBe(whole.length);
    expect(server.ranges.at(-1)).toBe(`bytes=${whole.length - 1}-`);
  });

  it("is given up when the source is not there", async () => {
    const { url } = await served(() => ({ status: 404 }));
    const path = join((await folder()).path, "copy.gguf");
    await expect(copySource(httpSource({ url }), path, () => {}, never, eagerClock)).rejects.toThrowError(
      refusal("not_found"),
    );
  });

  it("to a disk that is full says so", async () => {
    const { url } = await served();
    const { file } = await folder();
    await symlink("/dev/full", file("copy.gguf"));
    await expect(copySource(httpSource({ url }), file("copy.gguf"), () => {}, never, eagerClock)).rejects.toThrowError(
      refusal("storage_failed"),
    );
  });

  it.each([
    "https://example.org/",
    "https://example.org/m%2F..",
    "https://example.org/m%2F..%2Fx.gguf",
    "https://example.org/%5Cx.gguf",
    "https://example.org/%zz.gguf",
    "https://example.org/%00.gguf",
    "https://example.org/.gguf",
    "https://example.org/model.bin",
    "hf:a/b/README.md",
  ])("of %s, which names no model file, has no place", (text) => {
    expect(() => sourceBaseName(source(text))).toThrowError(refusal("reference_malformed"));
  });

  it("has one place per reference, and the source's own base name", () => {
    const [a, b] = [source("hf:a/b/x/c.gguf"), source("https://example.org/p/c%20d.gguf?x=1")];
    expect([a, b].map(sourceBaseName)).toEqual(["c.gguf", "c d.gguf"]);
    expect(sourceFileName(a)).not.toBe(sourceFileName(b));
    expect(sourceFileName(a)).toBe(sourceFileName(source("hf:a/b/x/c.gguf")));
  });
});
