import { describe, expect, it } from "vitest";
import { Pace } from "../../../daemon/host/pace.ts";
import { type HostedEngine, type ServedModel, ServedModels } from "../../../daemon/host/served-models.ts";
import { systemClock } from "../../../src/clock.ts";
import { encodeFrame, parseHostFrame } from "../../../src/protocol/frame.ts";

const benchmark = {
  prefillTokensPerSecond: 900,
  decodeTokensPerSecond: 60,
  decodeTokensPerSecondAtAllSequences: 120,
};

const never = new AbortController().signal;

interface SwitchedEngine extends HostedEngine {
  turn(state: ReturnType<HostedEngine["state"]>): void;
}

function switchedEngine(): SwitchedEngine {
  let state: ReturnType<HostedEngine["state"]> = "ready";
  return {
    contextLength: 1_024,
    sequences: 4,
    reportsTokens: true,
    activeStreams: 0,
    state: () => state,
    turn: (next) => {
      state = next;
    },
    async *generate() {},
    async close() {
      state = "closed";
    },
  };
}

function served(reference: string, engine: HostedEngine = switchedEngine()): ServedModel {
  const digest = `sha256:${Buffer.from(reference).toString("hex").padEnd(64, "0").slice(0, 64)}`;
  const weights = { kind: "file" as const, file: "/models/tiny.gguf" };
  const settings = { threads: 1, gpu: "off" as const, sequences: 4, contextLength: 1_024 };
  return { model: { reference, digest, weights, sizeBytes: 1, contextLength: 1_024 }, settings, engine, benchmark };
}

describe("a host's served models", () => {
  it("are found by name with or without version, and others are missing with a word on what there is", () => {
    const models = new ServedModels();
    const tiny = served("acme/tiny:1.0.0");
    expect(() => models.find("acme/tiny")).toThrow(
      expect.objectContaining({ message: expect.stringContaining("no model") }),
    );
    models.add(tiny);
    expect(models.find("acme/tiny")).toBe(tiny);
    expect(models.find("acme/tiny:1.0.0")).toBe(tiny);
    for (const other of ["acme/tiny:2.0.0", "acme/tin", "acme", ""]) {
      expect(() => models.find(other)).toThrow(
        expect.objectContaining({ code: "model_missing", message: expect.stringContaining("acme/tiny:1.0.0") }),
      );
    }
  });

  it("that are removed are off the offer at once, and gone when their answers have ended", async () => {
    const models = new ServedModels();
    const engine = { ...switchedEngine(), activeStreams: 2 };
    const tiny = served("acme/tiny:1.0.0", engine);
    models.add(tiny);
    const sleep = async () => {
      engine.activeStreams -= 1;
    };
    const removed = models.remove(tiny, { ...systemClock, sleep }, never);
    expect(models.offers(null)).toEqual([]);
    expect(() => models.find("acme/tiny")).toThrow();
    // A subtask that crossed the new offer on the wire is still answered.
    expect(models.get(tiny.model.digest)).toBe(tiny);
    expect(engine.state()).toBe("ready");
    await removed;
    expect(engine).toMatchObject({ activeStreams: 0 });
    expect(engine.state()).toBe("closed");
    expect(models.get(tiny.model.digest)).toBeUndefined();
  });

  it("that are removed wait for no answer longer than they may", async () => {
    const models = new ServedModels();
    const engine = { ...switchedEngine(), activeStreams: 1 };
    const tiny = served("acme/tiny:1.0.0", engine);
    models.add(tiny);
    await models.remove(tiny, systemClock, AbortSignal.abort());
    expect(engine.state()).toBe("closed");
    models.add(served("acme/tiny:1.0.0"));
    expect(models.offers(null)).toHaveLength(1);
  });

  it("are offered while their engine runs, and not while it restarts", () => {
    const models = new ServedModels();
    const engine = switchedEngine();
    models.add(served("acme/tiny:1.0.0", engine));
    models.add(served("acme/other:1.0.0"));
    const names = () => models.offers(null).map(({ model }) => model);
    expect(names()).toEqual(["acme/tiny:1.0.0", "acme/other:1.0.0"]);
    engine.turn("restarting");
    expect(names()).toEqual(["acme/other:1.0.0"]);
    engine.turn("ready");
    expect(names()).toEqual(["acme/tiny:1.0.0", "acme/other:1.0.0"]);
  });

  it("are offered no faster than the host gives, and no faster than they are", () => {
    const models = new ServedModels();
    models.add(served("acme/tiny:1.0.0"));
    const ratesAt = (most: number | null) => {
      const [offer] = models.offers(most === null ? null : new Pace(most, systemClock));
      return [offer?.decodeTokensPerSecond, offer?.decodeTokensPerSecondAtAllSequences, offer?.sequences];
    };
    expect(ratesAt(null)).toEqual([60, 120, 4]);
    expect(ratesAt(1_000)).toEqual([60, 120, 4]);
    expect(ratesAt(100)).toEqual([60, 100, 4]);
    expect(ratesAt(3.5)).toEqual([3.5, 3.5, 3]);
    expect(ratesAt(0.5)).toEqual([0.5, 0.5, 1]);
  });

  it("are offered no faster than an offer may say, however fast they seemed", () => {
    const models = new ServedModels();
    const seemed = {
      prefillTokensPerSecond: 2e7,
      decodeTokensPerSecond: 2e7,
      decodeTokensPerSecondAtAllSequences: 8e7,
    };
    models.add({ ...served("acme/tiny:1.0.0"), benchmark: seemed });
    const offer = { type: "offer" as const, models: models.offers(null), isAccepting: true };
    expect(parseHostFrame(Buffer.from(encodeFrame(offer)))).toEqual(offer);
  });

  it("share what the host gives: all their answers at once get a token a second each", () => {
    const models = new ServedModels();
    for (const name of ["acme/a:1.0.0", "acme/b:1.0.0", "acme/c:1.0.0"]) models.add(served(name));
    const sequencesAt = (most: number) => models.offers(new Pace(most, systemClock)).map(({ sequences }) => sequences);
    expect(sequencesAt(12)).toEqual([4, 4, 4]);
    expect(sequencesAt(8)).toEqual([2, 2, 2]);
    expect(sequencesAt(1)).toEqual([1, 1, 1]);
  });

  it("end with the host, every engine of them", async () => {
    const models = new ServedModels();
    const all = ["acme/a:1.0.0", "acme/b:1.0.0"].map((reference) => served(reference));
    for (const each of all) models.add(each);
    await models.close();
    expect(all.map(({ engine }) => engine.state())).toEqual(["closed", "closed"]);
  });
});
