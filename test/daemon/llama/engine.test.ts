import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type LlamaEngine, startLlamaEngine } from "../../../daemon/llama/engine.ts";
import { isPeerError } from "../../../src/errors.ts";
import { silentLog } from "../../../src/log.ts";
import { demoModelFile, question, wholeAnswer } from "../../worlds/answers.ts";

const never = new AbortController().signal;
const sequences = 4;
let engine: LlamaEngine;

beforeAll(async () => {
  engine = await startLlamaEngine(
    { modelFile: demoModelFile, threads: 1, gpu: "off", sequences, contextLength: 1_024, log: silentLog },
    never,
  );
});
afterAll(() => engine.close());

/** An abandoned answer frees its sequence at the border of the step it was in. */
async function expectAllFree(): Promise<void> {
  await expect
    .poll(() => engine.counters(never))
    .toMatchObject({ streamsActive: 0, streamsWaiting: 0, sequencesFree: sequences });
}

describe("an answer", () => {
  it("streams token ids beside text, and counts exactly those", async () => {
    const { text, tokens, deltas, end } = await wholeAnswer(engine, question("What is PeerLLM?"));
    expect(text.length).toBeGreaterThan(10);
    expect(text).not.toContain("<|");
    expect(deltas.length).toBeGreaterThan(3);
    expect(end).toMatchObject({ finishReason: "stop", cachedTokens: 0 });
    expect(end.usage.completionTokens).toBe(tokens.length);
    await expectAllFree();
  });

  it("ends at its token limit with reason length", async () => {
    const { tokens, end } = await wholeAnswer(engine, question("Tell me a story.", { maxTokens: 7 }));
    expect(tokens).toHaveLength(7);
    expect(end.finishReason).toBe("length");
  });

  it("ends before a stop string that spans tokens, with nothing of it", async () => {
    const whole = await wholeAnswer(engine, question("Tell me a story."));
    const stop = whole.text.slice(20, 29);
    const stopped = await wholeAnswer(engine, question("Tell me a story.", { stop: [stop] }));
    expect(stopped.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)));
    expect(stopped.end.finishReason).toBe("stop");
    expect(stopped.tokens).toEqual(whole.tokens.slice(0, stopped.tokens.length));
  });

  it("is refused when its prompt leaves no room in the context", async () => {
    const long = question("", { prompt: { kind: "tokens", tokens: new Array<number>(1_024).fill(65) } });
    await expect(wholeAnswer(engine, long)).rejects.toMatchObject({ code: "context_length_exceeded" });
    await expectAllFree();
  });

  it("ends with reason length where the context is full", async () => {
    const tokens = Array.from({ length: 1_020 }, (_, index) => 40 + (index % 50));
    const { end } = await wholeAnswer(engine, question("", { prompt: { kind: "tokens", tokens } }));
    expect(end.usage.promptTokens + end.usage.completionTokens).toBeLessThanOrEqual(1_024);
  });

  it("is refused for a token the vocabulary doesn't have, and the engine lives on", async () => {
    const strange = question("", { prompt: { kind: "tokens", tokens: [1, 9_999_999] } });
    await expect(wholeAnswer(engine, strange)).rejects.toMatchObject({ code: "request_invalid" });
    const resumed = question("Hello", { resumedTokens: [-1] });
    await expect(wholeAnswer(engine, resumed)).rejects.toMatchObject({ code: "request_invalid" });
    expect(engine.restarts).toBe(0);
  });
});

describe("an answer continued elsewhere", () => {
  it("goes on as if nothing had happened, from every token on", async () => {
    const whole = await wholeAnswer(engine, question("Tell me a story.", { maxTokens: 48 }));
    const rests = await Promise.all(
      whole.tokens.map((_, point) => {
        const resumedTokens = whole.tokens.slice(0, point);
        return wholeAnswer(engine, question("Tell me a story.", { maxTokens: 48, resumedTokens }));
      }),
    );
    for (const [point, rest] of rests.entries()) {
      expect(rest.tokens).toEqual(whole.tokens.slice(point));
      expect(rest.end.usage).toEqual(whole.end.usage);
      expect(whole.text.endsWith(rest.text)).toBe(true);
    }
  });

  it("makes the same choices where it is sampled, but for near ties", async () => {
    let choices = 0;
    let astray = 0;
    for (const seed of [1, 2, 3]) {
      const sampling = { temperature: 1.2, topP: 0.95, seed };
      const whole = await wholeAnswer(engine, question("Tell me a story.", { ...sampling, maxTokens: 48 }));
      const nexts = await Promise.all(
        whole.tokens.map((_, point) => {
          const resumedTokens = whole.tokens.slice(0, point);
          return wholeAnswer(
            engine,
            question("Tell me a story.", { ...sampling, maxTokens: point + 1, resumedTokens }),
          );
        }),
      );
      choices += nexts.length;
      astray += nexts.filter((next, point) => next.tokens[0] !== whole.tokens[point]).length;
    }
    expect(choices).toBeGreaterThan(30);
    expect(astray / choices).toBeLessThan(0.05);
  });

  it("is sampled otherwise with another seed, and the same with the same", async () => {
    // Words no model was taught: what follows them is anyone's guess, however sure it is of its own stories.
    const prompt = { kind: "text" as const, text: "zq 7 vx # kj" };
    const sample = async (seed: number) =>
      (await wholeAnswer(engine, question("", { prompt, temperature: 2, seed, maxTokens: 64 }))).tokens;
    const answers = await Promise.all([1, 2, 3, 4].map(sample));
    expect(new Set(answers.map(String)).size).toBeGreaterThan(1);
    expect(await sample(1)).toEqual(answers[0]);
  });

  it("meets a stop string that began before the interruption", async () => {
    const whole = await wholeAnswer(engine, question("Tell me a story.", { maxTokens: 40 }));
    const stop = whole.text.slice(30, 42);
    const stopped = await wholeAnswer(engine, question("Tell me a story.", { maxTokens: 40, stop: [stop] }));
    for (let point = 0; point < stopped.tokens.length; point++) {
      const delivered = stopped.deltas
        .slice(0, point)
        .map((delta) => delta.text)
        .join("");
      const resumedTokens = stopped.tokens.slice(0, point);
      const rest = await wholeAnswer(
        engine,
        question("Tell me a story.", { maxTokens: 40, stop: [stop], resumedTokens }),
      );
      expect(delivered + rest.text).toBe(stopped.text);
      expect(rest.end).toMatchObject({ finishReason: "stop", usage: stopped.end.usage });
    }
  });

  it("ends at once where everything was delivered already", async () => {
    const whole = await wholeAnswer(engine, question("Tell me a story.", { maxTokens: 12 }));
    const rest = await wholeAnswer(
      engine,
      question("Tell me a story.", { maxTokens: 12, resumedTokens: whole.tokens }),
    );
    expect(rest).toMatchObject({ text: "", tokens: [], end: { finishReason: "length", usage: whole.end.usage } });
  });
});

describe("a conversation's next turn", () => {
  it("reads only what is new of it, and answers the same", async () => {
    const first = await wholeAnswer(engine, question("What is PeerLLM?", { cacheKey: "mine" }));
    const messages = [
      { role: "user" as const, content: "What is PeerLLM?" },
      { role: "assistant" as const, content: first.text },
      { role: "user" as const, content: "Tell me a story." },
    ];
    const prompt = { kind: "chat" as const, messages };
    const warm = await wholeAnswer(engine, question("", { prompt, cacheKey: "mine", maxTokens: 40 }));
    const cold = await wholeAnswer(engine, question("", { prompt, cacheKey: "another's", maxTokens: 40 }));
    expect(warm.end.cachedTokens).toBeGreaterThanOrEqual(first.end.usage.promptTokens);
    expect(warm.end.cachedTokens).toBeLessThan(warm.end.usage.promptTokens);
    expect(cold.end.cachedTokens).toBe(0);
    expect(warm.tokens).toEqual(cold.tokens);
  });
});

describe("a consumer who doesn't read", () => {
  it("is parked alone: others are answered, and it gets every token in the end", async () => {
    const long = question("Tell me a story.", {
      temperature: 1.5,
      maxTokens: 700,
      prompt: { kind: "text", text: "a" },
    });
    const slow = engine.generate({ ...long, sampling: { ...long.sampling, seed: 5 } }, never)[Symbol.asyncIterator]();
    await slow.next();
    for (let turn = 0; turn < 8; turn++) await wholeAnswer(engine, question("What is PeerLLM?"));
    let tokens = 1;
    for (let step = await slow.next(); step.done !== true; step = await slow.next()) {
      if (step.value.kind === "delta") tokens += step.value.tokens.length;
      else expect(step.value.usage.completionTokens).toBe(tokens);
    }
    await expectAllFree();
  });
});

describe("an abort", () => {
  it("rejects at once with the signal's reason", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const stream = engine.generate(question("Tell me a story."), controller.signal)[Symbol.asyncIterator]();
    await stream.next();
    controller.abort(reason);
    await expect(drain(stream)).rejects.toBe(reason);
    await expectAllFree();
  });

  it("frees the sequence at once, while its consumer is still at what it has", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const endless = question("", { prompt: { kind: "text", text: "a" }, temperature: 1.5, seed: 5, maxTokens: 700 });
    const stream = engine.generate(endless, controller.signal)[Symbol.asyncIterator]();
    await stream.next();
    expect(engine.activeStreams).toBe(1);
    controller.abort(reason);
    await expectAllFree();
    await expect(drain(stream)).rejects.toBe(reason);
    expect(engine.activeStreams).toBe(0);
  });

  it("may be shared by many answers", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    onTestFinished(() => void process.off("warning", onWarning));
    const { signal } = new AbortController();
    const answers = Array.from({ length: 16 }, () => wholeAnswer(engine, question("Hi", { maxTokens: 2 }), signal));
    await Promise.all(answers);
    expect(warnings).toEqual([]);
  });

  it("at 1,000 random moments leaks no sequence", async () => {
    let random = 12_345;
    const next = (below: number) => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((random / 4_294_967_296) * below);
    };
    let aborted = 0;
    const worker = async () => {
      while (aborted < 1_000) {
        aborted += 1;
        const controller = new AbortController();
        const temperature = next(2) / 2;
        const moment = next(12);
        const generation = question("Tell me a story.", { temperature, seed: next(1_000), maxTokens: 60 });
        if (next(4) === 0) queueMicrotask(() => controller.abort());
        try {
          let events = 0;
          for await (const _event of engine.generate(generation, controller.signal)) {
            events += 1;
            if (events === moment) break;
            if (events > moment) controller.abort();
          }
        } catch (error) {
          if (!controller.signal.aborted) throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: 9 }, worker));
    await expectAllFree();
    const before = await engine.counters(never);
    await Promise.all(Array.from({ length: sequences }, () => wholeAnswer(engine, question("Tell me a story."))));
    const after = await engine.counters(never);
    const full = (counters: typeof after) => counters.decodesByStreams[sequences] ?? 0;
    expect(full(after) - full(before)).toBeGreaterThan(10);
    expect(engine.restarts).toBe(0);
  }, 180_000);
});

async function drain(stream: AsyncIterator<unknown>): Promise<void> {
  for (let step = await stream.next(); step.done !== true; step = await stream.next());
}

it("a closed engine refuses, and its process is gone", async () => {
  const other = await startLlamaEngine(
    { modelFile: demoModelFile, threads: 1, gpu: "off", sequences: 1, contextLength: 256, log: silentLog },
    never,
  );
  const { pid } = other;
  const answer = wholeAnswer(other, question("Tell me a story.")).catch((error) => error);
  await other.close();
  expect(isPeerError(await answer, "cancelled")).toBe(true);
  expect(() => process.kill(pid ?? 0, 0)).toThrow();
  await expect(wholeAnswer(other, question("Hello"))).rejects.toMatchObject({ code: "cancelled" });
});
