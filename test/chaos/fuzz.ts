import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createAccount } from "../../commands/access.ts";
import { startDaemon, stopDaemon } from "../../commands/daemon-process.ts";
import { probeModel } from "../../daemon/llama/probe.ts";
import { callDaemon } from "../../src/client/control.ts";
import { createGateway } from "../../src/client/gateway.ts";
import { publishManifest } from "../../src/client/publishing.ts";
import { readRunRecord, socketPath } from "../../src/client/run-record.ts";
import { isPeerError } from "../../src/errors.ts";
import { parseGguf } from "../../src/models/gguf.ts";
import { type Home, homeAt, packageFile } from "../../src/paths.ts";
import { frameMethods, networkMethods } from "../../src/protocol/control-methods.ts";
import { networkReadySchema, networkStartSchema } from "../../src/protocol/start.ts";
import { ggufFile, text, uint32 } from "../worlds/gguf-file.ts";
import { residentBytes } from "../worlds/processes.ts";
import { testModel } from "../worlds/published-model.ts";
import { type HostTarget, hostTarget } from "./fuzz-host.ts";
import {
  controlTarget,
  linkTarget,
  registryTarget,
  requestTarget,
  type Target,
  type TargetWorld,
} from "./fuzz-targets.ts";
import { mutateBytes } from "./mutation.ts";
import { type Random, seeded } from "./random.ts";

export interface FuzzFigures {
  readonly seed: number;
  /** What was thrown, by kind. */
  readonly thrown: Readonly<Record<string, number>>;
  /** Of the orchestrator: the most after the warm-up's tenth, and at the end. */
  readonly residentMegabytes: { readonly warm: number; readonly end: number };
  readonly elapsedMs: number;
  /** Each with the seed of the thing that was thrown; empty where all is well. At most `problemsMax`. */
  readonly problems: readonly string[];
}

const demoModel = "src/models/demo/demo.gguf";
const problemsMax = 20;
const throwersMax = 8;
/** The orchestrator's memory may be so much above that of its warm-up at the end. */
const growthBytesMax = 96 * 1024 * 1024;
const parseMsMax = 1_000;
/** Every so many GGUF headers one is opened by llama.cpp too, in a process of its own. */
const probeEvery = 10;
const { signal } = new AbortController();

/** `npm run chaos -- fuzz [--seed N] [--count N] [--json]`: exit code 1 where anything crashed, hung or grew. */
export async function run(args: readonly string[], json: boolean): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { seed: { type: "string", default: "1" }, count: { type: "string", default: "10000" } },
  });
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const figures = await fuzz(Number(values.seed), Number(values.count), progress);
  if (figures.problems.length > 0) process.exitCode = 1;
  process.stdout.write(json ? `${JSON.stringify(figures)}\n` : `${describe(figures)}\n`);
}

/**
 * Throws `count` frames, requests and manifests at the sockets of an orchestrator's process and frames at a host's, and a
 * twentieth as many GGUF headers at our reader and llama.cpp's. The same seed throws the same.
 */
export async function fuzz(seed: number, count: number, progress: (line: string) => void): Promise<FuzzFigures> {
  const startedAt = performance.now();
  const root = await mkdtemp(join(tmpdir(), "peerllm-fuzz-"));
  const home = homeAt(join(root, "operator"));
  const problems: string[] = [];
  let host: HostTarget | null = null;
  try {
    const vectors = JSON.parse(await readFile(packageFile("test/src/protocol/vectors.json"), "utf8"));
    const world = await startWorld(root, home, vectors.host);
    host = await hostTarget(vectors.network);
    const pid = await pidOf(home);
    const targets: Readonly<Record<string, Target>> = {
      frames: linkTarget(world),
      requests: requestTarget(world),
      manifests: registryTarget(world),
      control: controlTarget(world),
      "frames to a host": host,
    };
    const thrown: Record<string, number> = {};
    const each = Math.ceil(count / Object.keys(targets).length);
    let warmBytes = 0;
    let warmHostBytes = 0;
    for (const isWarmUp of [true, false]) {
      for (const [kind, target] of Object.entries(targets)) {
        const share = Math.ceil(each / 10);
        const [from, until] = isWarmUp ? [0, share] : [share, each];
        await throwAll(kind, target, { seed, from, until }, problems);
        thrown[kind] = until;
        const seconds = Math.round((performance.now() - startedAt) / 1_000);
        progress(`${until} of ${each} ${kind} after ${seconds} s, ${problems.length} problems`);
        if (isWarmUp) warmBytes = Math.max(warmBytes, residentBytes(pid));
        if (isWarmUp) warmHostBytes = Math.max(warmHostBytes, host.residentBytes());
      }
    }
    const headers = Math.ceil(count / 20);
    thrown.headers = headers;
    thrown.probes = await throwHeaders(root, { seed, from: 0, until: headers }, problems);
    const endBytes = residentBytes(pid);
    const endHostBytes = host.residentBytes();
    problems.push(...host.problems());
    if (endHostBytes > warmHostBytes + growthBytesMax)
      problems.push(`the host grew from ${warmHostBytes} to ${endHostBytes} bytes`);
    for (const target of Object.values(targets)) target.close();
    if (endBytes > warmBytes + growthBytesMax)
      problems.push(`the orchestrator grew from ${warmBytes} to ${endBytes} bytes`);
    problems.push(...(await problemsOf(home, pid)));
    const megabytes = (bytes: number) => Math.round(bytes / 1_048_576);
    return {
      seed,
      thrown,
      residentMegabytes: { warm: megabytes(warmBytes), end: megabytes(endBytes) },
      elapsedMs: Math.round(performance.now() - startedAt),
      problems: problems.slice(0, problemsMax),
    };
  } finally {
    host?.close();
    await stopDaemon(home, "network", true, signal);
    await rm(root, { recursive: true, force: true });
  }
}

interface Range {
  readonly seed: number;
  readonly from: number;
  readonly until: number;
}

/** Several at a time; each thing has a seed of its own, so it can be thrown alone again. */
async function throwAll(kind: string, target: Target, { seed, from, until }: Range, problems: string[]): Promise<void> {
  // The links and the control socket are one connection whose answers come in order.
  const throwers = kind === "requests" || kind === "manifests" ? throwersMax : 1;
  let next = from;
  const work = async () => {
    while (next < until && problems.length < problemsMax) {
      const own = seedOf(seed, next);
      next += 1;
      await target.throwOne(seeded(own)).catch((error: unknown) => problems.push(`${kind} ${own}: ${String(error)}`));
    }
  };
  await Promise.all(Array.from({ length: throwers }, work));
}

/** Returns how many were probed, too: those whose header makes sense are opened by llama.cpp. */
async function throwHeaders(root: string, { seed, from, until }: Range, problems: string[]): Promise<number> {
  const demo = await readFile(packageFile(demoModel));
  const file = join(root, "fuzz.gguf");
  let probes = 0;
  for (let index = from; index < until && problems.length < problemsMax; index += 1) {
    const own = seedOf(seed, index);
    const random = seeded(own);
    const isProbe = index % probeEvery === 0;
    const bytes = isProbe ? withMutatedHeader(demo, random) : mutateBytes(headerOf(demo, random), random);
    const startedAt = performance.now();
    try {
      parseGguf(bytes, bytes.length);
    } catch (error) {
      if (!isPeerError(error, "model_invalid")) problems.push(`header ${own}: ${String(error)}`);
    }
    const elapsedMs = performance.now() - startedAt;
    if (elapsedMs > parseMsMax) problems.push(`header ${own}: took ${Math.round(elapsedMs)} ms`);
    if (!isProbe) continue;
    probes += 1;
    await writeFile(file, bytes);
    await probeModel(file, signal).catch((error: unknown) => {
      if (!isPeerError(error, "model_invalid")) problems.push(`probe ${own}: ${String(error)}`);
    });
  }
  return probes;
}

/** The demo model's keys end, and its tensors begin, within so many bytes. */
const demoHeaderBytes = 96 * 1024;

function withMutatedHeader(demo: Buffer, random: Random): Buffer {
  const header = mutateBytes(demo.subarray(0, random.pick([64, 512, 4_096, demoHeaderBytes])), random);
  return Buffer.concat([header, demo.subarray(header.length)]);
}

function headerOf(demo: Buffer, random: Random): Buffer {
  const tensors = [{ name: "t", dimensions: [32, 2], type: random.pick([0, 1, 8, 24]) }];
  const keys = [["general.alignment", 4, uint32(random.pick([0, 1, 32, 2 ** 31]))]] as const;
  const array = Buffer.concat([uint32(8), Buffer.alloc(8, 1), text("a")]);
  return random.pick([
    ggufFile({ dataBytes: 64 }),
    ggufFile({ dataBytes: 64, template: "{{ x }}", fileType: 7, keys }),
    ggufFile({ dataBytes: 2_176, tensors, keys: [["tokenizer.ggml.tokens", 9, array]] }),
    demo.subarray(0, demoHeaderBytes),
  ]);
}

async function startWorld(root: string, home: Home, hostFrames: readonly string[]): Promise<TargetWorld> {
  const start = { home, role: "network", options: networkStartSchema.parse({ port: 0 }), mode: "background" } as const;
  const { url, networkId } = networkReadySchema.parse((await startDaemon(start, () => {}, signal)).ready);
  const { accountId, apiKey } = await createAccount(homeAt(join(root, "account")), url, { name: "Fuzz" }, signal);
  await callDaemon(home, "network", networkMethods.credit, { account: accountId, usd: "100.00" }, signal);
  const model = await testModel({ bytes: await readFile(packageFile(demoModel)) });
  const { digest } = model.signed.manifest;
  const gateway = createGateway({ url, apiKey });
  const upload = { method: "PATCH", path: `/api/v1/registry/uploads/${digest}`, bytes: model.bytes } as const;
  await gateway.send({ ...upload, headers: { "upload-offset": "0" } }, signal);
  await publishManifest(gateway, model, () => {}, signal);
  return {
    url,
    apiKey,
    claimant: { networkId, accountId },
    controlSocket: socketPath(home, "network"),
    model,
    hostFrames,
  };
}

/** What the orchestrator says of itself afterwards. */
async function problemsOf(home: Home, pid: number): Promise<string[]> {
  const now = await callDaemon(home, "network", frameMethods.ping, {}, signal);
  const audit = await callDaemon(home, "network", networkMethods.audit, {}, signal);
  const log = await readFile(join(home.logsDirectory, "network.log"), "utf8");
  const failures = log
    .split("\n")
    .filter((line) => /"(exception-uncaught|rejection-unhandled|request-failed)"/.test(line));
  return [
    ...(now.pid === pid ? [] : [`process ${pid} was replaced by ${now.pid}`]),
    ...(audit.balanced ? [] : ["the books don't balance"]),
    ...failures.slice(0, 5).map((line) => `logged: ${line.slice(0, 500)}`),
  ];
}

async function pidOf(home: Home): Promise<number> {
  const record = await readRunRecord(home, "network");
  if (record === null) throw new Error("The orchestrator does not serve.");
  return record.pid;
}

function seedOf(seed: number, index: number): number {
  return (Math.imul(seed, 1_000_003) + index) >>> 0;
}

function describe({ seed, thrown, residentMegabytes, elapsedMs, problems }: FuzzFigures): string {
  const counts = Object.entries(thrown).map(([kind, count]) => `${count} ${kind}`);
  const { warm, end } = residentMegabytes;
  return [
    `seed ${seed}: ${counts.join(", ")} in ${(elapsedMs / 1_000).toFixed(1)} s`,
    `orchestrator's memory: ${warm} MB after the warm-up, ${end} MB at the end`,
    ...(problems.length === 0 ? ["no crash, no hang, nothing grew"] : problems),
  ].join("\n");
}
