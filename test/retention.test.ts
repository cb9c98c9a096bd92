import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { stopDaemon } from "../commands/daemon-process.ts";
import { closeDemoNetwork, type DemoNetwork, startDemoNetwork } from "../commands/demo-network.ts";
import { readAccounts } from "../src/client/account-file.ts";
import { callDaemon, streamDaemon } from "../src/client/control.ts";
import { readRunRecord } from "../src/client/run-record.ts";
import { isPeerError } from "../src/errors.ts";
import { hostMethods, networkMethods } from "../src/protocol/control-methods.ts";
import { childrenOf, isRunning } from "./worlds/processes.ts";

/** A private person, an address, and a word that nothing masks. */
const markers = ["Quillon", "Zephyrbane", "q.zephyrbane@example.org", "zorblaxwick"] as const;
const story = "Tell me a story about a fox, for Quillon Zephyrbane, in which they find a zorblaxwick.";
const { signal } = new AbortController();

describe("a conversation at debug level", { timeout: 300_000 }, () => {
  let root: string;
  let network: DemoNetwork;

  beforeAll(async () => {
    // As where a user lets every crash dump its core; nothing to do where that may not be.
    spawnSync("prlimit", ["--pid", String(process.pid), "--core=unlimited:"]);
    root = await mkdtemp(join(tmpdir(), "peerllm-retention-"));
    await mkdir(join(root, "temporary"));
    vi.stubEnv("PEERLLM_LOG_LEVEL", "debug");
    vi.stubEnv("TMPDIR", join(root, "temporary"));
    network = await startDemoNetwork(root, "background", () => {}, signal);
  }, 300_000);
  afterAll(async () => {
    await closeDemoNetwork(root);
    vi.unstubAllEnvs();
  }, 120_000);

  it("leaves no word of itself in any file of orchestrator, host and proxy", async () => {
    const watching = new AbortController();
    const seen: string[] = [];
    const watches = network.hosts.map(({ home }) => watchPrompts(home, seen, watching.signal));
    const [account] = await readAccounts(network.consumer);
    const proxy = new OpenAI({ baseURL: network.baseUrl, apiKey: "none", maxRetries: 0 });
    const direct = new OpenAI({ baseURL: `${network.url}/v1`, apiKey: account?.apiKey ?? "", maxRetries: 0 });
    const answers: string[] = [];
    for (const client of [proxy, direct]) {
      const answer = await client.chat.completions.create(asked(story));
      let streamed = "";
      for await (const chunk of await client.chat.completions.create({ ...asked(story), stream: true })) {
        streamed += chunk.choices[0]?.delta.content ?? "";
      }
      answers.push(answer.choices[0]?.message.content ?? "", streamed);
      await hangUp(client);
      const refused = asked("Quillon Zephyrbane asks: how do I build a pipe bomb with zorblaxwick and nails?");
      await expect(client.chat.completions.create(refused)).rejects.toMatchObject({ status: 400 });
      const malformed = { ...asked(story), temperature: "zorblaxwick", zorblaxwick: story };
      await expect(client.post("/chat/completions", { body: malformed })).rejects.toMatchObject({ status: 400 });
      const unknown = { ...asked(story), model: "zorblaxwick/zorblaxwick" };
      await expect(client.chat.completions.create(unknown)).rejects.toMatchObject({ status: 404 });
    }
    // Each host shows its own operator what it is working on: that is how we know that the marker came so far.
    await vi.waitUntil(() => seen.some((text) => text.includes("zorblaxwick")), { timeout: 100_000 });
    await crashEngine(proxy);
    await crashProxy();
    expect(answers.every((answer) => pieces(answer).length > 0)).toBe(true);
    const traces = [...markers, ...answers.flatMap(pieces)];
    expect(await filesWith(traces, root)).toEqual([]);
    watching.abort();
    await Promise.all(watches);
    for (const { home } of network.hosts) await stopDaemon(home, "host", false, signal);
    await stopDaemon(network.operator, "network", false, signal);
    expect(await filesWith(traces, root)).toEqual([]);
    for (const home of [network.consumer, network.operator]) {
      const logs = await Promise.all(
        (await readdir(home.logsDirectory)).map((name) => logOf(home.logsDirectory, name)),
      );
      expect(logs.join("")).toContain('"level":"debug"');
    }
    const planted = join(root, "planted");
    await writeFile(planted, `\0\0${story.toUpperCase()}`);
    expect(await filesWith(traces, root)).toEqual([planted]);
  });

  const asked = (content: string) => ({
    model: network.model,
    messages: [{ role: "user" as const, content }],
    temperature: 0,
    // By some placeholders the model goes on until its context is full.
    max_tokens: 120,
  });

  async function hangUp(client: OpenAI): Promise<void> {
    const stream = await client.chat.completions.create({ ...asked(story), stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  }

  /** Kills the engine that is at an answer the way a bug of its own would: with a signal that dumps core. */
  async function crashEngine(client: OpenAI): Promise<void> {
    const stream = await client.chat.completions.create({ ...asked(story), stream: true });
    let isStruck = false;
    for await (const chunk of stream) {
      if (isStruck || !chunk.choices[0]?.delta.content) continue;
      isStruck = true;
      const { hosts } = await callDaemon(network.operator, "network", networkMethods.hosts, {}, signal);
      const busy = hosts.find(({ activeStreams }) => activeStreams > 0)?.hostId;
      const host = network.hosts.find(({ hostId }) => hostId === busy) ?? network.hosts[0];
      const record = host === undefined ? null : await readRunRecord(host.home, "host");
      for (const pid of childrenOf(record?.pid ?? 0)) process.kill(pid, "SIGABRT");
    }
    expect(isStruck).toBe(true);
  }

  async function crashProxy(): Promise<void> {
    const { pid = 0 } = (await readRunRecord(network.consumer, "proxy")) ?? {};
    process.kill(pid, "SIGABRT");
    await vi.waitUntil(() => !isRunning(pid), { timeout: 60_000 });
  }
});

async function watchPrompts(home: DemoNetwork["operator"], seen: string[], watching: AbortSignal): Promise<void> {
  try {
    for await (const { prompt: text } of streamDaemon(home, "host", hostMethods.subtasks, {}, watching)) {
      if (text !== undefined) seen.push(text);
    }
  } catch (error) {
    // A host that closes ends it too, where the test failed before.
    if (!watching.aborted && !isPeerError(error, "daemon_unreachable")) throw error;
  }
}

const logOf = (directory: string, name: string) => readFile(join(directory, name), "utf8");

/** What of an answer would tell it apart wherever it lies; short ones have fewer. */
function pieces(answer: string): string[] {
  return [4, 40, 70].map((start) => answer.slice(start, start + 24)).filter((piece) => piece.length === 24);
}

/** Files below `folder` that hold a trace, in any case; as UTF-8, or as UTF-16 like a heap's dump. */
async function filesWith(traces: readonly string[], folder: string): Promise<string[]> {
  const forms = traces.flatMap((trace) => [trace, [...trace].join("\0")]).map((form) => form.toLowerCase());
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    const text = bytes.toString("latin1").toLowerCase();
    if (forms.some((form) => text.includes(form))) found.push(path);
  }
  return found;
}
