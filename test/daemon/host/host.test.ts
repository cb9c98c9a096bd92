import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm } from "node:fs/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type RunningHost, startHost } from "../../../daemon/host/host.ts";
import type { HostedEngine } from "../../../daemon/host/served-models.ts";
import { startUpstreamEngine } from "../../../daemon/host/upstream-engine.ts";
import { openModelFiles } from "../../../daemon/registry/model-files.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { PeerError } from "../../../src/errors.ts";
import { silentLog } from "../../../src/log.ts";
import { sha256Hex } from "../../../src/models/digest.ts";
import { homeAt } from "../../../src/paths.ts";
import { type HostStart, hostStartSchema } from "../../../src/protocol/start.ts";
import { demoModelFile } from "../../worlds/answers.ts";
import { letterTokenizers } from "../../worlds/dispatch-simulation.ts";
import { fileServer } from "../../worlds/file-server.ts";
import { temporaryFolder } from "../../worlds/model-folder.ts";

const { signal } = new AbortController();
const benchmark = { prefillTokensPerSecond: 9, decodeTokensPerSecond: 3, decodeTokensPerSecondAtAllSequences: 6 };

/** A local host whose engines say "Hello." and count themselves. */
async function world(start: Partial<HostStart> = {}) {
  const folder = await temporaryFolder();
  const engines: { isClosed: boolean }[] = [];
  /** Time stands still, and whoever sleeps is woken at once. */
  const slept: number[] = [];
  const clock: Clock = { ...systemClock, monotonic: () => 0, sleep: async (delayMs) => void slept.push(delayMs) };
  const measuring = { now: 0, most: 0, meanwhile: async () => {} };
  const startEngine = async (): Promise<HostedEngine> => {
    const life = { isClosed: false };
    engines.push(life);
    return {
      contextLength: 1_024,
      sequences: 4,
      reportsTokens: false,
      activeStreams: 0,
      state: () => (life.isClosed ? "closed" : "ready"),
      async *generate() {
        yield { kind: "delta", tokens: [], text: "Hello." };
        const usage = { promptTokens: 1, completionTokens: 2 };
        yield { kind: "end", finishReason: "stop", usage, cachedTokens: 0, prefillMs: 1, decodeMs: 1 };
      },
      async close() {
        life.isClosed = true;
      },
    };
  };
  const files = openModelFiles(folder.file("models"), systemClock);
  const open = (changes: Partial<HostStart> = {}, fails = false): Promise<RunningHost> =>
    startHost(
      hostStartSchema.parse({
        networkUrl: null,
        apiKey: null,
        isLocal: true,
        port: 0,
        models: [demoModelFile],
        ...start,
        ...changes,
      }),
      {
        files,
        tokenizers: letterTokenizers,
        startEngine: ({ model: { weights, reference }, settings }, limit) =>
          weights.kind === "file"
            ? startEngine()
            : startUpstreamEngine({ url: weights.url, reference, ...settings, clock: systemClock }, limit),
        benchmark: async () => {
          measuring.now += 1;
          measuring.most = Math.max(measuring.most, measuring.now);
          await measuring.meanwhile();
          await systemClock.sleep(20, signal);
          measuring.now -= 1;
          if (fails) throw new PeerError("deadline_exceeded", "It could not be measured.");
          return benchmark;
        },
      },
      {
        home: homeAt(folder.file("home")),
        log: silentLog,
        clock,
        signal,
        reportProgress: () => {},
        fail: () => {},
      },
    );
  const opened: RunningHost[] = [];
  onTestFinished(async () => {
    for (const host of opened) await host.close();
    await files.close();
    await folder.remove();
  });
  return {
    folder,
    engines,
    files,
    measuring,
    slept,
    async up(changes: Partial<HostStart> = {}) {
      const host = await open(changes);
      opened.push(host);
      return host;
    },
    fail: () => open({}, true),
  };
}

/** The demo model with another digest. */
async function otherModel(): Promise<Uint8Array> {
  return Buffer.concat([await readFile(demoModelFile), Buffer.alloc(32)]);
}

async function pull(host: RunningHost, model: string): Promise<void> {
  const pulling = host.control["models-pull"]?.({ model }, signal);
  if (pulling === undefined || !(Symbol.asyncIterator in pulling)) throw new Error("A pull streams.");
  for await (const _ of pulling);
}

async function ask(host: RunningHost): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${String(host.ready.baseUrl)}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "demo", messages: [{ role: "user", content: "Hi" }], max_tokens: 8 }),
  });
  return { status: response.status, body: await response.json() };
}

describe("a host", () => {
  it("gives no more tokens a second than its owner allows, and all it has where none is said", async () => {
    const capped = await world({ tokensPerSecondMax: 0.25 });
    expect(await ask(await capped.up())).toMatchObject({ status: 200 });
    expect(capped.slept).toEqual([4_000]);
    const free = await world();
    expect(await ask(await free.up())).toMatchObject({ status: 200 });
    expect(free.slept).toEqual([]);
  });

  it("loads a model once, however many pull it at the same time, and measures one at a time", async () => {
    const { up, engines, folder, measuring } = await world();
    const host = await up();
    const other = folder.file("other.gguf");
    await copyFile(demoModelFile, other);
    await folder.write("third.gguf", await otherModel());
    await Promise.all([
      pull(host, folder.file("third.gguf")),
      pull(host, folder.file("third.gguf")),
      pull(host, other),
    ]);
    // The copy has the demo's own digest, so it is the model that was there.
    expect(engines).toHaveLength(2);
    expect(measuring.most).toBe(1);
    expect(await host.control.status?.({}, signal)).toMatchObject({ models: ["demo", "third"] });
  });

  it("removes a model that is being loaded as soon as it is, its engine and its file", async () => {
    const { up, engines, folder, files, measuring } = await world();
    const host = await up();
    const bytes = await otherModel();
    const digest = sha256Hex(bytes);
    await mkdir(folder.file("models"));
    const file = await folder.write(`models/${digest}.gguf`, bytes);
    const listed = vi.spyOn(files, "list");
    let removed: unknown;
    measuring.meanwhile = async () => {
      removed = host.control["models-remove"]?.({ model: `sha256:${digest}` }, signal);
      await vi.waitUntil(() => listed.mock.settledResults[0]?.type === "fulfilled");
    };
    await pull(host, file);
    expect(await removed).toMatchObject({ freedBytes: bytes.length });
    expect(engines).toEqual([{ isClosed: false }, { isClosed: true }]);
    expect(await host.control.status?.({}, signal)).toMatchObject({ models: ["demo"] });
    expect(existsSync(file)).toBe(false);
  });

  it("leaves no engine behind where it can't be measured", async () => {
    const { fail, engines } = await world();
    await expect(fail()).rejects.toMatchObject({ code: "deadline_exceeded" });
    expect(engines).toEqual([{ isClosed: true }]);
  });

  it("serves although what it measured can't be kept", async () => {
    const { up, folder } = await world();
    await mkdir(folder.file("home/benchmark.json"), { recursive: true });
    expect((await up()).ready).toMatchObject({ models: ["demo"] });
  });

  it("takes no model that is too large for the container it is in", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const said = { model: "acme/tiny:1.0.0", digest, sizeBytes: 700_000, summary: null, license: null };
    const price = { royaltyUsdPer100kTokens: "0.00", priceUsd: null, usdPerMonth: null };
    const model = { ...said, ...price, contextLength: null, hosts: 1 };
    const network = await fileServer(Buffer.from(JSON.stringify({ models: [model], next: null })));
    onTestFinished(() => network.close());
    vi.spyOn(process, "constrainedMemory").mockReturnValueOnce(1_000_000);
    const { up } = await world({ isLocal: false, networkUrl: network.url, apiKey: "sk-peer-any", models: [] });
    await expect(up()).rejects.toMatchObject({ code: "model_missing" });
  });

  it("begins no answer while it is paused, and says so", async () => {
    const { up } = await world();
    const host = await up();
    expect(await ask(host)).toMatchObject({ status: 200 });
    await host.control.pause?.({ forMs: null }, signal);
    expect(await ask(host)).toMatchObject({ status: 503, body: { error: { code: "host_unavailable" } } });
    await host.control.resume?.({}, signal);
    expect(await ask(host)).toMatchObject({ status: 200 });
  });

  it("stays paused when it is started again, until it is resumed", async () => {
    const { up } = await world();
    const first = await up();
    await first.control.pause?.({ forMs: null }, signal);
    await first.close();
    const second = await up();
    expect(second.ready).toMatchObject({ isPaused: true });
    expect(await ask(second)).toMatchObject({ status: 503 });
    await second.control.resume?.({}, signal);
    await second.close();
    const third = await up();
    expect(third.ready).toMatchObject({ isPaused: false });
    expect(await ask(third)).toMatchObject({ status: 200 });
  });

  it("serves what is pinned when it is started again, what was only pulled no more", async () => {
    const { up, folder } = await world();
    const pinned = await folder.write("pinned.gguf", await otherModel());
    const first = await up();
    await pull(first, pinned);
    await first.control["models-pin"]?.({ model: "pinned", isPinned: true }, signal);
    await first.close();
    const second = await up();
    expect(second.ready).toMatchObject({ models: ["demo", "pinned"] });
    await second.close();
    const third = await up({ models: [] });
    expect(third.ready).toMatchObject({ models: ["pinned"] });
    await third.control["models-pin"]?.({ model: "pinned", isPinned: false }, signal);
    await third.close();
    expect((await up()).ready).toMatchObject({ models: ["demo"] });
  });

  it("serves the others where a pinned model is gone, and its first choice where nothing else is left", async () => {
    const { up, folder } = await world();
    const pinned = await folder.write("pinned.gguf", await otherModel());
    const first = await up({ models: [pinned] });
    await first.control["models-pin"]?.({ model: "pinned", isPinned: true }, signal);
    await first.close();
    await rm(pinned);
    expect((await up()).ready).toMatchObject({ models: ["demo"] });
    expect((await up({ models: [] })).ready).toMatchObject({ models: ["demo"] });
  });

  it("starts with its schedule, and with none that isn't one", async () => {
    const { up } = await world();
    const hourFromNow = (hours: number) => `${String((new Date().getHours() + hours) % 24).padStart(2, "0")}:00`;
    const schedule = `${hourFromNow(2)}-${hourFromNow(3)}`;
    const host = await up({ schedule });
    expect(host.ready).toMatchObject({ isPaused: true });
    expect(await host.control["schedule-show"]?.({}, signal)).toEqual({ schedule });
    await expect(up({ schedule: "at night" })).rejects.toMatchObject({ code: "usage_invalid" });
  });

  it("passes on to another server on this machine alone, under that server's name for its model", async () => {
    const { up } = await world();
    const server = await up();
    const upstream = String(server.ready.baseUrl);
    const host = await up({ engine: "openai", upstream, models: [] });
    expect(host.ready).toMatchObject({ hostId: null, models: ["demo"] });
    expect(await ask(host)).toMatchObject({ status: 200, body: { choices: [{ message: { content: "Hello." } }] } });
    await server.control.pause?.({ forMs: null }, signal);
    expect(await ask(host)).toMatchObject({ status: 502, body: { error: { code: "upstream_failed" } } });
  });

  it("asks which model to serve where the other server has several, and says where there is no server", async () => {
    const { up, folder } = await world();
    const server = await up();
    await folder.write("other.gguf", await otherModel());
    await pull(server, folder.file("other.gguf"));
    const upstream = String(server.ready.baseUrl);
    await expect(up({ engine: "openai", upstream, models: [] })).rejects.toMatchObject({
      code: "usage_invalid",
      hint: expect.stringContaining("demo, other"),
    });
    expect((await up({ engine: "openai", upstream, models: ["other"] })).ready).toMatchObject({ models: ["other"] });
    const nowhere = up({ engine: "openai", upstream: "http://127.0.0.1:9", models: [] });
    await expect(nowhere).rejects.toMatchObject({ code: "upstream_failed" });
  });

  it.each([
    [{ engine: "openai" as const }, "--upstream"],
    [{ upstream: "http://127.0.0.1:9" }, "--engine openai"],
    [{ isLocal: false }, "--local"],
  ])("is refused for %j, with the option that is missing", async (changes, option) => {
    const { up } = await world();
    await expect(up(changes)).rejects.toMatchObject({
      code: "usage_invalid",
      message: expect.stringContaining(option),
    });
  });
});
