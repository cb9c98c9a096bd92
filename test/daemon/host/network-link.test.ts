import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { NetworkLink, type NetworkLinkOptions } from "../../../daemon/host/network-link.ts";
import type { RunFrame } from "../../../daemon/host/subtask-runner.ts";
import type { Engine, GenerationEvent } from "../../../src/chat/generation.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { PeerError } from "../../../src/errors.ts";
import { generateKeyPair } from "../../../src/identity/key.ts";
import { newId } from "../../../src/ids.ts";
import { silentLog } from "../../../src/log.ts";
import { heartbeatIntervalsMax, type OfferedModel } from "../../../src/protocol/frame.ts";
import { deferred } from "../../worlds/deferred.ts";
import { challenge, type RawNetwork, rawNetwork, welcome } from "../../worlds/raw-network.ts";

const { signal } = new AbortController();
const digest = `sha256:${"ab".repeat(32)}`;
const offer: OfferedModel = {
  model: "acme/tiny:1.0.0",
  digest,
  contextLength: 1_024,
  sequences: 4,
  reportsTokens: true,
  prefillTokensPerSecond: 100,
  decodeTokensPerSecond: 10,
  decodeTokensPerSecondAtAllSequences: 20,
};

/** A clock that wakes whoever sleeps at once, and remembers for how long they meant to. */
function hastyClock(): Clock & { readonly slept: readonly number[] } {
  const slept: number[] = [];
  return {
    ...systemClock,
    slept,
    sleep: async (delayMs, limit) => {
      limit.throwIfAborted();
      slept.push(delayMs);
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
  };
}

describe("a host's link to its network", () => {
  let network: RawNetwork;

  beforeEach(async () => {
    network = await rawNetwork();
  });
  afterEach(() => network.close());

  function open(changes: Partial<NetworkLinkOptions> = {}): NetworkLink {
    const link = new NetworkLink({
      url: network.url,
      apiKey: "sk-peer-secret",
      key: generateKeyPair(),
      clock: hastyClock(),
      log: silentLog,
      observer: { began() {}, ended() {} },
      trustNetwork: async () => {},
      offers: () => [offer],
      isAccepting: () => true,
      engineOf: () => undefined,
      ...changes,
    });
    onTestFinished(() => link.close());
    return link;
  }

  it("proves the host's key, and says what it offers once it is welcome", async () => {
    const link = open();
    const [seen] = await Promise.all([welcome(network), link.connect(signal)]);
    expect(await seen.next()).toEqual({ type: "offer", models: [offer], isAccepting: true });
    expect(link.isConnected).toBe(true);
  });

  it("is under the path of the network's address", async () => {
    const behind = await rawNetwork("/peer");
    onTestFinished(() => behind.close());
    const link = open({ url: behind.url });
    await Promise.all([welcome(behind), link.connect(signal)]);
    expect(link.isConnected).toBe(true);
  });

  it("is entitled to work until the orchestrator says otherwise, and again when it says so", async () => {
    const link = open();
    const [seen] = await Promise.all([welcome(network), link.connect(signal)]);
    expect(link.isEntitled).toBe(true);
    for (const isEntitled of [false, true]) {
      seen.send({ type: "entitlement", isEntitled });
      await vi.waitUntil(() => link.isEntitled === isEntitled);
    }
  });

  it("gives its API key to nobody who can't prove to be the network it knows", async () => {
    const impostor = expect(open().connect(signal)).rejects.toMatchObject({ code: "authentication_failed" });
    const seen = await network.accept();
    expect(await challenge(network, seen, { signer: generateKeyPair() })).toBe("closed");
    await impostor;

    const unknown = new PeerError("authentication_failed", "Not the one this host knows.");
    const stranger = expect(open({ trustNetwork: () => Promise.reject(unknown) }).connect(signal)).rejects.toBe(
      unknown,
    );
    expect(await challenge(network, await network.accept())).toBe("closed");
    await stranger;
  });

  it("takes no welcome before the network's key was checked, which takes a while", async () => {
    const checked = deferred();
    const link = open({ trustNetwork: () => checked.promise });
    const refused = expect(link.connect(signal)).rejects.toMatchObject({ code: "protocol_violation" });
    const hasty = [{ type: "welcome" as const, hostId: "host", heartbeatMs: 60_000 }];
    expect(await challenge(network, await network.accept(), { hasty })).toBe("closed");
    await refused;
    checked.resolve();
    expect(link.isConnected).toBe(false);
  });

  it.each([
    [2, "host"],
    [0, "orchestrator"],
  ])("to a network of protocol %i says that the %s is to be updated", async (protocol, side) => {
    const told = expect(open().connect(signal)).rejects.toMatchObject({
      code: "protocol_incompatible",
      message: expect.stringContaining(`Update PeerLLM on the ${side}.`),
    });
    expect(await challenge(network, await network.accept(), { protocol })).toBe("closed");
    await told;
  });

  it.each(["authentication_failed", "permission_denied", "protocol_incompatible", "payment_required"])(
    "ends for good where it is refused as %s, with the network's words",
    async (code) => {
      const link = open();
      const [first] = await Promise.all([welcome(network), link.connect(signal)]);
      const message = expect.stringContaining("Update to 0.2.0.");
      const ended = expect(link.keep()).rejects.toMatchObject({ code, message });
      first.close();
      (await network.accept()).send({ type: "refused", code, message: "Update to 0.2.0." });
      await ended;
      expect(network.connections).toBe(2);
    },
  );

  it("tries again after any other refusal, and after frames that are none", async () => {
    const link = open();
    const [first] = await Promise.all([welcome(network), link.connect(signal)]);
    void link.keep();
    first.send("this is no frame");
    (await network.accept()).send({ type: "refused", code: "queue_full", message: "Come back." });
    (await network.accept()).send("[]");
    const last = await welcome(network);
    expect(await last.next()).toMatchObject({ type: "offer" });
  });

  it("waits longer each time it finds nobody, or is dropped at once, and never as long as all others", async () => {
    const random = vi.spyOn(Math, "random").mockReturnValue(0.5);
    onTestFinished(() => random.mockRestore());
    const clock = hastyClock();
    const link = open({ clock });
    const [first] = await Promise.all([welcome(network), link.connect(signal)]);
    void link.keep();
    first.close();
    for (let drop = 0; drop < 4; drop += 1) (await welcome(network)).close();
    await network.accept();
    expect(clock.slept.slice(0, 5)).toEqual([250, 500, 1_000, 2_000, 4_000]);
  });

  it("starts over with short waits after a connection that held", async () => {
    const random = vi.spyOn(Math, "random").mockReturnValue(0.5);
    onTestFinished(() => random.mockRestore());
    let time = 0;
    const clock = { ...hastyClock(), monotonic: () => time };
    const link = open({ clock });
    const [first] = await Promise.all([welcome(network), link.connect(signal)]);
    void link.keep();
    first.close();
    (await welcome(network)).close();
    const steady = await welcome(network);
    await steady.next();
    time += 3_600_000;
    steady.close();
    await network.accept();
    expect(clock.slept).toEqual([250, 500, 250]);
  });

  it("is rebuilt when heartbeats stay unanswered, and kept as long as they are answered", async () => {
    const link = open();
    const [alive] = await Promise.all([welcome(network, { heartbeatMs: 100 }), link.connect(signal)]);
    void link.keep();
    for (let beats = 0; beats < 2 * heartbeatIntervalsMax; ) {
      const frame = await alive.next();
      if (frame === "closed") throw new Error("The link was given up though it was answered.");
      if (frame.type !== "heartbeat") continue;
      beats += 1;
      alive.send({ type: "heartbeat-ack", sequence: frame.sequence });
    }
    expect(network.connections).toBe(1);
    // From here on nothing is answered any more; the connection itself stays up.
    const again = await welcome(network, { heartbeatMs: 60_000 });
    expect(await again.next()).toMatchObject({ type: "offer" });
    expect(network.connections).toBe(2);
  });

  it("gives up a handshake that its owner no longer wants", async () => {
    const wanted = new AbortController();
    const givenUp = expect(open().connect(wanted.signal)).rejects.toMatchObject({ code: "cancelled" });
    await network.accept();
    wanted.abort(new PeerError("cancelled", "Enough."));
    await givenUp;
    await expect(open().connect(wanted.signal)).rejects.toMatchObject({ code: "cancelled" });
    expect(network.connections).toBe(1);
  });

  it("says where nobody answers", async () => {
    const { url } = network;
    await network.close();
    await expect(open().connect(signal)).rejects.toMatchObject({
      code: "network_unreachable",
      message: expect.stringContaining(url),
    });
    network = await rawNetwork();
  });

  describe("with a subtask", () => {
    const subtask = newId("subtask");
    const run: RunFrame = {
      type: "run",
      subtask,
      epoch: 1,
      digest,
      prompt: { kind: "tokens", tokens: [1, 2, 3] },
      resumedTokens: [],
      sampling: { temperature: 0, topP: 1, seed: 1, maxTokens: 8, stop: [] },
      cacheKey: "key",
    };

    it("sends the engine's tokens and a signed end", async () => {
      const { engine } = scriptedEngine();
      const link = open({ engineOf: (wanted) => (wanted === digest ? engine : undefined) });
      const [seen] = await Promise.all([welcome(network), link.connect(signal)]);
      seen.send(run);
      expect(await seen.nextSaid()).toMatchObject({ type: "offer" });
      expect(await seen.nextSaid()).toMatchObject({ type: "delta", subtask, epoch: 1, position: 0, tokens: [7] });
      expect(await seen.nextSaid()).toMatchObject({ type: "end", statement: { promptTokens: 3, completionTokens: 1 } });
      await expect.poll(() => link.activeSubtasks).toBe(0);
    });

    it("refuses one of a model it does not serve, or while it accepts nothing", async () => {
      const { engine } = scriptedEngine();
      let isAccepting = true;
      const link = open({
        engineOf: (wanted) => (wanted === digest ? engine : undefined),
        isAccepting: () => isAccepting,
      });
      const [seen] = await Promise.all([welcome(network), link.connect(signal)]);
      await seen.nextSaid();
      seen.send({ ...run, digest: `sha256:${"00".repeat(32)}` });
      expect(await seen.nextSaid()).toMatchObject({ type: "failed", code: "model_missing" });
      isAccepting = false;
      seen.send({ ...run, epoch: 2 });
      expect(await seen.nextSaid()).toMatchObject({ type: "failed", epoch: 2, code: "host_unavailable" });
    });

    it("refuses one too many, and goes on with those it has", async () => {
      const { engine, aborts } = scriptedEngine("endless");
      const link = open({ engineOf: () => engine });
      const [seen] = await Promise.all([welcome(network), link.connect(signal)]);
      await seen.nextSaid();
      for (let epoch = 1; epoch <= 1_025; epoch += 1) seen.send({ ...run, epoch });
      const said = [];
      while (said.length < 1_025) said.push(await seen.nextSaid());
      const failed = said.filter((frame) => typeof frame === "object" && frame.type === "failed");
      expect(failed).toEqual([{ type: "failed", subtask, epoch: 1_025, code: "queue_full", statement: null }]);
      expect(link.activeSubtasks).toBe(1_024);
      expect(aborts()).toBe(0);
    });

    it("stops its engine when it is cancelled or the link breaks, and says no more of it", async () => {
      const { engine, aborts } = scriptedEngine("endless");
      const link = open({ engineOf: () => engine });
      const [seen] = await Promise.all([welcome(network), link.connect(signal)]);
      await seen.nextSaid();
      seen.send(run);
      expect(await seen.nextSaid()).toMatchObject({ type: "delta" });
      seen.send({ type: "cancel", subtask, epoch: 1 });
      await expect.poll(aborts).toBe(1);
      seen.send({ ...run, epoch: 2 });
      expect(await seen.nextSaid()).toMatchObject({ type: "delta", epoch: 2 });
      seen.close();
      await expect.poll(aborts).toBe(2);
      expect(link.activeSubtasks).toBe(0);
    });
  });
});

/** An engine that gives one token and its end; or, endless, one token and then nothing until it is stopped. */
function scriptedEngine(kind: "short" | "endless" = "short") {
  let aborted = 0;
  async function* generate(_: unknown, limit: AbortSignal): AsyncGenerator<GenerationEvent, void, undefined> {
    yield { kind: "delta", tokens: [7], text: "a" };
    if (kind === "endless") {
      await new Promise<void>((resolve) => limit.addEventListener("abort", () => resolve(), { once: true }));
      aborted += 1;
      limit.throwIfAborted();
    }
    const usage = { promptTokens: 3, completionTokens: 1 };
    yield { kind: "end", finishReason: "stop", usage, cachedTokens: 0, prefillMs: 1, decodeMs: 1 };
  }
  const engine: Engine = { contextLength: 1_024, sequences: 4, reportsTokens: true, generate, async close() {} };
  return { engine, aborts: () => aborted };
}
