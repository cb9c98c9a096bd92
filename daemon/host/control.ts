import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type * as z from "zod";
import { Channel } from "../../src/channel.ts";
import { PeerError } from "../../src/errors.ts";
import { freeMemoryBytes } from "../../src/machine.ts";
import { hostMethods } from "../../src/protocol/control-methods.ts";
import type { InTurn } from "../../src/turns.ts";
import type { ControlHandler } from "../control/server.ts";
import type { ModelFiles } from "../registry/model-files.ts";
import type { Availability } from "./availability.ts";
import type { Choices, Pin } from "./choices.ts";
import type { Door } from "./door.ts";
import type { OnModelProgress } from "./model-fetcher.ts";
import type { Benchmark, ServedModel, ServedModels } from "./served-models.ts";
import type { SubtaskFeed } from "./subtask-feed.ts";

export interface HostControlOptions {
  readonly startedAt: number;
  readonly networkUrl: string | null;
  readonly door: Door;
  readonly models: ServedModels;
  readonly availability: Availability;
  readonly choices: Choices;
  readonly feed: SubtaskFeed;
  readonly files: ModelFiles;
  /** One thing at a time is done with models. */
  readonly inTurn: InTurn;
  /** Fetches a model, loads it and puts it on the offer. */
  add(reference: string, onProgress: OnModelProgress, signal: AbortSignal): Promise<ServedModel>;
  benchmark(served: ServedModel, signal: AbortSignal): Promise<Benchmark>;
  /** Takes a model off the offer and resolves when it is gone, its answers ended. */
  remove(served: ServedModel): Promise<void>;
}

type Methods = typeof hostMethods;
type Result<Name extends keyof Methods> = z.input<Methods[Name]["result"]>;

/** What the owner's commands ask of a running host. */
export function hostControl(options: HostControlOptions): Readonly<Record<keyof Methods, ControlHandler>> {
  const { models, availability, choices, door, feed } = options;
  const changed = () => {
    door.refresh();
    return status(options);
  };
  return {
    status: async () => status(options),
    pause: async (params) => {
      availability.pause(hostMethods.pause.params.parse(params).forMs);
      await choices.setPause({ until: finite(availability.pausedUntil) });
      return changed();
    },
    resume: async () => {
      availability.resume();
      await choices.setPause(null);
      return changed();
    },
    "schedule-show": async () => ({ schedule: availability.schedule }),
    "schedule-set": async (params) => {
      availability.setSchedule(hostMethods["schedule-set"].params.parse(params).schedule);
      door.refresh();
      return { schedule: availability.schedule };
    },
    benchmark: async (params, signal) => {
      const { model } = hostMethods.benchmark.params.parse(params);
      const served = model === undefined ? models.list()[0] : models.find(model);
      if (served === undefined) throw new PeerError("model_missing", "This host serves no model.");
      const benchmark = await options.benchmark(served, signal);
      models.add({ ...served, benchmark });
      door.refresh();
      return benchmark satisfies Result<"benchmark">;
    },
    "models-list": async () => {
      const served = models.list().map((each) => modelRow(each, choices));
      return { models: [...served, ...(await keptAlone(options))] } satisfies Result<"models-list">;
    },
    "models-pull": (params, signal) => pull(hostMethods["models-pull"].params.parse(params).model, options, signal),
    "models-remove": async (params) => {
      const { model } = hostMethods["models-remove"].params.parse(params);
      const kept = (await keptAlone(options)).find((each) => each.digest === model || each.model === model);
      const { reference, digest } = kept === undefined ? models.find(model).model : { ...kept, reference: kept.model };
      if (choices.isPinned(digest)) {
        throw new PeerError("conflict", `"${reference}" is pinned.`, {
          hint: `Unpin it first: peerllm host models unpin ${reference}.`,
        });
      }
      return options.inTurn(async () => {
        const served = models.get(digest);
        if (served !== undefined) await options.remove(served);
        const freedBytes = await options.files.remove(hexOf(digest));
        return { model: reference, freedBytes } satisfies Result<"models-remove">;
      });
    },
    "models-pin": async (params) => {
      const { model, isPinned } = hostMethods["models-pin"].params.parse(params);
      // One that could not be served again is unpinned by what it was pinned as.
      const lost = isPinned ? undefined : choices.pins.find((pin) => pin.source === model && !models.get(pin.digest));
      if (lost !== undefined) {
        await choices.setPin(lost, false);
        return {
          model,
          digest: lost.digest,
          sizeBytes: 0,
          isLoaded: false,
          isPinned: false,
        } satisfies Result<"models-pin">;
      }
      const served = models.find(model);
      await choices.setPin(pinOf(served, options), isPinned);
      return modelRow(served, choices);
    },
    "models-capacity": () => capacity(options),
    subtasks: (_params, signal) => feed.watch(signal),
  };
}

function status({ models, availability, door, feed, networkUrl, startedAt }: HostControlOptions): Result<"status"> {
  const list = models.list();
  return {
    state: stateOf(list, availability, door),
    isEntitled: door.isEntitled,
    pid: process.pid,
    hostId: door.hostId,
    networkUrl,
    baseUrl: door.baseUrl,
    startedAt,
    models: list.map(({ model }) => model.reference),
    sequences: list.reduce((sum, { engine }) => sum + engine.sequences, 0),
    activeStreams: door.activeStreams,
    served: feed.served,
    benchmark: list[0]?.benchmark ?? null,
    pausedBy: pausedBy(availability),
    pausedUntil: finite(availability.pausedUntil),
    schedule: availability.schedule,
  };
}

function pausedBy({ isOpen, pausedUntil }: Availability): Result<"status">["pausedBy"] {
  if (isOpen) return null;
  return pausedUntil === null ? "schedule" : "owner";
}

/** Infinity has no place in JSON. */
function finite(until: number | null): number | null {
  return until === Number.POSITIVE_INFINITY ? null : until;
}

function stateOf(list: readonly ServedModel[], availability: Availability, door: Door): Result<"status">["state"] {
  if (!door.isConnected) return "offline";
  if (!availability.isOpen) return "paused";
  const isWhole = door.isEntitled && list.length > 0 && list.every(({ engine }) => engine.state() === "ready");
  return isWhole ? "serving" : "degraded";
}

/** Files of models fetched before, that this host does not serve now; known by their digests, or what was pinned. */
async function keptAlone({ files, models, choices }: HostControlOptions) {
  const kept = (await files.list()).map(({ digest, sizeBytes }) => ({ digest: `sha256:${digest}`, sizeBytes }));
  return kept
    .filter(({ digest }) => models.get(digest) === undefined)
    .map(({ digest, sizeBytes }) => {
      const pin = choices.pins.find((each) => each.digest === digest);
      return { model: pin?.source ?? digest, digest, sizeBytes, isLoaded: false, isPinned: pin !== undefined };
    });
}

function pinOf({ model: { reference, digest, weights } }: ServedModel, { networkUrl }: HostControlOptions): Pin {
  const source = networkUrl === null && weights.kind === "file" ? weights.file : reference;
  return { digest, source, networkUrl };
}

function hexOf(digest: string): string {
  return digest.replace("sha256:", "");
}

function modelRow(served: ServedModel, choices: Choices): Result<"models-pin"> {
  const { reference, digest, sizeBytes } = served.model;
  const isLoaded = served.engine.state() === "ready";
  return { model: reference, digest, sizeBytes, isLoaded, isPinned: choices.isPinned(digest) };
}

const progressItemsMax = 64;

async function* pull(
  model: string,
  options: HostControlOptions,
  signal: AbortSignal,
): AsyncGenerator<Result<"models-pull">> {
  const progress = new Channel<Result<"models-pull">>(progressItemsMax);
  const onProgress: OnModelProgress = (reference, { doneBytes, totalBytes }) => {
    // A caller that does not read misses some, and does not stop the download.
    if (progress.length < progressItemsMax - 1) {
      progress.push({ kind: "progress", model: reference, doneBytes, totalBytes });
    }
  };
  options.add(model, onProgress, signal).then(
    ({ model: { reference, sizeBytes } }) => {
      options.door.refresh();
      progress.push({
        kind: "done",
        model: reference,
        doneBytes: sizeBytes,
        totalBytes: sizeBytes,
      });
      progress.close();
    },
    (error: unknown) => progress.fail(error),
  );
  yield* progress;
}

async function capacity({ files, models }: HostControlOptions): Promise<Result<"models-capacity">> {
  const kept = await files.list();
  const weights = models.list()[0]?.model.weights;
  const disk = await statfs(weights?.kind === "file" ? dirname(weights.file) : "/");
  return {
    usedBytes: kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    freeBytes: disk.bavail * disk.bsize,
    memoryBytes: freeMemoryBytes(),
    models: kept.length,
  };
}
