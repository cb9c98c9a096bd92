import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { createServer, get, type Server } from "node:http";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sendFile } from "../../daemon/registry/file-response.ts";
import { openModelFiles } from "../../daemon/registry/model-files.ts";
import { httpSource } from "../../src/client/byte-source.ts";
import { parseBundle } from "../../src/models/bundle.ts";
import { digestFile } from "../../src/models/digest.ts";
import { readGgufFacts } from "../../src/models/gguf.ts";
import { type SignedManifest, sealManifest } from "../../src/models/manifest.ts";
import { signModel, verifyModel } from "../../src/models/signature.ts";
import { generateSigningKey, parsePublicKey } from "../../src/models/signing-key.ts";
import { zeroUsd } from "../../src/money.ts";
import { ggufFile, pseudoRandomBytes } from "../worlds/gguf-file.ts";
import { wholeNumber } from "./dispatch.ts";

export interface RegistryBenchRow {
  readonly measure: string;
  readonly megabytesPerSecond: number;
  /** What it is held against, measured in the same run. */
  readonly limit: string | null;
  readonly ratio: number | null;
}

const never = new AbortController().signal;
const blockBytes = 67_108_864;
const readBytes = 1_048_576;

/** `npm run bench -- registry [--megabytes N] [--laps N] [--json]` */
export async function run(args: readonly string[], json: boolean): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { megabytes: { type: "string", default: "512" }, laps: { type: "string", default: "3" } },
  });
  const sizeBytes = wholeNumber("--megabytes", values.megabytes) * 1_000_000;
  const rows = await registryBench(sizeBytes, wholeNumber("--laps", values.laps));
  const cpu = cpus()[0]?.model ?? "unknown";
  if (json) return void process.stdout.write(`${JSON.stringify({ cpu, cores: cpus().length, sizeBytes, rows })}\n`);
  process.stdout.write(`${cpu}, ${cpus().length} cores; ${values.megabytes} MB, megabytes per second\n`);
  for (const row of rows) {
    const ratio = row.ratio === null ? "" : `${row.ratio.toFixed(2)} of ${row.limit}`;
    process.stdout.write(`${row.measure.padEnd(34)} ${row.megabytesPerSecond.toFixed(0).padStart(6)}  ${ratio}\n`);
  }
}

/** Each figure is the median of so many laps, all measures taking turns. The file is in the page cache throughout. */
export async function registryBench(sizeBytes: number, laps: number): Promise<RegistryBenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "peerllm-bench-"));
  try {
    const file = join(folder, "bench.gguf");
    await writeBenchFile(file, sizeBytes);
    const course = await prepare(file, folder);
    const seconds = new Map<string, number[]>();
    for (let lap = 0; lap < laps; lap++) {
      for (const [measure, work] of Object.entries(course.measures)) {
        const startedAt = performance.now();
        await work();
        const elapsed = (performance.now() - startedAt) / 1000;
        seconds.set(measure, [...(seconds.get(measure) ?? []), elapsed]);
        await course.reset();
      }
    }
    await course.close();
    return rowsOf(course.sizeBytes, seconds);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What each measure is a share of. */
const limits: Readonly<Record<string, string>> = {
  "hash (one SHA-256 of the whole)": "read",
  "sign (shards)": "read",
  "verify (shards)": "read",
  "download, verified and on disk": "loopback",
};

function rowsOf(sizeBytes: number, seconds: ReadonlyMap<string, readonly number[]>): RegistryBenchRow[] {
  const rate = (measure: string) => sizeBytes / 1e6 / median(seconds.get(measure) ?? []);
  return [...seconds.keys()].map((measure) => {
    const limit = limits[measure] ?? null;
    const ratio = limit === null ? null : rate(measure) / rate(limit);
    return { measure, megabytesPerSecond: rate(measure), limit, ratio };
  });
}

async function prepare(file: string, folder: string) {
  const key = generateSigningKey("P-256");
  const trust = { kind: "key", publicKey: parsePublicKey(Buffer.from(key.publicKeyPem)) } as const;
  const made = await signModel({ path: file, key, method: "shards" }, never);
  const bundle = parseBundle(JSON.stringify(made.bundle));
  const digest = await digestFile(file, "sha256", () => {}, never);
  const signed: SignedManifest = sealManifest(
    {
      name: "bench/bench",
      version: "1.0.0",
      license: "MIT",
      summary: "",
      visibility: "global",
      prices: { royaltyPer100kTokens: zeroUsd, once: zeroUsd, monthly: zeroUsd },
      facts: await readGgufFacts(file),
      fileName: "bench.gguf",
      sizeBytes: made.sizeBytes,
      digest,
      rootDigest: made.rootDigest,
      source: undefined,
      producerKey: key.publicKeyPem,
    },
    made.bundle,
    key,
  );
  const server = createServer((request, response) => {
    sendFile(request, response, file, digest, never).catch(() => response.destroy());
  });
  const bareServer = createServer((_, response) => createReadStream(file, { highWaterMark: 262_144 }).pipe(response));
  const url = await listen(server);
  const bareUrl = await listen(bareServer);
  const files = openModelFiles(join(folder, "models"));
  const measures: Record<string, () => Promise<unknown>> = {
    read: () => readAll(file),
    loopback: () => bareDownload(bareUrl),
    "hash (one SHA-256 of the whole)": () => digestFile(file, "sha256", () => {}, never),
    "sign (shards)": () => signModel({ path: file, key, method: "shards" }, never),
    "verify (shards)": () => verifyModel({ path: file, bundle, trust }, never),
    "download, verified and on disk": () => files.pull(signed, httpSource({ url }), () => {}, never),
    "createHash over a stream (baseline)": () => streamHash(file),
  };
  return {
    sizeBytes: made.sizeBytes,
    measures,
    reset: () => files.remove(digest),
    close: async () => {
      await files.close();
      for (const each of [server, bareServer]) {
        each.closeAllConnections();
        await new Promise((resolve) => each.close(resolve));
      }
    },
  };
}

/** A GGUF file of one tensor, its bytes repeating every 64 MiB. */
async function writeBenchFile(path: string, sizeBytes: number): Promise<void> {
  const tensor = { name: "weights", dimensions: [sizeBytes], type: 24 };
  const header = ggufFile({ dataBytes: 0, tensors: [tensor] });
  const block = pseudoRandomBytes(blockBytes, 1);
  const file = await open(path, "w");
  try {
    await file.appendFile(header);
    for (let left = sizeBytes; left > 0; left -= blockBytes) await file.appendFile(block.subarray(0, left));
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readAll(path: string): Promise<void> {
  const file = await open(path, "r");
  const buffer = Buffer.alloc(readBytes);
  try {
    while ((await file.read(buffer, 0, readBytes)).bytesRead > 0);
  } finally {
    await file.close();
  }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`;
}

/** Node's own client and server, nothing checked and nothing kept. */
async function bareDownload(url: string): Promise<void> {
  const [response] = await once(get(url), "response");
  response.resume();
  await once(response, "end");
}

async function streamHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
