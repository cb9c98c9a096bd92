import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { callDaemon } from "../src/client/control.ts";
import { createGateway, type Gateway } from "../src/client/gateway.ts";
import { PeerError } from "../src/errors.ts";
import { type Home, homeAt, packageFile } from "../src/paths.ts";
import type { RoleName } from "../src/protocol/control.ts";
import { networkMethods } from "../src/protocol/control-methods.ts";
import {
  hostReadySchema,
  hostStartSchema,
  networkReadySchema,
  networkStartSchema,
  proxyReadySchema,
  proxyStartSchema,
} from "../src/protocol/start.ts";
import { createAccount } from "./access.ts";
import { type DaemonStart, startDaemon, stopDaemon } from "./daemon-process.ts";

/** The three people whose machines serve in the demo. */
const hostOwners = ["Ada", "Bob", "Cleo"] as const;
const demoModel = { name: "demo/peer", version: "1.0.0" } as const;
const consumerCreditUsd = "5.00";
/** What each host gives at most, so that answers can be watched, and so that three share one machine. */
const tokensPerSecondMax = 60;

export interface DemoHost {
  readonly home: Home;
  readonly hostId: string;
  readonly ownerName: string;
  /** The owner's account. */
  readonly owner: string;
  readonly decodeTokensPerSecond: number;
}

/** A whole network on this machine, each daemon a process of its own with a home of its own. */
export interface DemoNetwork {
  readonly root: string;
  readonly url: string;
  readonly networkId: string;
  readonly operator: Home;
  readonly hosts: readonly DemoHost[];
  readonly model: string;
  readonly consumer: Home;
  /** The consumer's local OpenAI endpoint; ends in `/v1`. */
  readonly baseUrl: string;
  /** The consumer's account on the orchestrator. */
  readonly account: Gateway;
}

/** What the demo says of its own making: a name and a sentence for each step done. */
export type OnStep = (name: string, sentence: string) => void;

/** Starts it under `root`. What failed on the way is left to `closeDemoNetwork`. */
export async function startDemoNetwork(
  root: string,
  mode: DaemonStart["mode"],
  onStep: OnStep,
  signal: AbortSignal,
): Promise<DemoNetwork> {
  const homes = demoHomes(root);
  for (const home of allHomes(homes)) await mkdir(home.root, { recursive: true, mode: 0o700 });
  const start = (home: Home, role: RoleName, options: unknown) =>
    startDaemon({ home, role, options, mode }, () => {}, signal);

  const { ready } = await start(homes.operator, "network", networkStartSchema.parse({ port: 0, billing: "credits" }));
  const { url, networkId } = networkReadySchema.parse(ready);
  onStep("orchestrator", `serves at ${url}`);

  await createAccount(homes.producer, url, { name: "Pia" }, signal);
  const model = await publish(homes.producer, url, signal);
  onStep("producer", `signed and published ${model}`);

  const hosts = await Promise.all(
    hostOwners.map(async (ownerName, index) => {
      const home = homes.hosts[index] ?? homes.operator;
      const account = await createAccount(home, url, { name: ownerName }, signal);
      await callDaemon(homes.operator, "network", networkMethods.vouch, { account: account.accountId }, signal);
      const options = {
        networkUrl: url,
        apiKey: account.apiKey,
        models: [model],
        gpu: "off",
        threads: 1,
        tokensPerSecondMax,
      };
      const host = await start(home, "host", hostStartSchema.parse(options));
      const { hostId, benchmark } = hostReadySchema.parse(host.ready);
      const { decodeTokensPerSecond } = benchmark;
      return { home, hostId: hostId ?? "", ownerName, owner: account.accountId, decodeTokensPerSecond };
    }),
  );
  const speeds = hosts.map((host) => `${host.ownerName} ${host.decodeTokensPerSecond.toFixed(0)}`);
  onStep("hosts", `fetched, verified and serve it; tokens/s: ${speeds.join(", ")}`);

  const consumer = await createAccount(homes.consumer, url, { name: "Dan" }, signal);
  const credit = { account: consumer.accountId, usd: consumerCreditUsd };
  await callDaemon(homes.operator, "network", networkMethods.credit, credit, signal);
  const proxyOptions = proxyStartSchema.parse({ port: 0, networkUrl: url, apiKey: consumer.apiKey, model });
  const { baseUrl } = proxyReadySchema.parse((await start(homes.consumer, "proxy", proxyOptions)).ready);
  onStep("consumer", `has $${consumerCreditUsd} of credit and an OpenAI endpoint at ${baseUrl}`);

  const account = createGateway({ url, apiKey: consumer.apiKey });
  return { root, url, networkId, operator: homes.operator, hosts, model, consumer: homes.consumer, baseUrl, account };
}

interface DemoHomes {
  readonly operator: Home;
  readonly producer: Home;
  readonly hosts: readonly Home[];
  readonly consumer: Home;
}

function demoHomes(root: string): DemoHomes {
  const at = (name: string) => homeAt(join(root, name));
  return {
    operator: at("operator"),
    producer: at("producer"),
    hosts: hostOwners.map((name) => at(`host-${name.toLowerCase()}`)),
    consumer: at("consumer"),
  };
}

function allHomes({ operator, producer, hosts, consumer }: DemoHomes): Home[] {
  return [operator, producer, ...hosts, consumer];
}

/** Publishes the demo model as its producer would, by the command. Returns its reference. */
async function publish(home: Home, networkUrl: string, signal: AbortSignal): Promise<string> {
  const { name, version } = demoModel;
  const model = packageFile("src/models/demo/demo.gguf");
  const facts = ["--license", "MIT", "--summary", "A small model that knows PeerLLM."];
  const words = ["producer", "publish", model, "--name", name, "--version", version, ...facts, "--yes"];
  // Where the environment names a network and an account, they are not the demo's.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PEERLLM_")));
  const place = ["--home", home.root, "--network", networkUrl];
  const done = await execa(process.execPath, [packageFile("dist/peerllm.js"), ...words, ...place], {
    env,
    extendEnv: false,
    cancelSignal: signal,
    reject: false,
  });
  signal.throwIfAborted();
  if (done.exitCode !== 0) {
    throw new PeerError("unexpected", `The demo model could not be published: ${done.stderr}`);
  }
  return `${name}:${version}`;
}

/** Stops every daemon of a demo, however far its start came, and removes its folder. */
export async function closeDemoNetwork(root: string): Promise<void> {
  const { signal } = new AbortController();
  const homes = demoHomes(root);
  const stopped = [
    ...(await Promise.allSettled([stopDaemon(homes.consumer, "proxy", true, signal)])),
    ...(await Promise.allSettled(homes.hosts.map((home) => stopDaemon(home, "host", true, signal)))),
    ...(await Promise.allSettled([stopDaemon(homes.operator, "network", true, signal)])),
  ];
  await rm(root, { recursive: true, force: true });
  for (const each of stopped) if (each.status === "rejected") throw each.reason;
}
