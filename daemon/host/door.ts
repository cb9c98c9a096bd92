import { join } from "node:path";
import type { Engine, Generation, GenerationEvent, Usage } from "../../src/chat/generation.ts";
import type { Clock } from "../../src/clock.ts";
import { isPeerError, PeerError } from "../../src/errors.ts";
import { loadOrCreateKeyPair } from "../../src/identity/key-file.ts";
import type { HostId } from "../../src/ids.ts";
import type { Log } from "../../src/log.ts";
import type { Home } from "../../src/paths.ts";
import { hostIdOf } from "../../src/protocol/handshake.ts";
import { engineBackend } from "../http/engine-backend.ts";
import { openaiRoutes } from "../http/openai-routes.ts";
import { createHttpServer } from "../http/server.ts";
import type { Availability } from "./availability.ts";
import { KnownNetworks } from "./known-networks.ts";
import type { NetworkAccess } from "./model-fetcher.ts";
import { NetworkLink } from "./network-link.ts";
import { type Pace, paced } from "./pace.ts";
import type { ServedModel, ServedModels } from "./served-models.ts";
import type { SubtaskFeed } from "./subtask-feed.ts";

/** Where a host's work comes in: from its network, or from this machine alone. */
export interface Door {
  readonly hostId: HostId | null;
  /** The local endpoint's; ends in `/v1`. */
  readonly baseUrl: string | null;
  readonly isConnected: boolean;
  /** Whether the network gives it work: one that asks hosts to pay gives none before. */
  readonly isEntitled: boolean;
  readonly activeStreams: number;
  /** Tells the other side what is offered now, and whether anything is accepted. */
  refresh(): void;
  /** Refuses what is new and resolves when what runs is done; what is left when `signal` aborts is cut. */
  drain(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface NetworkDoorOptions {
  readonly network: NetworkAccess;
  readonly home: Home;
  readonly log: Log;
  readonly clock: Clock;
  readonly pace: Pace | null;
  readonly models: ServedModels;
  readonly availability: Availability;
  readonly feed: SubtaskFeed;
  /** The network refuses this host for good. */
  onRefused(refusal: PeerError): void;
}

export interface LocalDoorOptions {
  readonly port: number;
  readonly allowedOrigins: readonly string[];
  readonly models: ServedModels;
  readonly availability: Availability;
  readonly pace: Pace | null;
  readonly feed: Pick<SubtaskFeed, "count">;
  readonly log: Log;
}

/** How often it is looked whether a pause or the schedule's hours are over; what else changes is told at once. */
const refreshStepMs = 5_000;
const drainStepMs = 50;

/** Joins the network and stays in it. Throws what kept it out the first time. */
export async function openNetworkDoor(options: NetworkDoorOptions, signal: AbortSignal): Promise<Door> {
  const { network, home, log, clock, models, availability, pace } = options;
  const key = await loadOrCreateKeyPair(join(home.keysDirectory, "host.pem"));
  const known = new KnownNetworks(join(home.root, "known-networks.json"));
  let isDraining = false;
  const link = new NetworkLink({
    url: network.url,
    apiKey: network.apiKey,
    key,
    clock,
    log,
    observer: options.feed,
    trustNetwork: (publicKey) => known.trust(network.url, publicKey),
    offers: () => models.offers(pace),
    isAccepting: () => availability.isOpen && !isDraining,
    engineOf: (digest) => {
      const served = models.get(digest);
      return served === undefined ? undefined : engineOf(served, pace);
    },
  });
  await link.connect(signal);
  link.keep().catch((error: unknown) => {
    if (!isPeerError(error)) throw error;
    options.onRefused(error);
  });
  let told = "";
  const refresh = () => {
    const now = JSON.stringify([models.offers(pace), availability.isOpen, isDraining]);
    if (now === told) return;
    told = now;
    link.sendOffer();
  };
  const watch = setInterval(refresh, refreshStepMs);
  return {
    hostId: hostIdOf(key.publicKey),
    baseUrl: null,
    get isConnected() {
      return link.isConnected;
    },
    get isEntitled() {
      return link.isEntitled;
    },
    get activeStreams() {
      return link.activeSubtasks;
    },
    refresh,
    async drain(limit) {
      isDraining = true;
      refresh();
      while (link.activeSubtasks > 0 && !limit.aborted) await clock.sleep(drainStepMs, limit).catch(() => undefined);
    },
    async close() {
      clearInterval(watch);
      link.close();
    },
  };
}

/** Serves this machine alone: OpenAI's surface on loopback, no network, no account. */
export async function openLocalDoor(options: LocalDoorOptions): Promise<Door> {
  const { port, allowedOrigins, models, log } = options;
  const server = await createHttpServer({
    address: "127.0.0.1",
    port,
    allowedHosts: [],
    allowedOrigins,
    routes: openaiRoutes(engineBackend(() => models.list().map((served) => listed(served, options)))),
    log,
  });
  return {
    hostId: null,
    baseUrl: `${server.url}/v1`,
    isConnected: true,
    isEntitled: true,
    get activeStreams() {
      return server.activeRequests;
    },
    refresh: () => {},
    drain: (signal) => server.drain(signal),
    close: () => server.close(),
  };
}

function engineOf({ engine }: ServedModel, pace: Pace | null): Engine {
  return pace === null ? engine : paced(engine, pace);
}

function listed(served: ServedModel, { availability, pace, feed }: LocalDoorOptions) {
  const { model } = served;
  const engine = counted(whileOpen(engineOf(served, pace), availability), feed);
  const listing = { id: model.reference, createdAt: 0, owner: "local", contextLength: engine.contextLength };
  return { listing, engine };
}

/** The engine, beginning no answer while its owner wants the machine. */
function whileOpen(engine: Engine, availability: Availability): Engine {
  const { contextLength, sequences, reportsTokens } = engine;
  return {
    contextLength,
    sequences,
    reportsTokens,
    generate(generation, signal) {
      if (availability.isOpen) return engine.generate(generation, signal);
      throw new PeerError("host_unavailable", "This host is paused, or outside its schedule.", {
        hint: 'Look with "peerllm host status"; "peerllm host resume" ends a pause.',
      });
    },
    close: () => engine.close(),
  };
}

/** The engine, its answers counted, as far as they came. */
function counted(engine: Engine, feed: Pick<SubtaskFeed, "count">): Engine {
  const { contextLength, sequences, reportsTokens } = engine;
  async function* generate(
    generation: Generation,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    let counts: Usage = { promptTokens: 0, completionTokens: 0 };
    const events = engine.generate(generation, signal);
    try {
      for await (const event of events) {
        if (event.kind === "end") counts = event.usage;
        else counts = { ...counts, completionTokens: counts.completionTokens + event.tokens.length };
        yield event;
      }
    } finally {
      feed.count(counts);
    }
  }
  return { contextLength, sequences, reportsTokens, generate, close: () => engine.close() };
}
