import { stat } from "node:fs/promises";
import { join } from "node:path";
import { isPeerError, PeerError } from "../src/errors.ts";
import { ifThere } from "../src/if-there.ts";
import { billsBy } from "../src/ledger/price-book.ts";
import { threadsAtOnce } from "../src/machine.ts";
import type { Home } from "../src/paths.ts";
import type { RoleName } from "../src/protocol/control.ts";
import { hostStartSchema, networkStartSchema } from "../src/protocol/start.ts";
import { guardFile, guardOf } from "./guard-model.ts";
import { type HostAdapters, startHost } from "./host/host.ts";
import { startUpstreamEngine } from "./host/upstream-engine.ts";
import type { RoleContext, RunningRole, StartRole } from "./lifecycle.ts";
import { benchmarkEngine } from "./llama/benchmark.ts";
import { type LlamaEngine, startLlamaEngine } from "./llama/engine.ts";
import { probeModel } from "./llama/probe.ts";
import { startTokenizers } from "./llama/tokenizer.ts";
import { startOrchestrator, type TreasuryNetwork } from "./orchestrator/orchestrator.ts";
import { returnUrlAt, webhookUrlAt } from "./orchestrator/paypal-link.ts";
import { startProxy } from "./proxy/proxy.ts";
import { openBlobs } from "./registry/blobs.ts";
import { openModelFiles } from "./registry/model-files.ts";
import { createRegistry, type Registry, type RegistryRules } from "./registry/registry.ts";
import { openAccounts } from "./sqlite/accounts.ts";
import { openBooks } from "./sqlite/books.ts";
import { openCodes } from "./sqlite/codes.ts";
import { Database } from "./sqlite/database.ts";
import { openHosts } from "./sqlite/hosts.ts";
import { openInvites } from "./sqlite/invites.ts";
import { openModelStore } from "./sqlite/model-store.ts";
import { openPayments } from "./sqlite/payments.ts";
import { openPayouts } from "./sqlite/payouts.ts";
import { openPayPalRecords } from "./sqlite/paypal-records.ts";
import { openPayPalTransactions } from "./sqlite/paypal-transactions.ts";
import { openPrices } from "./sqlite/prices.ts";
import { openReceipts } from "./sqlite/receipts.ts";
import { openSales } from "./sqlite/sales.ts";
import { openSubscriptions } from "./sqlite/subscriptions.ts";

/** What each role of the daemon is made of: the one place that constructs adapters. */
export const roles: Readonly<Record<RoleName, StartRole>> = {
  network: startNetworkRole,
  host: startHostRole,
  proxy: startProxy,
};

async function startNetworkRole(options: unknown, context: RoleContext): Promise<RunningRole> {
  const start = networkStartSchema.parse(options);
  const { home, clock, log } = context;
  const databaseFile = join(home.databaseDirectory, "network.db");
  await requireBooks(home, databaseFile);
  const database = new Database(databaseFile);
  const tokenizers = startTokenizers();
  const registries: Registry[] = [];
  let guardEngine: LlamaEngine | null = null;
  const close = async () => {
    await guardEngine?.close();
    for (const registry of registries) await registry.close();
    await tokenizers.close();
    database.close();
  };
  try {
    const models = openModelStore(database);
    const registryDirectory = join(home.root, "registry");
    if (start.guardModel !== null) {
      const { file } = openBlobs(join(registryDirectory, "blobs"));
      const modelFile = await guardFile(start.guardModel, models, file);
      guardEngine = await startLlamaEngine({ modelFile, ...guardSettings, log }, context.signal);
    }
    const prices = openPrices(database, clock);
    const usesPayPal =
      start.billing === null ? billsBy("paypal", await prices.list(), clock.now()) : start.billing === "paypal";
    const adapters = {
      accounts: openAccounts(database, clock),
      invites: openInvites(database, clock),
      knownHosts: openHosts(database, clock),
      books: openBooks(database, clock),
      prices,
      receipts: openReceipts(database, clock),
      models,
      tokenizers,
      guard: guardEngine === null ? null : guardOf(guardEngine),
      codes: openCodes(database, clock),
      payments: openPayments(database, clock),
      payouts: openPayouts(database, clock),
      subscriptions: openSubscriptions(database, clock),
      sales: openSales(database, clock),
      openTreasury: usesPayPal ? await treasuryOpener(database, context) : null,
      openRegistry: (rules: RegistryRules) => {
        const sources = start.hubUrl === null ? {} : { hubUrl: start.hubUrl };
        const directory = registryDirectory;
        const registry = createRegistry({ ...rules, directory, store: models, clock, log, sources, probe: probeModel });
        registries.push(registry);
        return registry;
      },
    };
    const orchestrator = await startOrchestrator(start, adapters, context);
    return { ...orchestrator, close: () => orchestrator.close().finally(close) };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Throws `storage_failed` for a network that has its key and not its books: empty ones would take their place. */
async function requireBooks({ keysDirectory }: Home, databaseFile: string): Promise<void> {
  const key = join(keysDirectory, "network.pem");
  const [keyThere, books] = await Promise.all([ifThere(stat(key)), ifThere(stat(databaseFile))]);
  if (keyThere === null || (books !== null && books.size > 0)) return;
  throw new PeerError(
    "storage_failed",
    `The books of this network are missing: "${databaseFile}" is not there, or empty.`,
    {
      hint: `Put a backup of it back. To begin a new network without accounts and balances, move "${key}" away.`,
    },
  );
}

/** A guard reads 12,000 characters of a conversation at a time, and answers in a few tokens. */
const guardSettings = { threads: threadsAtOnce(), gpu: "auto", sequences: 4, contextLength: 8_192 } as const;

/** How often PayPal is asked after what is not final: webhooks are faster, and may be lost. */
const paypalPollMs = 15_000;

/**
 * PayPal by `PAYPAL_CLIENT_ID`, `PAYPAL_CLIENT_SECRET`, and where they are said `PAYPAL_BASE_URL`, `PAYPAL_WEBHOOK_ID`.
 * Throws `config_invalid` where PayPal does not accept them; where it can't be asked, it will be later.
 */
async function treasuryOpener(database: Database, { clock, log }: RoleContext) {
  // PayPal's SDK is slow to load: only where it is used.
  const [{ newAccessTokens, paypalAccessOf }, { Treasury }] = await Promise.all([
    import("./paypal/access-token.ts"),
    import("./paypal/treasury.ts"),
  ]);
  const access = paypalAccessOf(process.env);
  await newAccessTokens(access)
    .current()
    .catch((error: unknown) => {
      if (isPeerError(error) && isPeerError(error.cause, "config_invalid")) throw error.cause;
      log.warn("paypal-unreachable", { error });
    });
  const records = openPayPalRecords(database, clock);
  const webhookId = process.env.PAYPAL_WEBHOOK_ID ?? "";
  if (webhookId !== "") await records.remember("webhook", webhookId);
  return ({ networkId, url, payerSeen }: TreasuryNetwork) => {
    const treasury = new Treasury({
      access,
      networkId,
      returnUrl: returnUrlAt(url),
      payments: openPayments(database, clock),
      subscriptions: openSubscriptions(database, clock),
      payouts: openPayouts(database, clock),
      records,
      transactions: openPayPalTransactions(database),
      books: openBooks(database, clock),
      payerSeen,
      clock,
      log,
    });
    treasury.start(paypalPollMs);
    const isReachable = url.startsWith("https:") || access.isSimulated;
    if (isReachable && webhookId === "") void treasury.listenAt(webhookUrlAt(url));
    return treasury;
  };
}

async function startHostRole(options: unknown, context: RoleContext): Promise<RunningRole> {
  const start = hostStartSchema.parse(options);
  const { home, clock, log } = context;
  const files = openModelFiles(home.modelsDirectory, clock);
  const tokenizers = startTokenizers();
  const close = async () => {
    await files.close();
    await tokenizers.close();
  };
  try {
    const adapters: HostAdapters = {
      files,
      tokenizers,
      benchmark: (engine, signal) => benchmarkEngine(engine, clock, signal),
      startEngine: ({ model: { weights, reference }, settings, onStateChange }, signal) =>
        weights.kind === "file"
          ? startLlamaEngine(
              { modelFile: weights.file, restore: weights.restore, ...settings, onStateChange, log },
              signal,
            )
          : startUpstreamEngine({ url: weights.url, reference, ...settings, clock }, signal),
    };
    const host = await startHost(start, adapters, context);
    return { ...host, close: () => host.close().finally(close) };
  } catch (error) {
    await close();
    throw error;
  }
}
