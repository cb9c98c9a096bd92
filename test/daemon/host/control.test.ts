import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Availability } from "../../../daemon/host/availability.ts";
import { openChoices } from "../../../daemon/host/choices.ts";
import { type HostControlOptions, hostControl } from "../../../daemon/host/control.ts";
import type { Door } from "../../../daemon/host/door.ts";
import { type HostedEngine, type ServedModel, ServedModels } from "../../../daemon/host/served-models.ts";
import { SubtaskFeed } from "../../../daemon/host/subtask-feed.ts";
import { openModelFiles } from "../../../daemon/registry/model-files.ts";
import { systemClock } from "../../../src/clock.ts";
import { PeerError } from "../../../src/errors.ts";
import { silentLog } from "../../../src/log.ts";
import { homeAt } from "../../../src/paths.ts";
import { turns } from "../../../src/turns.ts";
import { letterTokenizers } from "../../worlds/dispatch-simulation.ts";
import { temporaryFolder } from "../../worlds/model-folder.ts";
import { stillClock } from "../../worlds/still-clock.ts";

const { signal } = new AbortController();
const noon = new Date(2026, 0, 15, 12, 0).getTime();
const kept = "ab".repeat(32);

function served(reference: string): ServedModel & { readonly engine: HostedEngine & { turn(): void } } {
  let state: ReturnType<HostedEngine["state"]> = "ready";
  const engine = {
    contextLength: 1_024,
    sequences: 4,
    reportsTokens: true,
    activeStreams: 0,
    state: () => state,
    turn: () => {
      state = "restarting";
    },
    async *generate() {},
    async close() {},
  };
  const digest = `sha256:${Buffer.from(reference).toString("hex").padEnd(64, "0").slice(0, 64)}`;
  const weights = { kind: "upstream" as const, url: "http://127.0.0.1:1" };
  return {
    model: { reference, digest, weights, sizeBytes: 10, contextLength: 1_024 },
    settings: { threads: 1, gpu: "off", sequences: 4, contextLength: 1_024 },
    engine,
    benchmark: { prefillTokensPerSecond: 9, decodeTokensPerSecond: 3, decodeTokensPerSecondAtAllSequences: 6 },
  };
}

async function world(changes: Partial<HostControlOptions> = {}) {
  const folder = await temporaryFolder();
  onTestFinished(() => folder.remove());
  await mkdir(folder.path, { recursive: true });
  await writeFile(join(folder.path, `${kept}.gguf`), "weights");
  const clock = stillClock(noon);
  const models = new ServedModels();
  const tiny = served("acme/tiny:1.0.0");
  models.add(tiny);
  const door = {
    hostId: null,
    baseUrl: "http://127.0.0.1:7422/v1",
    isConnected: true,
    isEntitled: true,
    activeStreams: 2,
    refreshed: 0,
    refresh() {
      door.refreshed += 1;
    },
    drain: async () => {},
    close: async () => {},
  };
  const availability = new Availability(clock);
  const choices = await openChoices(homeAt(folder.file("home")));
  const control = hostControl({
    startedAt: noon,
    networkUrl: null,
    door: door satisfies Door,
    models,
    availability,
    choices,
    feed: new SubtaskFeed(letterTokenizers, silentLog, () => undefined),
    files: openModelFiles(folder.path, clock),
    inTurn: turns(),
    add: () => Promise.reject(new PeerError("model_missing", "There is none.")),
    benchmark: async () => ({ ...tiny.benchmark, decodeTokensPerSecond: 99 }),
    remove: (gone) => models.remove(gone, systemClock, signal),
    ...changes,
  });
  const ask = async (method: keyof typeof control, params: unknown = {}): Promise<unknown> =>
    control[method](params, signal);
  return { control, ask, door, models, tiny, clock, choices };
}

describe("a host's control", () => {
  it("says that it serves, is degraded, is paused or is offline, the gravest first", async () => {
    const { ask, door, tiny, models } = await world();
    const status = () => ask("status");
    expect(await status()).toMatchObject({
      state: "serving",
      sequences: 4,
      activeStreams: 2,
      models: ["acme/tiny:1.0.0"],
    });
    door.isEntitled = false;
    expect(await status()).toMatchObject({ state: "degraded", isEntitled: false });
    door.isEntitled = true;
    tiny.engine.turn();
    expect(await status()).toMatchObject({ state: "degraded", isEntitled: true });
    expect(await ask("pause", { forMs: 1_000 })).toMatchObject({ state: "paused", pausedUntil: noon + 1_000 });
    door.isConnected = false;
    expect(await status()).toMatchObject({ state: "offline" });
    door.isConnected = true;
    await ask("resume");
    await models.remove(tiny, systemClock, signal);
    expect(await status()).toMatchObject({ state: "degraded", models: [], benchmark: null, sequences: 0 });
  });

  it("is paused until the time is over, or until it is told", async () => {
    const { ask, clock, door, choices } = await world();
    await ask("pause", { forMs: 60_000 });
    expect(choices.pause).toEqual({ until: noon + 60_000 });
    clock.move(60_000);
    expect(await ask("status")).toMatchObject({ state: "serving", pausedBy: null, pausedUntil: null });
    expect(await ask("pause")).toMatchObject({ state: "paused", pausedBy: "owner", pausedUntil: null });
    expect(choices.pause).toEqual({ until: null });
    clock.move(1e9);
    expect(await ask("status")).toMatchObject({ state: "paused" });
    expect(await ask("resume")).toMatchObject({ state: "serving" });
    expect(choices.pause).toBe(null);
    expect(door.refreshed).toBe(3);
  });

  it("keeps the schedule it has where it is told one that is none", async () => {
    const { ask } = await world();
    expect(await ask("schedule-set", { schedule: "22:00-07:00" })).toEqual({ schedule: "22:00-07:00" });
    await expect(ask("schedule-set", { schedule: "at night" })).rejects.toMatchObject({ code: "usage_invalid" });
    expect(await ask("schedule-show")).toEqual({ schedule: "22:00-07:00" });
    expect(await ask("status")).toMatchObject({ state: "paused", pausedBy: "schedule", schedule: "22:00-07:00" });
    expect(await ask("schedule-set", { schedule: null })).toEqual({ schedule: null });
  });

  it("measures a model again and shows the new figures", async () => {
    const { ask, door } = await world();
    expect(await ask("benchmark", { model: "acme/tiny" })).toMatchObject({ decodeTokensPerSecond: 99 });
    expect(await ask("status")).toMatchObject({ benchmark: { decodeTokensPerSecond: 99 } });
    expect(door.refreshed).toBe(1);
    await expect(ask("benchmark", { model: "acme/other" })).rejects.toMatchObject({ code: "model_missing" });
  });

  it("lists files that it keeps and does not serve, and frees their room", async () => {
    const { ask } = await world();
    const digest = `sha256:${kept}`;
    expect(await ask("models-list")).toMatchObject({
      models: [
        { model: "acme/tiny:1.0.0", isLoaded: true },
        { model: digest, digest, sizeBytes: 7, isLoaded: false },
      ],
    });
    vi.spyOn(process, "availableMemory").mockReturnValueOnce(1_000);
    expect(await ask("models-capacity")).toMatchObject({ usedBytes: 7, memoryBytes: 1_000, models: 1 });
    expect(await ask("models-remove", { model: digest })).toEqual({ model: digest, freedBytes: 7 });
    expect(await ask("models-capacity")).toMatchObject({ usedBytes: 0, models: 0 });
    await expect(ask("models-remove", { model: digest })).rejects.toMatchObject({ code: "model_missing" });
  });

  it("removes no pinned model", async () => {
    const { ask, models } = await world();
    expect(await ask("models-pin", { model: "acme/tiny", isPinned: true })).toMatchObject({ isPinned: true });
    await expect(ask("models-remove", { model: "acme/tiny" })).rejects.toMatchObject({ code: "conflict" });
    expect(models.list()).toHaveLength(1);
    expect(await ask("models-pin", { model: "acme/tiny", isPinned: false })).toMatchObject({ isPinned: false });
    expect(await ask("models-remove", { model: "acme/tiny" })).toMatchObject({ model: "acme/tiny:1.0.0" });
    expect(models.list()).toEqual([]);
  });

  it("keeps the file of a pinned model that it does not serve, and lets it be unpinned by its name", async () => {
    const { ask, choices } = await world();
    const lost = { digest: `sha256:${kept}`, source: "acme/lost:1.0.0", networkUrl: null };
    await choices.setPin(lost, true);
    expect(await ask("models-list")).toMatchObject({
      models: [{ isPinned: false }, { model: "acme/lost:1.0.0", isLoaded: false, isPinned: true }],
    });
    for (const model of [lost.digest, lost.source])
      await expect(ask("models-remove", { model })).rejects.toMatchObject({ code: "conflict" });
    expect(await ask("models-pin", { model: lost.source, isPinned: false })).toMatchObject({ isPinned: false });
    expect(choices.pins).toEqual([]);
    expect(await ask("models-remove", { model: lost.digest })).toMatchObject({ freedBytes: 7 });
  });

  it("tells a pull's progress to its end, and drops what a slow reader does not take", async () => {
    const tiny = served("acme/tiny:1.0.0");
    const { control, door } = await world({
      add: async (reference, onProgress) => {
        for (let doneBytes = 0; doneBytes < 10_000; doneBytes += 1) {
          onProgress(reference, { doneBytes, totalBytes: 10_000 });
        }
        return tiny;
      },
    });
    const pulling = control["models-pull"]({ model: "acme/tiny" }, signal);
    if (!(Symbol.asyncIterator in pulling)) throw new Error("A pull streams.");
    const items: unknown[] = [];
    for await (const item of pulling) items.push(item);
    expect(items.length).toBeLessThan(100);
    expect(items[0]).toMatchObject({ kind: "progress", doneBytes: 0, totalBytes: 10_000 });
    expect(items.at(-1)).toEqual({
      kind: "done",
      model: "acme/tiny:1.0.0",
      doneBytes: 10,
      totalBytes: 10,
    });
    expect(door.refreshed).toBe(1);
  });

  it("fails a pull with what kept the model away", async () => {
    const { control } = await world();
    const pulling = control["models-pull"]({ model: "acme/none" }, signal);
    if (!(Symbol.asyncIterator in pulling)) throw new Error("A pull streams.");
    await expect(pulling[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "model_missing" });
  });
});
