import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createContext } from "../../../daemon/llama/context.ts";
import { loadWeights, openLibrary } from "../../../daemon/llama/library.ts";
import { Lockstep, type LockstepEvent } from "../../../daemon/llama/lockstep.ts";
import { createRenderer } from "../../../daemon/llama/renderer.ts";
import { createTokenBytes } from "../../../daemon/llama/token-bytes.ts";
import type { Generation } from "../../../src/chat/generation.ts";
import { demoModelFile, question } from "../../worlds/answers.ts";

type Model = Awaited<ReturnType<typeof loadWeights>>;
let model: Model;

beforeAll(async () => {
  model = await loadWeights(await openLibrary("off", 1), demoModelFile, { sequences: 8, contextLength: 1_024 });
});
afterAll(() => model.dispose());

/** A pump whose streams are all there before its first step, on a machine that needs so long for each token. */
async function pump(sequences: number, generations: readonly Generation[], msPerToken = 0.1) {
  const decodes: { streams: number; tokens: number }[] = [];
  const options = { sequences, contextLength: 1_024, threads: 1 };
  let time = 0;
  const context = await createContext(model, options, (streams, tokens) => {
    decodes.push({ streams, tokens });
    lockstep.countDecode(streams, tokens);
    time += tokens * msPerToken;
  });
  const events: LockstepEvent[] = [];
  let left = generations.length;
  const lockstep = new Lockstep({
    model,
    context,
    renderer: createRenderer(model),
    bytesOf: createTokenBytes(model),
    contextLength: 1_024,
    windowTokens: 1_024,
    clock: { monotonic: () => time },
    emit(step) {
      events.push(...step);
      left -= step.filter((told) => "error" in told || told.event.kind === "end").length;
      if (left === 0) lockstep.close();
    },
  });
  generations.forEach((generation, id) => {
    lockstep.submit(id, generation);
  });
  await lockstep.run();
  await context.dispose();
  return { decodes, events, counters: lockstep.counters };
}

describe("the lockstep pump", () => {
  for (const streams of [1, 2, 4, 8]) {
    it(`decodes ${streams} streams in full batches, every one`, async () => {
      const same = Array.from({ length: streams }, () => question("Tell me a story.", { maxTokens: 40 }));
      const { decodes, counters } = await pump(streams, same);
      const decoding = decodes.slice(decodes.findIndex((decode) => decode.tokens === streams));
      expect(decoding.length).toBeGreaterThan(10);
      expect(new Set(decodes.map((decode) => decode.streams))).toEqual(new Set([streams]));
      expect(decoding.every((decode) => decode.tokens === streams)).toBe(true);
      expect(counters.sequencesFree).toBe(streams);
    });
  }

  it.each([
    ["fast", 0.1, [32, 512, 155]],
    ["slow", 2, [32, 100, 100, 100, 100, 100, 100, 67]],
    ["slower yet", 50, [...new Array<number>(21).fill(32), 27]],
  ])(
    "reads a long prompt in pieces of 200 ms on a %s machine, of 32 tokens at least",
    async (_, msPerToken, pieces) => {
      const tokens = Array.from({ length: 699 }, (_, index) => 40 + (index % 50));
      const long = question("", { prompt: { kind: "tokens", tokens }, maxTokens: 1 });
      const { decodes } = await pump(1, [long], msPerToken);
      expect(decodes.map((decode) => decode.tokens)).toEqual(pieces);
    },
  );

  it("reads a long prompt in pieces between which others get their tokens", async () => {
    const tokens = Array.from({ length: 700 }, (_, index) => 40 + (index % 50));
    const long = question("", { prompt: { kind: "tokens", tokens }, maxTokens: 4 });
    const { decodes } = await pump(2, [long, question("What is PeerLLM?", { maxTokens: 30 })]);
    expect(Math.max(...decodes.map((decode) => decode.tokens))).toBeLessThanOrEqual(512);
    // The short prompt is read with the second.
    const pieces = decodes.slice(2).filter((decode) => decode.tokens > 2);
    expect(pieces.length).toBeGreaterThanOrEqual(3);
    expect(pieces.every((decode) => decode.streams === 2 && decode.tokens <= 129)).toBe(true);
  });

  it("frees the sequence of an answer that fails, and answers the rest", async () => {
    const strange = question("", { prompt: { kind: "tokens", tokens: [-5] } });
    const { events, counters } = await pump(1, [strange, question("What is PeerLLM?", { maxTokens: 3 })]);
    expect(events.map((told) => ("error" in told ? "error" : told.event.kind))).toEqual([
      "error",
      "delta",
      "delta",
      "delta",
      "end",
    ]);
    expect(counters).toMatchObject({ sequencesFree: 1, streamsActive: 0 });
  });
});
