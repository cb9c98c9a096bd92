import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { benchmarkShape } from "../../src/models/demo/train/random-model.ts";
import {
  type Contestant,
  type Course,
  llamaServerContestant,
  lockstepContestant,
  naiveContestant,
} from "./contestant.ts";
import { wholeNumber } from "./dispatch.ts";
import { randomModelFile } from "./random-model.ts";

export interface EngineBenchOptions {
  /** A GGUF file; by default a random one of Qwen2.5-0.5B's shape. */
  readonly modelFile: string | undefined;
  readonly threads: number;
  readonly streams: readonly number[];
  /** Each figure is the median of so many laps, the contestants taking turns. */
  readonly laps: number;
  /** llama.cpp's own server, to run beside. */
  readonly llamaServer: string | undefined;
}

/** Tokens per second, all streams together. Null: that contestant was not there. */
export interface EngineBenchRow {
  readonly measure: "prefill" | "decode";
  readonly streams: number;
  readonly lockstep: number;
  readonly naive: number;
  readonly llamaServer: number | null;
  readonly ratioToNaive: number;
  readonly ratioToLlamaServer: number | null;
}

const promptTokens = 64;
const prefillTokens = 512;
const answerTokens = 48;
const contextLength = 768;

/** `npm run bench -- engine [--model FILE] [--threads N] [--streams 1,2,4,8] [--laps N] [--json]` */
export async function run(args: readonly string[], json: boolean): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: { type: "string" },
      threads: { type: "string", default: String(Math.max(1, cpus().length)) },
      streams: { type: "string", default: "1,2,4,8" },
      laps: { type: "string", default: "3" },
    },
  });
  const threads = wholeNumber("--threads", values.threads);
  const streams = values.streams.split(",").map((each) => wholeNumber("--streams", each));
  const laps = wholeNumber("--laps", values.laps);
  const llamaServer = process.env.LLAMA_SERVER;
  const rows = await engineBench({ modelFile: values.model, threads, streams, laps, llamaServer });
  const cpu = cpus()[0]?.model ?? "unknown";
  if (json) return void process.stdout.write(`${JSON.stringify({ cpu, threads, rows })}\n`);
  process.stdout.write(`${cpu}, ${threads} threads; tokens per second, all streams together\n`);
  process.stdout.write("           streams  lockstep  node-llama-cpp  ratio  llama-server  ratio\n");
  for (const row of rows) {
    const cells = [
      row.measure.padEnd(10),
      String(row.streams).padStart(7),
      row.lockstep.toFixed(1).padStart(9),
      row.naive.toFixed(1).padStart(15),
      row.ratioToNaive.toFixed(2).padStart(6),
      (row.llamaServer?.toFixed(1) ?? "–").padStart(13),
      (row.ratioToLlamaServer?.toFixed(2) ?? "–").padStart(6),
    ];
    process.stdout.write(`${cells.join(" ")}\n`);
  }
}

export async function engineBench(options: EngineBenchOptions): Promise<EngineBenchRow[]> {
  const course: Course = {
    modelFile: options.modelFile ?? (await randomModelFile(benchmarkShape, 1)),
    threads: options.threads,
    sequences: Math.max(...options.streams),
    contextLength,
  };
  const contestants: Contestant[] = [];
  try {
    contestants.push(await lockstepContestant(course), await naiveContestant(course));
    if (options.llamaServer !== undefined) contestants.push(await llamaServerContestant(options.llamaServer, course));
    const rows = [await measure("prefill", 1, contestants, options.laps)];
    for (const streams of options.streams) rows.push(await measure("decode", streams, contestants, options.laps));
    return rows;
  } finally {
    await Promise.all(contestants.map((contestant) => contestant.close()));
  }
}

/** The contestants take turns within each lap, so that whatever else the machine does meets all of them. */
async function measure(
  kind: EngineBenchRow["measure"],
  streams: number,
  contestants: readonly Contestant[],
  laps: number,
): Promise<EngineBenchRow> {
  const rates = contestants.map((): number[] => []);
  for (let lap = 0; lap < laps; lap++) {
    for (const [index, contestant] of contestants.entries()) {
      rates[index]?.push(
        kind === "prefill" ? await prefillRate(contestant, lap) : await decodeRate(contestant, streams, lap),
      );
    }
  }
  const [lockstep = 0, naive = 0, llamaServer = null] = rates.map(median);
  return {
    measure: kind,
    streams,
    lockstep,
    naive,
    llamaServer,
    ratioToNaive: lockstep / naive,
    ratioToLlamaServer: llamaServer === null ? null : lockstep / llamaServer,
  };
}

async function prefillRate(contestant: Contestant, lap: number): Promise<number> {
  const { prefillMs } = await contestant.run([promptOf(prefillTokens, lap)], 2);
  return (prefillTokens * 1000) / prefillMs;
}

async function decodeRate(contestant: Contestant, streams: number, lap: number): Promise<number> {
  const prompts = Array.from({ length: streams }, (_, index) => promptOf(promptTokens, lap * 100 + index));
  return (await contestant.run(prompts, answerTokens)).tokensPerSecond;
}

/** Letters and digits in an order of its own for each seed; never a control token. */
function promptOf(length: number, seed: number): number[] {
  return Array.from({ length }, (_, index) => 48 + ((index * 7 + seed * 13 + ((index * seed) % 5)) % 70));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
