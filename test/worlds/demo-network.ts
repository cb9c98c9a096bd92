import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ControlHandler } from "../../daemon/control/server.ts";
import { startHost } from "../../daemon/host/host.ts";
import { startUpstreamEngine } from "../../daemon/host/upstream-engine.ts";
import { benchmarkEngine } from "../../daemon/llama/benchmark.ts";
import { type LlamaEngine, startLlamaEngine } from "../../daemon/llama/engine.ts";
import { probeModel } from "../../daemon/llama/probe.ts";
import { startTokenizers } from "../../daemon/llama/tokenizer.ts";
import { startOrchestrator } from "../../daemon/orchestrator/orchestrator.ts";
import { openModelFiles } from "../../daemon/registry/model-files.ts";
import { createRegistry, type RegistryRules } from "../../daemon/registry/registry.ts";
import { openAccounts } from "../../daemon/sqlite/accounts.ts";
import { openBooks } from "../../daemon/sqlite/books.ts";
import { openCodes } from "../../daemon/sqlite/codes.ts";
import { Database } from "../../daemon/sqlite/database.ts";
import { openHosts } from "../../daemon/sqlite/hosts.ts";
import { openInvites } from "../../daemon/sqlite/invites.ts";
import { openModelStore } from "../../daemon/sqlite/model-store.ts";
import { openPayments } from "../../daemon/sqlite/payments.ts";
import { openPayouts } from "../../daemon/sqlite/payouts.ts";
import { openPrices } from "../../daemon/sqlite/prices.ts";
import { openReceipts } from "../../daemon/sqlite/receipts.ts";
import { openSales } from "../../daemon/sqlite/sales.ts";
import { openSubscriptions } from "../../daemon/sqlite/subscriptions.ts";
import { systemClock } from "../../src/clock.ts";
import { scopes } from "../../src/identity/api-key.ts";
import type { AccountId } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import { sha256Hex } from "../../src/models/digest.ts";
import { readGgufFacts } from "../../src/models/gguf.ts";
import { type SignedManifest, sealManifest } from "../../src/models/manifest.ts";
import { signModel } from "../../src/models/signature.ts";
import { generateSigningKey } from "../../src/models/signing-key.ts";
import { type NanoUsd, parseUsd, zeroUsd } from "../../src/money.ts";
import { homeAt, packageFile } from "../../src/paths.ts";
import { hostStartSchema, networkStartSchema } from "../../src/protocol/start.ts";

export const demoReference = "peerllm/demo:1.0.0";

export interface DemoNetworkOptions {
  /** Hosts, each of an owner of its own. */
  readonly hosts: number;
  readonly billing?: "off" | "credits";
  readonly isVouched?: boolean;
  /** An OpenAI-compatible server that makes the hosts' answers, instead of engines of their own. */
  readonly upstream?: string;
  /** The producer's, per 100,000 tokens. */
  readonly royaltyUsd?: string;
  /** A host's cap, so that an answer lasts long enough to be interrupted; as fast as it goes where it isn't named. */
  readonly tokensPerSecondMax?: number;
}

export interface DemoHost {
  readonly accountId: AccountId;
  /** Its owner's. */
  readonly apiKey: string;
  readonly hostId: string;
  readonly isActive: boolean;
  /** Kills its engine's process. */
  crashEngine(): void;
  /** Once; later calls change nothing. */
  close(): Promise<void>;
}

export interface DemoNetwork {
  readonly url: string;
  /** The consumer's. */
  readonly apiKey: string;
  readonly consumer: AccountId;
  readonly producer: AccountId;
  readonly hosts: readonly DemoHost[];
  readonly books: ReturnType<typeof openBooks>;
  /** What its operator's commands may ask it. */
  readonly control: Readonly<Record<string, ControlHandler>>;
  readonly receipts: ReturnType<typeof openReceipts>;
  /** A host that answers something now. */
  activeHost(): DemoHost | undefined;
  /** Another key of the consumer's, with a budget of its own. */
  keyWithBudget(perDay: NanoUsd): Promise<string>;
  close(): Promise<void>;
}

/** Of a server that others load too, so that it would take its time to measure. */
const someSpeed = {
  prefillTokensPerSecond: 500,
  decodeTokensPerSecond: 50,
  sequences: 4,
  decodeTokensPerSecondAtAllSequences: 100,
};

/** A whole network in this process: the demo model published, hosts serving it on real engines, a consumer with $1. */
export async function demoNetwork(options: DemoNetworkOptions): Promise<DemoNetwork> {
  const root = await mkdtemp(join(tmpdir(), "peerllm-world-"));
  const database = new Database(join(root, "network.db"));
  const clock = systemClock;
  const log = silentLog;
  const tokenizers = startTokenizers();
  const accounts = openAccounts(database, clock);
  const books = openBooks(database, clock);
  const receipts = openReceipts(database, clock);
  const models = openModelStore(database);
  const { billing = "credits", isVouched = true } = options;
  const upstream = options.upstream === undefined ? {} : { engine: "openai", upstream: options.upstream };
  const pace = options.tokensPerSecondMax === undefined ? {} : { tokensPerSecondMax: options.tokensPerSecondMax };
  const adapters = {
    accounts,
    books,
    receipts,
    models,
    tokenizers,
    guard: null,
    invites: openInvites(database, clock),
    knownHosts: openHosts(database, clock),
    prices: openPrices(database, clock),
    codes: openCodes(database, clock),
    payments: openPayments(database, clock),
    payouts: openPayouts(database, clock),
    subscriptions: openSubscriptions(database, clock),
    sales: openSales(database, clock),
    openTreasury: null,
    openRegistry: (rules: RegistryRules) =>
      createRegistry({ ...rules, directory: join(root, "registry"), store: models, clock, log, probe: probeModel }),
  };
  const signed = await signedDemoModel(options.royaltyUsd);
  const start = networkStartSchema.parse({ port: 0, billing });
  const orchestrator = await startOrchestrator(start, adapters, { home: homeAt(join(root, "network")), log, clock });
  const { url } = orchestrator.ready;
  const join_ = async (name: string) => {
    const account = await accounts.create({ name });
    const { secret } = await accounts.createKey(account.id, { name, scopes });
    return { accountId: account.id, apiKey: secret };
  };

  const producer = await join_("producer");
  const blob = join(root, "registry", "blobs", signed.manifest.digest.slice(0, 2), `${signed.manifest.digest}.gguf`);
  await mkdir(dirname(blob), { recursive: true });
  await copyFile(packageFile("src/models/demo/demo.gguf"), blob);
  await models.publish({ signed, accountId: producer.accountId, publishedAt: clock.now() });
  const consumer = await join_("consumer");
  await books.credit({
    accountId: consumer.accountId,
    amount: parseUsd("1"),
    source: { kind: "promotion" },
    idempotencyKey: "world",
    reference: null,
  });

  const hosts: DemoHost[] = [];
  for (let index = 0; index < options.hosts; index += 1) {
    const { accountId, apiKey } = await join_(`host ${index}`);
    if (isVouched) await accounts.vouch(accountId, true);
    const files = openModelFiles(join(root, `host-${index}`, "models"), clock);
    const hostTokenizers = startTokenizers();
    let engine: LlamaEngine | undefined;
    const host = await startHost(
      hostStartSchema.parse({
        networkUrl: url,
        apiKey,
        models: [demoReference],
        gpu: "off",
        threads: 1,
        ...upstream,
        ...pace,
      }),
      {
        files,
        tokenizers: hostTokenizers,
        benchmark: async (engine, signal) =>
          options.upstream === undefined ? benchmarkEngine(engine, clock, signal) : someSpeed,
        startEngine: async ({ model: { weights, reference }, settings, onStateChange }, signal) => {
          if (weights.kind === "upstream") {
            return startUpstreamEngine({ url: weights.url, reference, ...settings, clock }, signal);
          }
          const { file: modelFile, restore } = weights;
          engine = await startLlamaEngine({ modelFile, restore, ...settings, onStateChange, log }, signal);
          return engine;
        },
      },
      {
        home: homeAt(join(root, `host-${index}`)),
        log,
        clock,
        signal: new AbortController().signal,
        reportProgress: () => {},
        fail: () => {},
      },
    );
    let isClosed = false;
    const close = async () => {
      if (isClosed) return;
      isClosed = true;
      await host.close();
      await files.close();
      await hostTokenizers.close();
    };
    hosts.push({
      accountId,
      apiKey,
      hostId: String(host.ready.hostId),
      get isActive() {
        return !isClosed && host.activeStreams > 0;
      },
      crashEngine() {
        if (engine?.pid === undefined) throw new Error("The host's engine does not run.");
        process.kill(engine.pid, "SIGKILL");
      },
      close,
    });
  }

  return {
    url,
    apiKey: consumer.apiKey,
    consumer: consumer.accountId,
    producer: producer.accountId,
    hosts,
    books,
    control: orchestrator.control,
    receipts,
    activeHost: () => hosts.find(({ isActive }) => isActive),
    async keyWithBudget(perDay) {
      const request = { name: "limited", scopes: ["consume"], budget: { perDay, perMonth: null } } as const;
      return (await accounts.createKey(consumer.accountId, request)).secret;
    },
    async close() {
      for (const host of hosts) await host.close();
      await orchestrator.close();
      await tokenizers.close();
      database.close();
      await rm(root, { recursive: true });
    },
  };
}

async function signedDemoModel(royaltyUsd: string | undefined): Promise<SignedManifest> {
  const path = packageFile("src/models/demo/demo.gguf");
  const key = generateSigningKey("P-256");
  const { bundle, rootDigest, sizeBytes } = await signModel(
    { path, key, method: "shards" },
    new AbortController().signal,
  );
  const [name = "", version = ""] = demoReference.split(":");
  const royaltyPer100kTokens = royaltyUsd === undefined ? zeroUsd : parseUsd(royaltyUsd);
  const manifest = {
    name,
    version,
    license: "MIT",
    summary: "The demo model.",
    visibility: "global" as const,
    prices: { royaltyPer100kTokens, once: zeroUsd, monthly: zeroUsd },
    facts: await readGgufFacts(path),
    fileName: "demo.gguf",
    sizeBytes,
    digest: sha256Hex(await readFile(path)),
    rootDigest,
    source: undefined,
    producerKey: key.publicKeyPem,
  };
  return sealManifest(manifest, bundle, key);
}
