import { keepBenchmark } from "../../src/client/kept-benchmark.ts";
import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { Log } from "../../src/log.ts";
import { memoryBytes } from "../../src/machine.ts";
import { type Home, packageFile } from "../../src/paths.ts";
import type { Tokenizers } from "../../src/pipeline/ports.ts";
import type { StartProgress } from "../../src/protocol/control.ts";
import { type HostStart, requireUpstream } from "../../src/protocol/start.ts";
import { timeLimit } from "../../src/time-limit.ts";
import { type InTurn, turns } from "../../src/turns.ts";
import type { ControlHandler } from "../control/server.ts";
import type { ModelFiles } from "../registry/model-files.ts";
import { Availability } from "./availability.ts";
import { type Choices, openChoices } from "./choices.ts";
import { hostControl } from "./control.ts";
import { type Door, openLocalDoor, openNetworkDoor } from "./door.ts";
import { type EngineSettings, engineSettings } from "./engine-settings.ts";
import {
  describePublished,
  describeUpstream,
  fetchPublished,
  modelThatFits,
  type NetworkAccess,
  type OnModelProgress,
  openLocalFile,
} from "./model-fetcher.ts";
import { Pace } from "./pace.ts";
import {
  type Benchmark,
  type HostedEngine,
  type HostedModel,
  type ServedModel,
  ServedModels,
} from "./served-models.ts";
import { SubtaskFeed } from "./subtask-feed.ts";
import { onlyUpstreamModel } from "./upstream-engine.ts";

/** What a host runs on; made, and closed after it, by whoever starts it. */
export interface HostAdapters {
  readonly files: ModelFiles;
  readonly tokenizers: Tokenizers;
  startEngine(start: EngineStart, signal: AbortSignal): Promise<HostedEngine>;
  /** At most 15 s. */
  benchmark(engine: HostedEngine, signal: AbortSignal): Promise<Benchmark>;
}

export interface EngineStart {
  readonly model: HostedModel;
  readonly settings: EngineSettings;
  /** To be called whenever the engine's state is another. */
  onStateChange(): void;
}

export interface HostContext {
  readonly home: Home;
  readonly log: Log;
  readonly clock: Clock;
  /** Aborts once shutdown was asked for. */
  readonly signal: AbortSignal;
  reportProgress(progress: StartProgress): void;
  /** Ends the host for what it can't go on after. */
  fail(failure: PeerError): void;
}

export interface RunningHost {
  readonly ready: Readonly<Record<string, unknown>>;
  readonly control: Readonly<Record<string, ControlHandler>>;
  /** Answers it makes now. */
  readonly activeStreams: number;
  drain(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const demoModelFile = "src/models/demo/demo.gguf";
/** How long a model that is removed may go on with its answers. */
const removeMsMax = 30_000;
/** Of a machine's memory, what a model's weights may take. */
const memoryShareMax = 0.6;

/**
 * Loads, measures and serves the models asked for: to the network, or with `isLocal` to this machine alone. Resolves
 * once it serves. Throws what kept a model from being fetched or loaded, or the network from being joined.
 */
export async function startHost(start: HostStart, adapters: HostAdapters, context: HostContext): Promise<RunningHost> {
  const { clock, log, home, signal } = context;
  const network = networkOf(start);
  requireUpstream(start);
  const models = new ServedModels();
  const availability = new Availability(clock);
  availability.setSchedule(start.schedule);
  const choices = await openChoices(home);
  if (choices.pause !== null) availability.pauseUntil(choices.pause.until);
  const feed = new SubtaskFeed(adapters.tokenizers, log, (digest) => models.get(digest)?.model);
  // Loading, measuring and removing: two at once would measure each other, two pulls of one model would load it twice,
  // and a file would be removed that is being loaded.
  const inTurn = turns();
  let door: Door | undefined;
  const onStateChange = () => door?.refresh();
  const add = (reference: string, onProgress: OnModelProgress, limit: AbortSignal) =>
    addModel({ reference, start, network, onProgress, onStateChange, inTurn }, models, adapters, context, limit);
  const showProgress: OnModelProgress = (reference, { doneBytes, totalBytes }) =>
    context.reportProgress({ step: `Fetching ${reference}`, done: doneBytes, total: totalBytes });
  try {
    const addNow = (reference: string) => add(reference, showProgress, signal);
    for (const reference of start.models) await addNow(reference);
    await addPinned(pinnedFor(start, choices, models), addNow, context);
    if (models.list().length === 0) await addNow(await firstModel(start, network, clock, signal));
    const pace = start.tokensPerSecondMax === null ? null : new Pace(start.tokensPerSecondMax, clock);
    door =
      network === null
        ? await openLocalDoor({
            port: start.port,
            allowedOrigins: start.allowedOrigins,
            models,
            availability,
            pace,
            feed,
            log,
          })
        : await openNetworkDoor(
            { network, home, log, clock, pace, models, availability, feed, onRefused: context.fail },
            signal,
          );
  } catch (error) {
    await models.close();
    throw error;
  }
  const { hostId, baseUrl } = door;
  const opened = door;
  return {
    ready: {
      hostId,
      pid: process.pid,
      ...(baseUrl === null ? {} : { baseUrl }),
      models: models.list().map(({ model }) => model.reference),
      benchmark: models.list()[0]?.benchmark,
      isPaused: !availability.isOpen,
    },
    control: hostControl({
      startedAt: clock.now(),
      networkUrl: network?.url ?? null,
      door: opened,
      models,
      availability,
      choices,
      feed,
      files: adapters.files,
      inTurn,
      add,
      benchmark: (served, limit) => inTurn(() => measure(served, adapters, context, limit), limit),
      async remove(served) {
        const removed = models.remove(served, clock, timeLimit(removeMsMax));
        opened.refresh();
        await removed;
      },
    }),
    get activeStreams() {
      return opened.activeStreams;
    },
    drain: (limit) => opened.drain(limit),
    async close() {
      await opened.close();
      await models.close();
    },
  };
}

function networkOf(start: HostStart): NetworkAccess | null {
  if (start.isLocal) return null;
  const { networkUrl: url, apiKey } = start;
  if (url === null || apiKey === null) throw new PeerError("usage_invalid", "A host needs a network, or --local.");
  return { url, apiKey };
}

/** What was pinned on this network, or on this machine, and is not served yet. */
function pinnedFor({ networkUrl, upstream }: HostStart, { pins }: Choices, models: ServedModels): readonly string[] {
  if (upstream !== null) return [];
  const wanted = pins.filter((pin) => pin.networkUrl === networkUrl && models.get(pin.digest) === undefined);
  return wanted.map(({ source }) => source);
}

/** One that can't be served any more must not keep the host from serving the others. */
async function addPinned(
  pinned: readonly string[],
  add: (reference: string) => Promise<ServedModel>,
  { log, signal }: HostContext,
): Promise<void> {
  for (const model of pinned) {
    try {
      await add(model);
    } catch (error) {
      signal.throwIfAborted();
      log.warn("pinned-model-not-served", { model, error });
    }
  }
}

/** What a host serves that neither was told nor has pinned anything. */
async function firstModel(
  start: HostStart,
  network: NetworkAccess | null,
  clock: Clock,
  signal: AbortSignal,
): Promise<string> {
  if (network !== null) return modelThatFits(network, memoryBytes() * memoryShareMax, signal);
  return start.upstream === null ? packageFile(demoModelFile) : onlyUpstreamModel(start.upstream, clock, signal);
}

async function findModel(
  { reference, start, network, onProgress }: WantedModel,
  files: ModelFiles,
  signal: AbortSignal,
): Promise<HostedModel> {
  if (network === null) {
    return start.upstream === null ? openLocalFile(reference, signal) : describeUpstream(reference, start.upstream);
  }
  if (start.upstream !== null) return describePublished(reference, network, start.upstream, signal);
  return fetchPublished(reference, network, files, onProgress, signal);
}

interface WantedModel {
  readonly reference: string;
  readonly start: HostStart;
  readonly network: NetworkAccess | null;
  readonly onProgress: OnModelProgress;
  readonly onStateChange: () => void;
  readonly inTurn: InTurn;
}

/** Fetches where needed, loads and measures one model, and puts it on the offer. */
async function addModel(
  wanted: WantedModel,
  models: ServedModels,
  adapters: HostAdapters,
  context: HostContext,
  signal: AbortSignal,
): Promise<ServedModel> {
  const model = await findModel(wanted, adapters.files, signal);
  return wanted.inTurn(() => loadModel(model, wanted, models, adapters, context, signal), signal);
}

async function loadModel(
  model: HostedModel,
  { start, onStateChange }: WantedModel,
  models: ServedModels,
  adapters: HostAdapters,
  context: HostContext,
  signal: AbortSignal,
): Promise<ServedModel> {
  const { reportProgress, log } = context;
  const present = models.get(model.digest);
  if (present !== undefined) return present;
  const settings = engineSettings(start, model);
  reportProgress({ step: `Loading ${model.reference}` });
  const engine = await adapters.startEngine({ model, settings, onStateChange }, signal);
  try {
    reportProgress({ step: `Measuring ${model.reference}` });
    const benchmark = await measure({ model, engine }, adapters, context, signal);
    const served = { model, settings, engine, benchmark };
    models.add(served);
    log.info("model-served", { model: model.reference, digest: model.digest, ...settings, ...benchmark });
    return served;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** Keeps what it measures in the home, where it can, for estimates of what this machine may earn. */
async function measure(
  { model, engine }: Pick<ServedModel, "model" | "engine">,
  { benchmark }: HostAdapters,
  { home, log, clock }: HostContext,
  signal: AbortSignal,
): Promise<Benchmark> {
  const measured = await benchmark(engine, signal);
  const { prefillTokensPerSecond, decodeTokensPerSecond, decodeTokensPerSecondAtAllSequences } = measured;
  const kept = keepBenchmark(home, {
    measuredAt: clock.now(),
    model: model.reference,
    sequences: engine.sequences,
    prefillTokensPerSecond,
    decodeTokensPerSecond,
    decodeTokensPerSecondAtAllSequences,
  });
  await kept.catch((error: unknown) => log.warn("benchmark-not-kept", { error }));
  return measured;
}
