import { join } from "node:path";
import type { RoleName } from "../src/protocol/control.ts";
import { hostStartSchema, networkStartSchema } from "../src/protocol/start.ts";
import type { EngineSettings } from "./host/engine-settings.ts";
import { startHost } from "./host/host.ts";
import type { LocalModel } from "./host/served-models.ts";
import type { RoleContext, RunningRole, StartRole } from "./lifecycle.ts";
import { benchmarkEngine } from "./llama/benchmark.ts";
import { startLlamaEngine } from "./llama/engine.ts";
import { startTokenizers } from "./llama/tokenizer.ts";
import { startOrchestrator } from "./orchestrator/orchestrator.ts";
import { startProxy } from "./proxy/proxy.ts";
import { openModelFiles } from "./registry/model-files.ts";
import { createRegistry, type Registry, type RegistryRules } from "./registry/registry.ts";
import { openAccounts } from "./sqlite/accounts.ts";
import { openBooks } from "./sqlite/books.ts";
import { Database } from "./sqlite/database.ts";
import { openHosts } from "./sqlite/hosts.ts";
import { openInvites } from "./sqlite/invites.ts";
import { openModelStore } from "./sqlite/model-store.ts";
import { openPrices } from "./sqlite/prices.ts";
import { openReceipts } from "./sqlite/receipts.ts";

/** What each role of the daemon is made of: the one place that constructs adapters. */
export const roles: Readonly<Record<RoleName, StartRole>> = {
  network: startNetworkRole,
  host: startHostRole,
  proxy: startProxy,
};

async function startNetworkRole(options: unknown, context: RoleContext): Promise<RunningRole> {
  const start = networkStartSchema.parse(options);
  const { home, clock, log } = context;
  const database = new Database(join(home.databaseDirectory, "network.db"));
  const tokenizers = startTokenizers();
  const registries: Registry[] = [];
  const close = async () => {
    for (const registry of registries) await registry.close();
    await tokenizers.close();
    database.close();
  };
  try {
    const models = openModelStore(database);
    const registryDirectory = join(home.root, "registry");
    const adapters = {
      accounts: openAccounts(database, clock),
      invites: openInvites(database, clock),
      knownHosts: openHosts(database, clock),
      books: openBooks(database, clock),
      prices: openPrices(database, clock),
      receipts: openReceipts(database, clock),
      models,
      tokenizers,
      guard: null,
      openRegistry: (rules: RegistryRules) => {
        const sources = start.hubUrl === null ? {} : { hubUrl: start.hubUrl };
        const registry = createRegistry({ ...rules, directory: registryDirectory, store: models, clock, log, sources });
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
    const adapters = {
      files,
      tokenizers,
      benchmark: benchmarkEngine,
      startEngine: ({ file }: LocalModel, settings: EngineSettings, signal: AbortSignal) =>
        startLlamaEngine({ modelFile: file, ...settings, log }, signal),
    };
    const host = await startHost(start, adapters, context);
    return { ...host, close: () => host.close().finally(close) };
  } catch (error) {
    await close();
    throw error;
  }
}
