import { existsSync } from "node:fs";
import { mkdtemp, open, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI, { APIError } from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { startDaemon, stopDaemon } from "../../commands/daemon-process.ts";
import { closeDemoNetwork, type DemoHost, type DemoNetwork, startDemoNetwork } from "../../commands/demo-network.ts";
import { readAccounts } from "../../src/client/account-file.ts";
import { callDaemon } from "../../src/client/control.ts";
import { lockPath, readRunRecord, runRecordPath, socketPath } from "../../src/client/run-record.ts";
import type { Home } from "../../src/paths.ts";
import { routes } from "../../src/protocol/api.ts";
import type { RoleName } from "../../src/protocol/control.ts";
import { hostMethods, networkMethods } from "../../src/protocol/control-methods.ts";
import { hostStartSchema, networkStartSchema, proxyStartSchema } from "../../src/protocol/start.ts";
import { endlessQuestion } from "../worlds/answers.ts";
import { childrenOf, isRunning } from "../worlds/processes.ts";

const question = "Tell me a story about a lighthouse.";
const answerTokensMax = 600;
/** Slow enough that a kill strikes while the answer is being made. */
const tokensPerSecondMax = 60;
const { signal } = new AbortController();
/** Longest that anything may take to serve again, on a machine with much else to do. */
const patience = { timeout: 120_000, interval: 100 };

describe("a network whose processes are killed while answers stream", { timeout: 300_000 }, () => {
  let root: string;
  let network: DemoNetwork;
  let client: OpenAI;
  let undisturbed: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "peerllm-kills-"));
    network = await startDemoNetwork(root, "background", () => {}, signal);
    await Promise.all(
      network.hosts.map(async (host) => {
        await stopDaemon(host.home, "host", true, signal);
        await upHost(host);
      }),
    );
    client = new OpenAI({ baseURL: network.baseUrl, apiKey: "none", maxRetries: 0 });
    undisturbed = (await ask()).text;
  }, 300_000);

  afterEach(async () => {
    await vi.waitUntil(async () => (await servingHosts()) === network.hosts.length, patience);
    expect(await ask()).toMatchObject({ text: undisturbed, error: null });
    await vi.waitUntil(async () => (await audit()).openHolds === 0, patience);
    expect(await audit()).toMatchObject({ balanced: true, problems: [], openHolds: 0 });
  });

  afterAll(async () => {
    const daemons = [
      [network.consumer, "proxy"],
      [network.operator, "network"],
      ...network.hosts.map(({ home }) => [home, "host"] as const),
    ] as const;
    const pids = (await Promise.all(daemons.map(([home, role]) => pidOf(home, role)))).flatMap(family);
    for (const [home, role] of daemons) await stopDaemon(home, role, true, signal);
    expect(daemons.flatMap(([home, role]) => leftovers(home, role))).toEqual([]);
    await vi.waitUntil(() => !pids.some(isRunning), patience);
    await closeDemoNetwork(root);
  }, 120_000);

  it("goes on with the same text when the serving host is killed, whose engine goes with it", async () => {
    const heard = await ask(async () => {
      const host = await busyHost();
      await kill(host.home, "host");
      await upHost(host);
    });
    expect(heard).toMatchObject({ text: undisturbed, error: null });
  });

  it("goes on with the same text when a host's engine is killed, and that host serves again by itself", async () => {
    const { text } = await ask(undefined, endlessQuestion);
    let struck: DemoHost | undefined;
    const heard = await ask(async () => {
      struck = await busyHost();
      const pid = await pidOf(struck.home, "host");
      await replaceEngine(pid);
      expect(await pidOf(struck.home, "host")).toBe(pid);
    }, endlessQuestion);
    expect(heard).toMatchObject({ text, error: null });
    const { failovers } = await network.account.call(routes["receipt-show"], {}, signal, { receipt: heard.receipt });
    expect(failovers).toBeGreaterThanOrEqual(1);
    await untilServing(struck?.home ?? network.operator);
  });

  it("serves no file that was damaged: it is fetched again before its engine is started anew", async () => {
    const home = network.hosts[0]?.home ?? network.operator;
    const [name = ""] = await readdir(home.modelsDirectory);
    const path = join(home.modelsDirectory, name);
    const whole = await readFile(path);
    const file = await open(path, "r+");
    await file.write(Buffer.alloc(400_000, 7), 0, 400_000, 1_000_000);
    await file.close();
    await replaceEngine(await pidOf(home, "host"));
    expect((await readFile(path)).equals(whole)).toBe(true);
    await untilServing(home);
  });

  it("ends the answer with an error when the orchestrator's tokenizer is killed, and starts another", async () => {
    const heard = await ask(async () => {
      const pid = await pidOf(network.operator, "network");
      for (const tokenizer of childrenOf(pid)) process.kill(tokenizer, "SIGKILL");
    });
    expect(heard.error).toBeInstanceOf(APIError);
    expect(undisturbed.startsWith(heard.text)).toBe(true);
  });

  it("ends the answer with an error when the orchestrator is killed; its hosts come back to it by themselves", async () => {
    const hostPids = await Promise.all(network.hosts.map(({ home }) => pidOf(home, "host")));
    const heard = await ask(async () => {
      await kill(network.operator, "network");
    });
    expect(heard.error).toBeInstanceOf(APIError);
    expect(heard.error).toMatchObject({ code: "upstream_failed" });
    expect(undisturbed.startsWith(heard.text)).toBe(true);
    expect(heard.text).not.toBe(undisturbed);
    const port = Number(new URL(network.url).port);
    await up(network.operator, "network", networkStartSchema.parse({ port, billing: "credits" }));
    await vi.waitUntil(async () => (await servingHosts()) === network.hosts.length, patience);
    expect(await Promise.all(network.hosts.map(({ home }) => pidOf(home, "host")))).toEqual(hostPids);
  });

  it("breaks the connection, and never ends it as if all were said, when the proxy is killed", async () => {
    const heard = await ask(async () => {
      await kill(network.consumer, "proxy");
    });
    expect(heard.error).toBeInstanceOf(Error);
    expect(heard.text).not.toBe(undisturbed);
    const [account] = await readAccounts(network.consumer);
    const { port } = new URL(network.baseUrl);
    const options = { port: Number(port), networkUrl: network.url, apiKey: account?.apiKey, model: network.model };
    await up(network.consumer, "proxy", proxyStartSchema.parse(options));
  });

  /** Streams the answer; once its first text is there, `onFirst` runs while the stream goes on. */
  async function ask(
    onFirst?: () => Promise<void>,
    content = question,
  ): Promise<{ text: string; error: unknown; receipt: string }> {
    let text = "";
    let receipt = "";
    let striking: Promise<void> | undefined;
    let isComplete = false;
    try {
      const { data, response } = await client.chat.completions
        .create({
          model: network.model,
          messages: [{ role: "user", content }],
          max_tokens: answerTokensMax,
          temperature: 0,
          stream: true,
        })
        .withResponse();
      receipt = response.headers.get("x-peerllm-receipt") ?? "";
      for await (const chunk of data) {
        text += chunk.choices[0]?.delta.content ?? "";
        isComplete ||= typeof chunk.choices[0]?.finish_reason === "string";
        if (text !== "") striking ??= onFirst?.();
      }
    } catch (error) {
      await striking;
      return { text, error, receipt };
    }
    await striking;
    expect(isComplete).toBe(true);
    return { text, error: null, receipt };
  }

  /** Kills a host's engine, and resolves once the host has begun another. */
  async function replaceEngine(hostPid: number): Promise<void> {
    const engines = childrenOf(hostPid);
    expect(engines).not.toEqual([]);
    for (const engine of engines) process.kill(engine, "SIGKILL");
    await vi.waitUntil(() => !engines.some(isRunning) && childrenOf(hostPid).length > 0, patience);
  }

  async function untilServing(home: Home): Promise<void> {
    await vi.waitUntil(
      async () => (await callDaemon(home, "host", hostMethods.status, {}, signal)).state === "serving",
      patience,
    );
  }

  async function busyHost(): Promise<DemoHost> {
    const { hosts } = await callDaemon(network.operator, "network", networkMethods.hosts, {}, signal);
    const busy = hosts.find(({ activeStreams }) => activeStreams > 0);
    const host = network.hosts.find(({ hostId }) => hostId === busy?.hostId);
    if (host === undefined) throw new Error("No host answers now.");
    return host;
  }

  async function servingHosts(): Promise<number> {
    const { hosts } = await callDaemon(network.operator, "network", networkMethods.hosts, {}, signal);
    return hosts.filter(({ state }) => state === "serving").length;
  }

  const audit = () => callDaemon(network.operator, "network", networkMethods.audit, {}, signal);

  async function upHost({ home }: DemoHost): Promise<void> {
    const [account] = await readAccounts(home);
    const options = { networkUrl: network.url, apiKey: account?.apiKey, models: [network.model], tokensPerSecondMax };
    await up(home, "host", hostStartSchema.parse({ ...options, gpu: "off", threads: 1 }));
  }
});

/** Starts a daemon as its command does; over the lock and socket of a killed one, if need be. */
async function up(home: Home, role: RoleName, options: unknown): Promise<void> {
  await startDaemon({ home, role, options, mode: "background" }, () => {}, signal);
}

async function pidOf(home: Home, role: RoleName): Promise<number> {
  const record = await readRunRecord(home, role);
  if (record === null) throw new Error(`No ${role} serves in ${home.root}.`);
  return record.pid;
}

/** Kills a daemon, and waits until its children are gone too: they go by themselves. */
async function kill(home: Home, role: RoleName): Promise<void> {
  const pid = await pidOf(home, role);
  const pids = family(pid);
  process.kill(pid, "SIGKILL");
  await vi.waitUntil(() => !pids.some(isRunning), patience);
}

/** A process and its children. */
function family(pid: number): number[] {
  return [pid, ...childrenOf(pid)];
}

function leftovers(home: Home, role: RoleName): string[] {
  return [lockPath(home, role), runRecordPath(home, role), socketPath(home, role)].filter((path) => existsSync(path));
}
