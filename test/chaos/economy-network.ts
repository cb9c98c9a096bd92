import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { execa } from "execa";
import { startDaemon, stopDaemon } from "../../commands/daemon-process.ts";
import { callDaemon } from "../../src/client/control.ts";
import { createGateway, type Gateway } from "../../src/client/gateway.ts";
import { isAlive } from "../../src/client/process-identity.ts";
import { readLockRecord } from "../../src/client/run-record.ts";
import { type Home, homeAt, packageFile } from "../../src/paths.ts";
import { routes } from "../../src/protocol/api.ts";
import { networkMethods } from "../../src/protocol/control-methods.ts";
import { economyRoutes } from "../../src/protocol/economy-api.ts";
import { hostReadySchema, hostStartSchema } from "../../src/protocol/start.ts";
import { PayPalSimulator } from "../paypal-simulator/simulator.ts";
import { childrenOf, isRunning } from "../worlds/processes.ts";

/** Somebody with an account of the network. */
export interface Person {
  readonly accountId: string;
  readonly gateway: Gateway;
}

/**
 * A network of processes that bills by PayPal: an orchestrator that can be killed and started again on its port and its
 * home, three hosts on the engine, each of an owner who bought the model and subscribed, and consumers with credit.
 */
export interface EconomyNetwork {
  readonly paypal: PayPalSimulator;
  readonly operator: Home;
  readonly databaseFile: string;
  /** What its hosts serve: sold, and with a royalty. */
  readonly model: string;
  readonly consumers: readonly Person[];
  /** The producer and the hosts' owners. */
  readonly earners: readonly Person[];
  readonly hostIds: readonly string[];
  /** Resolves once the orchestrator serves; false where it was killed before. */
  up(): Promise<boolean>;
  /** Kills the orchestrator as soon as its process is there, and waits until it and its children are gone. */
  kill(): Promise<void>;
  /** Resolves once all hosts are back. */
  hostsServing(): Promise<void>;
  close(): Promise<void>;
}

/** So dear that a few answers are worth a payout. */
const usdPer100kTokens = "500";
const royaltyUsd = "100";
const modelUsd = "2";
const consumerCount = 5;
const hostCount = 3;
const creditUsd = "2000";
const lookMs = 20;
const patienceMs = 120_000;
const { signal } = new AbortController();

/** Polls until it holds. Throws where it takes longer than `withinMs`. */
export async function untilHolds(
  what: string,
  holds: () => Promise<boolean>,
  withinMs: number = patienceMs,
): Promise<void> {
  const until = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > until) throw new Error(`Still not so after ${withinMs / 1_000} s: ${what}.`);
    await delay(lookMs);
  }
}

export async function startEconomyNetwork(): Promise<EconomyNetwork> {
  const root = await mkdtemp(join(tmpdir(), "peerllm-economy-"));
  const paypal = await PayPalSimulator.start();
  const operator = homeAt(join(root, "operator"));
  const hostHomes = Array.from({ length: hostCount }, (_, index) => homeAt(join(root, `host-${index}`)));
  const close = async () => {
    for (const home of hostHomes) await stopDaemon(home, "host", true, signal);
    await stopDaemon(operator, "network", true, signal);
    await paypal.close();
    await rm(root, { recursive: true });
  };
  try {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const up = () => networkUp(operator, port, paypal);
    await up();
    const settings = { usdPer100kTokens };
    await callDaemon(operator, "network", networkMethods["price-set"], settings, signal);
    const producer = await enrol(url, "producer");
    const model = await publish(join(root, "producer"), producer);
    const owners = await Promise.all(hostHomes.map((_, index) => enrol(url, `owner ${index}`)));
    const hostIds: string[] = [];
    for (const [index, owner] of owners.entries()) {
      await callDaemon(operator, "network", networkMethods.vouch, { account: owner.accountId }, signal);
      await buyModel(owner, model, paypal);
      hostIds.push(await startHost(hostHomes[index] ?? operator, owner, model, paypal));
    }
    for (const [index, earner] of [producer, ...owners].entries()) {
      const receiver = { receiver: `earner-${index}@example.com`, thresholdUsd: "1" };
      await earner.gateway.call(economyRoutes["payout-settings-set"], receiver, signal);
    }
    const names = Array.from({ length: consumerCount }, (_, index) => `consumer ${index}`);
    const consumers = await Promise.all(names.map((name) => enrol(url, name)));
    for (const { accountId } of consumers) {
      const credit = { account: accountId, usd: creditUsd };
      await callDaemon(operator, "network", networkMethods.credit, credit, signal);
    }
    const hostsServing = () =>
      untilHolds("every host serves", async () => {
        const { hosts } = await callDaemon(operator, "network", networkMethods.hosts, {}, signal);
        return hosts.filter(({ state }) => state === "serving").length === hostCount;
      });
    await hostsServing();
    return {
      paypal,
      operator,
      databaseFile: join(operator.databaseDirectory, "network.db"),
      model,
      consumers,
      earners: [producer, ...owners],
      hostIds,
      up,
      kill: () => kill(operator),
      hostsServing,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function networkUp(operator: Home, port: number, paypal: PayPalSimulator): Promise<boolean> {
  const words = ["network", "up", "--port", String(port), "--billing", "paypal", "--json"];
  const done = await peerllm(words, {
    PEERLLM_HOME: operator.root,
    PAYPAL_CLIENT_ID: paypal.clientId,
    PAYPAL_CLIENT_SECRET: paypal.clientSecret,
    PAYPAL_BASE_URL: paypal.url,
  });
  if (done.exitCode === 0) return true;
  if (done.stdout.includes("SIGKILL")) return false;
  throw new Error(`The network did not start: ${done.stdout}`);
}

async function kill(operator: Home): Promise<void> {
  let pid = 0;
  await untilHolds("the orchestrator has a process", async () => {
    const holder = await readLockRecord(operator, "network");
    pid = holder !== null && isAlive(holder) ? holder.pid : 0;
    return pid !== 0;
  });
  const pids = [pid, ...childrenOf(pid)];
  process.kill(pid, "SIGKILL");
  await untilHolds("the orchestrator and its children are gone", async () => !pids.some(isRunning));
}

async function enrol(url: string, name: string): Promise<Person> {
  const account = await createGateway({ url, apiKey: null }).call(routes["account-create"], { name }, signal);
  return { accountId: account.accountId, gateway: createGateway({ url, apiKey: account.apiKey }) };
}

/** Publishes the demo model at a price, and returns its reference. */
async function publish(home: string, { gateway }: Person): Promise<string> {
  const file = packageFile("src/models/demo/demo.gguf");
  const prices = ["--price", modelUsd, "--royalty", royaltyUsd];
  const words = ["producer", "publish", file, "--name", "acme/demo", "--version", "1.0.0", ...prices, "--json"];
  await mkdir(home, { mode: 0o700 });
  const access = { PEERLLM_NETWORK: gateway.url, PEERLLM_API_KEY: gateway.apiKey ?? "" };
  const done = await peerllm(words, { PEERLLM_HOME: home, ...access });
  if (done.exitCode !== 0) throw new Error(`The model was not published: ${done.stdout}`);
  return "acme/demo:1.0.0";
}

async function buyModel({ gateway }: Person, model: string, paypal: PayPalSimulator): Promise<void> {
  const [owner = "", name = ""] = model.split(/[/:]/);
  const { approvalUrl, paymentId } = await gateway.call(economyRoutes["model-buy"], {}, signal, { owner, name });
  await paypal.approve(approvalUrl ?? "");
  await untilHolds("the model is bought", async () => {
    const payment = await gateway.call(economyRoutes["billing-payment"], {}, signal, { paymentId: paymentId ?? "" });
    return payment.state === "completed";
  });
}

/** Starts a host that subscribes. Returns its id. */
async function startHost(home: Home, { gateway }: Person, model: string, paypal: PayPalSimulator): Promise<string> {
  const { url: networkUrl, apiKey } = gateway;
  const options = hostStartSchema.parse({ networkUrl, apiKey, models: [model], gpu: "off", threads: 1 });
  const { ready } = await startDaemon({ home, role: "host", options, mode: "background" }, () => {}, signal);
  const hostId = hostReadySchema.parse(ready).hostId ?? "";
  const { approvalUrl } = await gateway.call(economyRoutes["subscription-begin"], { hostId }, signal);
  await paypal.approve(approvalUrl ?? "");
  return hostId;
}

function peerllm(words: readonly string[], env: Readonly<Record<string, string>>) {
  return execa(process.execPath, [packageFile("dist/peerllm.js"), ...words], { env, reject: false });
}

/** Where the orchestrator of every life listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
