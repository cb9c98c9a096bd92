import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { openModelFiles } from "../../../daemon/registry/model-files.ts";
import { httpSource } from "../../../src/client/byte-source.ts";
import type { DownloadProgress } from "../../../src/client/download-progress.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { type ErrorCode, isPeerError } from "../../../src/errors.ts";
import { sha256Hex, shardSizeBytes } from "../../../src/models/digest.ts";
import { sealManifest, signedManifestJson } from "../../../src/models/manifest.ts";
import { generateSigningKey } from "../../../src/models/signing-key.ts";
import { type FileServer, fileServer, type Mischief } from "../../worlds/file-server.ts";
import { type Folder, temporaryFolder } from "../../worlds/model-folder.ts";
import { type TestModel, testModel } from "../../worlds/published-model.ts";

const never = new AbortController().signal;
/** Waits are over at once, so that retries do not slow the tests down. */
const eagerClock: Clock = { ...systemClock, sleep: async (_, signal) => signal.throwIfAborted() };

let model: TestModel;
let digest: string;
let shardCount: number;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  model = await testModel({ file: { dataBytes: shardSizeBytes + 1_000_000 } });
  ({ digest } = model.signed.manifest);
  shardCount = 2;
});

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function world(mischief?: Mischief, stallMs = 30_000) {
  const folder = await temporaryFolder();
  open.push({ close: folder.remove });
  const server = await fileServer(model.bytes, mischief);
  open.push(server);
  const files = openModelFiles(folder.path, eagerClock);
  open.push(files);
  const source = httpSource({ url: `${server.url}/tiny.gguf`, stallMs });
  const pull = (signal = never, onProgress = (_: DownloadProgress) => {}) =>
    files.pull(model.signed, source, onProgress, signal);
  return { folder, server, files, source, pull };
}

async function isWhole(folder: Folder): Promise<boolean> {
  return sha256Hex(await readFile(join(folder.path, `${digest}.gguf`))) === digest;
}

function range(shard: number, lastShard = shard): string {
  const end = Math.min((lastShard + 1) * shardSizeBytes, model.bytes.length);
  return `bytes=${shard * shardSizeBytes}-${end - 1}`;
}

function refusal(code: ErrorCode, message = /./) {
  return expect.toSatisfy((error: unknown) => isPeerError(error, code) && message.test(error.message));
}

describe("pulling a model", () => {
  it("fetches it in one request, and leaves the file alone in its folder", async () => {
    const { folder, server, pull, files } = await world();
    const path = await pull();
    expect(server.ranges).toEqual([range(0, shardCount - 1)]);
    expect(await readdir(folder.path)).toEqual([`${digest}.gguf`]);
    expect(await isWhole(folder)).toBe(true);
    expect(await files.list()).toEqual([{ digest, sizeBytes: model.bytes.length }]);
    expect(await pull()).toBe(path);
    expect(server.ranges).toHaveLength(1);
  });

  it("reports progress that ends at the whole", async () => {
    const { pull } = await world();
    const reports: DownloadProgress[] = [];
    await pull(never, (progress) => reports.push(progress));
    expect(reports.at(-1)).toMatchObject({ doneBytes: model.bytes.length, totalBytes: model.bytes.length });
    expect(reports.map(({ doneBytes }) => doneBytes)).toEqual(
      reports.map(({ doneBytes }) => doneBytes).toSorted((a, b) => a - b),
    );
  });

  it("asks again for the one shard that arrived bad, and for no other", async () => {
    const { folder, server, pull } = await world((request) =>
      request === 0 ? { bytes: (whole) => withFlippedByte(whole, 5) } : undefined,
    );
    await pull();
    expect(server.ranges).toEqual([range(0, shardCount - 1), range(0)]);
    expect(await isWhole(folder)).toBe(true);
  });

  it("gives up on a source that keeps sending other bytes, and gives them no name", async () => {
    const { folder, pull } = await world(() => ({ bytes: (whole) => withFlippedByte(whole, 5) }));
    await expect(pull()).rejects.toThrowError(refusal("digest_mismatch", /not what was signed/));
    expect(await readdir(folder.path)).not.toContain(`${digest}.gguf`);
  });

  it("goes on where a connection broke", async () => {
    const { server, folder, pull } = await world((request) =>
      request === 0 ? { after: { bytes: shardSizeBytes + 1000, ending: "break" } } : undefined,
    );
    await pull();
    expect(server.ranges).toEqual([range(0, 1), range(1)]);
    expect(await isWhole(folder)).toBe(true);
  });

  it("notices a connection that fell silent", async () => {
    const { server, folder, pull } = await world(
      (request) => (request === 0 ? { after: { bytes: shardSizeBytes + 1000, ending: "hang" } } : undefined),
      300,
    );
    await pull();
    expect(server.ranges).toEqual([range(0, 1), range(1)]);
    expect(await isWhole(folder)).toBe(true);
  });

  it("outlasts a server that is down for a moment, and gives up on one that stays down", async () => {
    const { pull } = await world((request) => (request < 5 ? { status: 503 } : undefined));
    await expect(pull()).resolves.toMatch(/gguf$/);
    const down = await world(() => ({ status: 503 }));
    await expect(down.pull()).rejects.toSatisfy((error) => isPeerError(error, "upstream_failed"));
    expect(down.server.ranges).toHaveLength(8);
  });

  it("does not try again what can't help", async () => {
    const { pull, server } = await world(() => ({ status: 404 }));
    await expect(pull()).rejects.toThrowError(refusal("not_found"));
    expect(server.ranges).toHaveLength(1);
  });

  it("refuses a file of another size, and a manifest that does not verify", async () => {
    const { pull, files, source } = await world(() => ({ bytes: (whole) => Buffer.concat([whole, Buffer.alloc(1)]) }));
    await expect(pull()).rejects.toThrowError(refusal("digest_mismatch", /were signed/));
    const other = generateSigningKey("P-256");
    const forged = sealManifest(model.signed.manifest, model.signed.bundle, other);
    await expect(files.pull(forged, source, () => {}, never)).rejects.toThrowError(refusal("signature_invalid"));
  });

  it("is done with the last shard, though its source never ends", async () => {
    const { folder, server, source, files } = await world();
    const { totalBytes, bytes } = await source.read(0, undefined, never);
    const endless = async function* () {
      yield* bytes;
      await new Promise(() => {});
    };
    const read = async () => ({ totalBytes, bytes: endless() });
    await files.pull(model.signed, { label: "endless", read }, () => {}, never);
    expect(await isWhole(folder)).toBe(true);
    expect(server.ranges).toHaveLength(1);
  });

  it("that the disk has no room for says so, with the file's name", async () => {
    const { folder, pull } = await world();
    await symlink("/dev/full", join(folder.path, `${digest}.gguf.journal.new`));
    await expect(pull()).rejects.toThrowError(refusal("storage_failed", new RegExp(`${digest}.*disk is full`)));
  });

  it("stops when the host goes down, and says so", async () => {
    const { files, pull, server } = await world(() => ({ after: { bytes: 1000, ending: "hang" } }));
    const pulling = expect(pull()).rejects.toThrowError(refusal("daemon_unreachable"));
    await expect.poll(() => server.ranges.length).toBe(1);
    await files.close();
    await pulling;
  });

  it("shares one download among several, and outlives the one who leaves", async () => {
    const { server, pull } = await world();
    const leaving = new AbortController();
    const all = [pull(leaving.signal), pull(), pull()];
    leaving.abort(new Error("left"));
    await expect(all[0]).rejects.toThrowError("left");
    const paths = await Promise.all(all.slice(1));
    expect(new Set(paths).size).toBe(1);
    expect(server.ranges).toHaveLength(1);
  });

  it("stops when the last one leaves, keeps what it verified, and starts again for the next", async () => {
    const { folder, server, pull } = await world((request) =>
      request === 0 ? { after: { bytes: shardSizeBytes + 1000, ending: "hang" } } : undefined,
    );
    const leaving = new AbortController();
    const left = pull(leaving.signal);
    await until(() => journalHolds(folder, 0));
    leaving.abort(new Error("left"));
    await expect(left).rejects.toThrowError("left");
    await pull();
    expect(server.ranges).toEqual([range(0, 1), range(1)]);
  });

  it.each(["the data", "the journal"])(
    "believes a journal only as far as the bytes bear it out: %s was damaged",
    async (what) => {
      const { folder, server, pull } = await world((request) =>
        request === 0 ? { after: { bytes: shardSizeBytes + 10, ending: "hang" } } : undefined,
      );
      const leaving = new AbortController();
      const left = pull(leaving.signal);
      await until(() => journalHolds(folder, 0));
      leaving.abort(new Error("left"));
      await expect(left).rejects.toThrowError("left");
      const part = join(folder.path, `${digest}.gguf.part`);
      if (what === "the data") await writeFile(part, withFlippedByte(await readFile(part), 7));
      else await writeFile(join(folder.path, `${digest}.gguf.journal`), "garbage\n0\n1\n2\n");
      await pull();
      expect(server.ranges).toEqual([range(0, 1), range(0, 1)]);
      expect(await isWhole(folder)).toBe(true);
    },
  );
});

describe("processes that pull", () => {
  it("go on after a SIGKILL with the shards they had, asking for none of them again", async () => {
    const { folder, server } = await world((request) =>
      request === 0 ? { after: { bytes: shardSizeBytes + 500_000, ending: "hang" } } : undefined,
    );
    const manifest = await folder.write("manifest.json", JSON.stringify(signedManifestJson(model.signed)));
    const models = folder.file("models");
    const first = pullChild(models, server, manifest);
    await until(() => existsSync(join(models, `${digest}.gguf.journal`)) && hasLine(models, 0));
    first.process.kill("SIGKILL");
    expect(await first.ended).toMatchObject({ signal: "SIGKILL" });
    expect(await readdir(models)).not.toContain(`${digest}.gguf`);
    expect(await readdir(models)).toContain(`${digest}.gguf.lock`);

    const second = pullChild(models, server, manifest);
    expect(await second.ended).toMatchObject({ code: 0, output: join(models, `${digest}.gguf`) });
    expect(server.ranges).toEqual([range(0, 1), range(1)]);
    expect(await readdir(models)).toEqual([`${digest}.gguf`]);
    expect(sha256Hex(await readFile(join(models, `${digest}.gguf`)))).toBe(digest);
  });

  it("share one download", async () => {
    const { folder, server } = await world();
    const manifest = await folder.write("manifest.json", JSON.stringify(signedManifestJson(model.signed)));
    const models = folder.file("models");
    const children = [1, 2].map(() => pullChild(models, server, manifest));
    for (const { ended } of children) expect(await ended).toMatchObject({ code: 0 });
    expect(server.ranges).toHaveLength(1);
  });
});

describe("a file on a host", () => {
  it("verifies as long as nothing touched it, and is removed once something did", async () => {
    const { folder, files, pull } = await world();
    const path = await pull();
    expect(await files.verify(model.signed, never)).toBe(path);
    await truncate(path, model.bytes.length - 1);
    await expect(files.verify(model.signed, never)).rejects.toThrowError(refusal("digest_mismatch", /damaged/));
    expect(await readdir(folder.path)).toEqual([]);
    await expect(files.verify(model.signed, never)).rejects.toThrowError(refusal("model_missing"));
  });

  it("is removed with what is left of its download", async () => {
    const { folder, files, pull } = await world();
    await pull();
    await mkdir(folder.path, { recursive: true });
    await writeFile(join(folder.path, `${digest}.gguf.part`), "");
    expect(await files.remove(digest)).toBe(model.bytes.length);
    expect(await readdir(folder.path)).toEqual([]);
    expect(await files.remove(digest)).toBe(0);
    await expect(stat(join(folder.path, `${digest}.gguf`))).rejects.toThrowError();
  });
});

function withFlippedByte(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  return bytes;
}

function hasLine(folder: string, shard: number): boolean {
  return readFileSync(join(folder, `${digest}.gguf.journal`), "utf8")
    .split("\n")
    .includes(String(shard));
}

function journalHolds(folder: Folder, shard: number): boolean {
  return existsSync(join(folder.path, `${digest}.gguf.journal`)) && hasLine(folder.path, shard);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(10);
}

function pullChild(directory: string, server: FileServer, manifest: string) {
  const script = join(import.meta.dirname, "../../worlds/pull-child.ts");
  const child: ChildProcess = spawn(
    process.execPath,
    ["--import", "tsx", script, directory, `${server.url}/tiny.gguf`, manifest],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output += chunk;
  });
  const ended = new Promise<{ code: number | null; signal: string | null; output: string }>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, output }));
  });
  return { process: child, ended };
}
