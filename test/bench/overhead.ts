import { mkdtemp } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import OpenAI from "openai";
import { startDaemon, stopDaemon } from "../../commands/daemon-process.ts";
import { closeDemoNetwork, type DemoNetwork, startDemoNetwork } from "../../commands/demo-network.ts";
import { readAccounts } from "../../src/client/account-file.ts";
import { homeAt, packageFile } from "../../src/paths.ts";
import { hostStartSchema } from "../../src/protocol/start.ts";
import { wholeNumber } from "./dispatch.ts";
import { firstReleaseAt, type StageTime, stageTimes } from "./overhead-stages.ts";

export interface OverheadSide {
  /** Median over all answers. */
  readonly firstTokenMs: number;
  /** All streams together: the median of the laps. */
  readonly tokensPerSecond: number;
}

export interface OverheadRow {
  readonly concurrent: number;
  readonly answers: number;
  readonly direct: OverheadSide;
  readonly network: OverheadSide;
  readonly addedFirstTokenMs: number;
  readonly firstTokenRatio: number;
  readonly tokensPerSecondRatio: number;
}

export interface OverheadFigures {
  readonly rows: readonly OverheadRow[];
  /** Of the time added to the first token of one answer at a time, where it goes. */
  readonly stages: readonly (StageTime & { readonly share: number })[];
}

const sequences = 16;
const answerTokensMax = 128;
const answersPerLap = 8;
const { signal } = new AbortController();

/** `npm run bench -- overhead [--laps N] [--json]`: through proxy, orchestrator and host, and by the same engine directly. */
export async function run(args: readonly string[], json: boolean): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { laps: { type: "string", default: "5" } } });
  const { rows, stages } = await overheadBench(wholeNumber("--laps", values.laps), [1, 16]);
  const cpu = cpus()[0]?.model ?? "unknown";
  if (json) return void process.stdout.write(`${JSON.stringify({ cpu, cores: cpus().length, rows, stages })}\n`);
  process.stdout.write(
    `${cpu}, ${cpus().length} cores; the demo model, 1 thread, ${answerTokensMax} tokens an answer\n`,
  );
  process.stdout.write("concurrent   first token: direct  network  added  ratio   tokens/s: direct  network  ratio\n");
  for (const { concurrent, direct, network, addedFirstTokenMs, firstTokenRatio, tokensPerSecondRatio } of rows) {
    const cells = [
      String(concurrent).padStart(10),
      `${direct.firstTokenMs.toFixed(1)} ms`.padStart(21),
      network.firstTokenMs.toFixed(1).padStart(8),
      addedFirstTokenMs.toFixed(1).padStart(6),
      firstTokenRatio.toFixed(2).padStart(6),
      direct.tokensPerSecond.toFixed(0).padStart(18),
      network.tokensPerSecond.toFixed(0).padStart(8),
      tokensPerSecondRatio.toFixed(2).padStart(6),
    ];
    process.stdout.write(`${cells.join(" ")}\n`);
  }
  process.stdout.write("\nof what is added to the first token at 1:\n");
  for (const { stage, ms, share } of stages) {
    process.stdout.write(
      `${stage.padEnd(44)} ${ms.toFixed(2).padStart(8)} ms ${(share * 100).toFixed(0).padStart(4)}%\n`,
    );
  }
}

/** The two sides take turns within each lap, so that whatever else the machine does meets both. */
export async function overheadBench(laps: number, concurrencies: readonly number[]): Promise<OverheadFigures> {
  const root = await mkdtemp(join(tmpdir(), "peerllm-overhead-"));
  const local = homeAt(join(root, "local"));
  try {
    const network = await startDemoNetwork(root, "background", () => {}, signal);
    await keepOneHost(network);
    const { ready } = await startDaemon(
      {
        home: local,
        role: "host",
        options: engineOptions({ isLocal: true, port: 0, networkUrl: null, apiKey: null }),
        mode: "background",
      },
      () => {},
      signal,
    );
    const sides = [clientOf(String(ready.baseUrl)), clientOf(network.baseUrl)] as const;
    for (const side of sides) await Promise.all(questionsOf(0, 16).map((each) => ask(side, each)));
    const rows: OverheadRow[] = [];
    let firstAnswers: readonly Heard[] = [];
    for (const concurrent of concurrencies) {
      const heard = sides.map((): Lap[] => []);
      for (let lap = 0; lap < laps; lap += 1) {
        for (const [index, side] of sides.entries()) heard[index]?.push(await runLap(side, lap + 1, concurrent));
      }
      const [direct = [], through = []] = heard;
      rows.push(rowOf(concurrent, direct, through));
      if (firstAnswers.length === 0) firstAnswers = direct.flatMap(({ answers }) => answers);
    }
    return { rows, stages: await sharesOf(rows[0]?.addedFirstTokenMs ?? 0, firstAnswers) };
  } finally {
    await stopDaemon(local, "host", true, signal);
    await closeDemoNetwork(root);
  }
}

/** One host, with the same engine as the one that is called directly. */
async function keepOneHost(network: DemoNetwork): Promise<void> {
  for (const { home } of network.hosts) await stopDaemon(home, "host", true, signal);
  const [host] = network.hosts;
  if (host === undefined) throw new Error("The network has no host.");
  const [account] = await readAccounts(host.home);
  const options = engineOptions({ networkUrl: network.url, apiKey: account?.apiKey ?? null, models: [network.model] });
  await startDaemon({ home: host.home, role: "host", options, mode: "background" }, () => {}, signal);
}

function engineOptions(where: Partial<Parameters<typeof hostStartSchema.parse>[0] & object>) {
  return hostStartSchema.parse({ gpu: "off", threads: 1, sequences, ...where });
}

const clientOf = (baseURL: string) => new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });

interface Heard {
  readonly question: string;
  readonly firstTokenMs: number;
  readonly tokens: number;
  /** Each text with when it came, in milliseconds since the request. */
  readonly pieces: readonly { readonly text: string; readonly atMs: number }[];
}

interface Lap {
  readonly answers: readonly Heard[];
  readonly tokensPerSecond: number;
}

async function runLap(client: OpenAI, lap: number, concurrent: number): Promise<Lap> {
  const waiting = questionsOf(lap, Math.max(answersPerLap, concurrent * 2));
  const answers: Heard[] = [];
  const startedAt = performance.now();
  const work = async () => {
    for (let question = waiting.shift(); question !== undefined; question = waiting.shift()) {
      answers.push(await ask(client, question));
    }
  };
  await Promise.all(Array.from({ length: concurrent }, work));
  const seconds = (performance.now() - startedAt) / 1_000;
  return { answers, tokensPerSecond: answers.reduce((sum, { tokens }) => sum + tokens, 0) / seconds };
}

async function ask(client: OpenAI, question: string): Promise<Heard> {
  const startedAt = performance.now();
  const stream = await client.chat.completions.create({
    model: "default",
    messages: [{ role: "user", content: question }],
    temperature: 0,
    max_tokens: answerTokensMax,
    stream: true,
    stream_options: { include_usage: true },
  });
  const pieces: { text: string; atMs: number }[] = [];
  let tokens = 0;
  for await (const chunk of stream) {
    const text = chunk.choices[0]?.delta.content ?? "";
    if (text !== "") pieces.push({ text, atMs: performance.now() - startedAt });
    tokens = chunk.usage?.completion_tokens ?? tokens;
  }
  return { question, firstTokenMs: pieces[0]?.atMs ?? Number.NaN, tokens, pieces };
}

/** Each asked once on each side, so that no answer's prompt lies in a cache already. */
function questionsOf(lap: number, count: number): string[] {
  const heroes = ["a fox", "a lighthouse", "a robot", "a river"];
  return Array.from(
    { length: count },
    (_, index) => `This is wish ${lap}.${index} of tonight. Tell me a story about ${heroes[index % heroes.length]}.`,
  );
}

function rowOf(concurrent: number, directLaps: readonly Lap[], networkLaps: readonly Lap[]): OverheadRow {
  const direct = sideOf(directLaps);
  const network = sideOf(networkLaps);
  return {
    concurrent,
    answers: directLaps.reduce((sum, { answers }) => sum + answers.length, 0),
    direct,
    network,
    addedFirstTokenMs: network.firstTokenMs - direct.firstTokenMs,
    firstTokenRatio: network.firstTokenMs / direct.firstTokenMs,
    tokensPerSecondRatio: network.tokensPerSecond / direct.tokensPerSecond,
  };
}

function sideOf(laps: readonly Lap[]): OverheadSide {
  return {
    firstTokenMs: median(laps.flatMap(({ answers }) => answers.map(({ firstTokenMs }) => firstTokenMs))),
    tokensPerSecond: median(laps.map(({ tokensPerSecond }) => tokensPerSecond)),
  };
}

/** What the stages take of the added time, what review waits for a sentence, and the rest: the way there and back. */
async function sharesOf(addedMs: number, answers: readonly Heard[]): Promise<OverheadFigures["stages"]> {
  const texts = answers.map(({ question, pieces }) => ({ question, answer: pieces.map(({ text }) => text).join("") }));
  const heldMs: number[] = [];
  for (const { pieces, firstTokenMs } of answers) heldMs.push((await firstReleaseAt(pieces)) - firstTokenMs);
  const known = [
    ...(await stageTimes(texts, packageFile("src/models/demo/demo.gguf"))),
    { stage: "7 review: waits until a sentence is whole", ms: median(heldMs) },
  ];
  const restMs = addedMs - known.reduce((sum, { ms }) => sum + ms, 0);
  const all = [...known, { stage: "HTTP twice, host link, ledger, scheduling", ms: restMs }];
  return all.map((each) => ({ ...each, share: each.ms / addedMs }));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
