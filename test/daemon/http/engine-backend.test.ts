import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineBackend } from "../../../daemon/http/engine-backend.ts";
import type { HttpServer } from "../../../daemon/http/server.ts";
import { type LlamaEngine, startLlamaEngine } from "../../../daemon/llama/engine.ts";
import type { Engine } from "../../../src/chat/generation.ts";
import { silentLog } from "../../../src/log.ts";
import { serveAnswers } from "../../worlds/answer-server.ts";
import { demoModelFile } from "../../worlds/answers.ts";
import { describeClients } from "../proxy/client-suite.ts";

const model = "demo/peer:1.0.0";
const question = "What is PeerLLM?";
/** Of every answer that was begun. */
const seeds: number[] = [];
let engine: LlamaEngine;
let server: HttpServer;
let client: OpenAI;

beforeAll(async () => {
  engine = await startLlamaEngine(
    { modelFile: demoModelFile, threads: 1, gpu: "off", sequences: 2, contextLength: 512, log: silentLog },
    AbortSignal.timeout(120_000),
  );
  const heard: Engine = {
    contextLength: engine.contextLength,
    sequences: engine.sequences,
    reportsTokens: engine.reportsTokens,
    generate(generation, signal) {
      seeds.push(generation.sampling.seed);
      return engine.generate(generation, signal);
    },
    close: () => engine.close(),
  };
  const listing = { id: model, createdAt: 0, owner: "local", contextLength: engine.contextLength };
  server = await serveAnswers(engineBackend(() => [{ listing, engine: heard }]));
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
});

afterAll(async () => {
  await server?.close();
  await engine?.close();
});

describeClients("unmodified clients of an engine on this machine", async () => ({
  baseUrl: `${server.url}/v1`,
  model,
  question,
  answerPart: "PeerLLM",
  close: async () => {},
}));

describe("an engine behind OpenAI's surface", () => {
  const request = { model, messages: [{ role: "user" as const, content: question }], max_tokens: 24 };

  it.each(["demo/peer", "default", "auto", model])("is found as %s, and answers by its whole name", async (name) => {
    expect((await client.chat.completions.create({ ...request, model: name })).model).toBe(model);
    const chunks = await client.chat.completions.create({ ...request, model: name, stream: true });
    for await (const chunk of chunks) expect(chunk.model).toBe(model);
  });

  it("makes more choices than it has sequences, each by a seed of its own, and the same again by the seed", async () => {
    const ask = async () => {
      const { choices } = await client.chat.completions.create({ ...request, n: 5, seed: 11, temperature: 2 });
      return choices.map(({ message }) => message.content);
    };
    seeds.length = 0;
    const texts = await ask();
    expect(new Set(seeds).size).toBe(5);
    expect(texts).toHaveLength(5);
    expect(await ask()).toEqual(texts);
  });

  it("counts a prompt once however many answers it gets", async () => {
    const one = await client.chat.completions.create({ ...request, temperature: 0 });
    const three = await client.chat.completions.create({ ...request, temperature: 0, n: 3 });
    expect(three.usage?.prompt_tokens).toBe(one.usage?.prompt_tokens);
    expect(three.usage?.completion_tokens).toBeGreaterThan(one.usage?.completion_tokens ?? 0);
  });

  it("says length where the answer was cut, and stops before a stop string", async () => {
    const greedy = { ...request, temperature: 0 };
    const cut = await client.chat.completions.create({ ...greedy, max_tokens: 2 });
    expect(cut.choices[0]?.finish_reason).toBe("length");
    expect(cut.usage?.completion_tokens).toBe(2);
    const whole = (await client.chat.completions.create(greedy)).choices[0]?.message.content ?? "";
    const stop = whole.slice(4, 9);
    const stopped = await client.chat.completions.create({ ...greedy, stop: [stop] });
    expect(stopped.choices[0]?.message.content).toBe(whole.slice(0, whole.indexOf(stop)));
    expect(stopped.choices[0]?.finish_reason).toBe("stop");
  });

  it("refuses a prompt that is longer than its context", async () => {
    const content = "word ".repeat(2_000);
    await expect(
      client.chat.completions.create({ ...request, messages: [{ role: "user", content }], stream: true }),
    ).rejects.toMatchObject({ status: 400, code: "context_length_exceeded" });
  });

  it("frees its sequences when the client hangs up", async () => {
    const hangUp = new AbortController();
    const stream = await client.chat.completions.create(
      { ...request, max_tokens: 400, n: 2, temperature: 2, stream: true },
      { signal: hangUp.signal },
    );
    for await (const chunk of stream) {
      expect(chunk.object).toBe("chat.completion.chunk");
      hangUp.abort();
    }
    expect((await client.chat.completions.create(request)).choices).toHaveLength(1);
  });
});
