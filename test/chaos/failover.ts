import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import OpenAI from "openai";
import { startDaemon } from "../../commands/daemon-process.ts";
import { closeDemoNetwork, type DemoHost, type DemoNetwork, startDemoNetwork } from "../../commands/demo-network.ts";
import { readAccounts } from "../../src/client/account-file.ts";
import { callDaemon } from "../../src/client/control.ts";
import { readRunRecord } from "../../src/client/run-record.ts";
import { routes } from "../../src/protocol/api.ts";
import { networkMethods } from "../../src/protocol/control-methods.ts";
import { hostStartSchema } from "../../src/protocol/start.ts";
import { type CuttableLink, cuttableLink } from "../worlds/cuttable-link.ts";
import { type Random, seeded } from "./random.ts";

const faults = ["kill", "stop", "cut"] as const;
type FaultKind = (typeof faults)[number];

export interface FailoverFigures {
  readonly fault: FaultKind;
  readonly answers: number;
  /** Equal, to the letter, to the answer of an undisturbed run. */
  readonly equal: number;
  /** Answers that more than one host made. */
  readonly handedOver: number;
  /** From the last text before the fault to the first after it. */
  readonly pauseMs: { readonly p50: number; readonly p95: number };
}

const questions = [
  "Tell me a story about a fox.",
  "Tell me a story about a lighthouse.",
  "Tell me a story about a robot.",
  "Tell me a story about a river.",
];
/** Slow enough that a fault strikes while the answer is being made. */
const tokensPerSecondMax = 60;
const waitMs = 120_000;
const lookMs = 100;

/** `npm run chaos -- failover [--runs N] [--seed N] [--fault kill|stop|cut]`: exit code 1 where an answer differs. */
export async function run(args: readonly string[], json: boolean): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: "string", default: "50" },
      seed: { type: "string", default: "1" },
      fault: { type: "string" },
    },
  });
  const wanted = values.fault === undefined ? faults : faults.filter((fault) => fault === values.fault);
  const figures = await disturbAnswers(Number(values.runs), Number(values.seed), wanted);
  if (figures.some(({ answers, equal }) => answers !== equal)) process.exitCode = 1;
  process.stdout.write(json ? `${JSON.stringify({ faults: figures })}\n` : `${figures.map(describe).join("\n")}\n`);
}

/** Strikes the serving host of `runs` answers in mid-stream with each of `wanted`, on real processes. */
export async function disturbAnswers(
  runs: number,
  seed: number,
  wanted: readonly FaultKind[],
): Promise<readonly FailoverFigures[]> {
  const root = await mkdtemp(join(tmpdir(), "peerllm-failover-"));
  const { signal } = new AbortController();
  const links = new Map<string, CuttableLink>();
  try {
    const network = await startDemoNetwork(root, "background", () => {}, signal);
    for (const host of network.hosts) await restartThroughLink(host, network, links, signal);
    const client = new OpenAI({ baseURL: network.baseUrl, apiKey: "none", maxRetries: 0 });
    const undisturbed = new Map<string, string>();
    for (const question of questions) undisturbed.set(question, (await ask(client, question)).text);
    const figures: FailoverFigures[] = [];
    for (const fault of wanted) {
      figures.push(await disturb(fault, runs, seeded(seed), { network, client, links, undisturbed, signal }));
    }
    return figures;
  } finally {
    await closeDemoNetwork(root);
    for (const link of links.values()) await link.close();
  }
}

interface Stage {
  readonly network: DemoNetwork;
  readonly client: OpenAI;
  readonly links: ReadonlyMap<string, CuttableLink>;
  readonly undisturbed: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}

async function disturb(fault: FaultKind, runs: number, random: Random, stage: Stage): Promise<FailoverFigures> {
  const pauses: number[] = [];
  let equal = 0;
  let handedOver = 0;
  for (let index = 0; index < runs; index += 1) {
    const question = random.pick(questions);
    const expected = stage.undisturbed.get(question) ?? "";
    const strikeAt = random.below(Math.floor(expected.length * 0.7));
    let mend: () => Promise<void> = async () => {};
    const heard = await ask(stage.client, question, strikeAt, async () => {
      const host = await servingHost(stage);
      if (host !== undefined) mend = await strike(fault, host, stage);
    });
    if (heard.text === expected) equal += 1;
    if (heard.pauseMs !== null) pauses.push(heard.pauseMs);
    if (await wasHandedOver(heard.receipt, stage)) handedOver += 1;
    await mend();
    await untilServing(stage, stage.network.hosts.length);
    if ((index + 1) % 10 === 0) process.stderr.write(`${fault}: ${index + 1} of ${runs} answers, ${equal} equal\n`);
  }
  pauses.sort((a, b) => a - b);
  const at = (share: number) => Math.round(pauses[Math.min(pauses.length - 1, Math.floor(pauses.length * share))] ?? 0);
  return { fault, answers: runs, equal, handedOver, pauseMs: { p50: at(0.5), p95: at(0.95) } };
}

interface Heard {
  readonly text: string;
  readonly receipt: string;
  readonly pauseMs: number | null;
}

/** Streams an answer; once `strikeAt` characters are heard, `onStrike` runs while the stream goes on. */
async function ask(
  client: OpenAI,
  question: string,
  strikeAt?: number,
  onStrike?: () => Promise<void>,
): Promise<Heard> {
  const { data, response } = await client.chat.completions
    .create({ model: "default", messages: [{ role: "user", content: question }], temperature: 0, stream: true })
    .withResponse();
  let text = "";
  let struckAt: number | null = null;
  let pauseMs: number | null = null;
  let struck: Promise<void> = Promise.resolve();
  for await (const chunk of data) {
    const delta = chunk.choices[0]?.delta.content ?? "";
    if (delta !== "" && struckAt !== null) pauseMs ??= performance.now() - struckAt;
    text += delta;
    if (strikeAt === undefined || onStrike === undefined || struckAt !== null || text.length < strikeAt) continue;
    struckAt = performance.now();
    struck = onStrike();
  }
  await struck;
  return { text, receipt: response.headers.get("x-peerllm-receipt") ?? "", pauseMs };
}

async function servingHost({ network, signal }: Stage): Promise<DemoHost | undefined> {
  const { hosts } = await callDaemon(network.operator, "network", networkMethods.hosts, {}, signal);
  const busy = hosts.find(({ activeStreams }) => activeStreams > 0);
  return network.hosts.find(({ hostId }) => hostId === busy?.hostId);
}

/** Strikes, and returns how it is mended. */
async function strike(fault: FaultKind, host: DemoHost, stage: Stage): Promise<() => Promise<void>> {
  const record = await readRunRecord(host.home, "host");
  const link = stage.links.get(host.hostId);
  if (record === null || link === undefined) throw new Error("The serving host has no process.");
  switch (fault) {
    case "kill":
      process.kill(record.pid, "SIGKILL");
      return () => startAgain(host, link.port, stage.signal);
    case "stop":
      process.kill(record.pid, "SIGSTOP");
      return async () => void process.kill(record.pid, "SIGCONT");
    case "cut":
      link.cut();
      return async () => link.mend();
  }
}

async function wasHandedOver(receipt: string, { network, signal }: Stage): Promise<boolean> {
  const document = await network.account.call(routes["receipt-show"], {}, signal, { receipt });
  return document.failovers > 0;
}

async function restartThroughLink(
  host: DemoHost,
  network: DemoNetwork,
  links: Map<string, CuttableLink>,
  signal: AbortSignal,
): Promise<void> {
  const link = await cuttableLink(Number(new URL(network.url).port));
  links.set(host.hostId, link);
  const record = await readRunRecord(host.home, "host");
  if (record !== null) process.kill(record.pid, "SIGKILL");
  await startAgain(host, link.port, signal);
}

async function startAgain({ home }: DemoHost, port: number, signal: AbortSignal): Promise<void> {
  const [account] = await readAccounts(home);
  const networkUrl = `http://127.0.0.1:${port}`;
  const options = { networkUrl, apiKey: account?.apiKey ?? "", gpu: "off", threads: 1, tokensPerSecondMax };
  await startDaemon(
    { home, role: "host", options: hostStartSchema.parse(options), mode: "background" },
    () => {},
    signal,
  );
}

async function untilServing({ network, signal }: Stage, count: number): Promise<void> {
  const until = performance.now() + waitMs;
  for (;;) {
    const { hosts } = await callDaemon(network.operator, "network", networkMethods.hosts, {}, signal);
    if (hosts.filter(({ state }) => state === "serving").length >= count) return;
    if (performance.now() > until) throw new Error("The hosts did not come back.");
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

function describe({ fault, answers, equal, handedOver, pauseMs }: FailoverFigures): string {
  return `${fault}: ${equal} of ${answers} answers equal to the undisturbed one, ${handedOver} handed over; pause p50 ${pauseMs.p50} ms, p95 ${pauseMs.p95} ms`;
}
