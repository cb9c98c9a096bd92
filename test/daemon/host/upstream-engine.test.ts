import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { Availability } from "../../../daemon/host/availability.ts";
import { type Door, openLocalDoor } from "../../../daemon/host/door.ts";
import { type HostedEngine, ServedModels } from "../../../daemon/host/served-models.ts";
import { startUpstreamEngine } from "../../../daemon/host/upstream-engine.ts";
import { type LlamaEngine, startLlamaEngine } from "../../../daemon/llama/engine.ts";
import { createUpstream } from "../../../src/client/upstream.ts";
import { systemClock } from "../../../src/clock.ts";
import { ownedAccount } from "../../../src/ledger/account.ts";
import { silentLog } from "../../../src/log.ts";
import { parseUsd, subtractUsd } from "../../../src/money.ts";
import { engineContract } from "../../contracts/engine.ts";
import { serveAnswers } from "../../worlds/answer-server.ts";
import { demoModelFile, question, wholeAnswer } from "../../worlds/answers.ts";
import { demoNetwork, demoReference } from "../../worlds/demo-network.ts";

const { signal } = new AbortController();
const sequences = 4;
const contextLength = 1_024;
const settings = { threads: 1, gpu: "off" as const, sequences, contextLength };
let llama: LlamaEngine;
let door: Door;
let upstream: HostedEngine;

beforeAll(async () => {
  llama = await startLlamaEngine({ modelFile: demoModelFile, ...settings, log: silentLog }, signal);
  const models = new ServedModels();
  const model = {
    reference: "demo",
    digest: `sha256:${"0".repeat(64)}`,
    weights: { kind: "file" as const, file: demoModelFile },
    sizeBytes: 1,
    contextLength,
  };
  const benchmark = { prefillTokensPerSecond: 1, decodeTokensPerSecond: 1, decodeTokensPerSecondAtAllSequences: 1 };
  models.add({ model, settings, engine: llama, benchmark });
  door = await openLocalDoor({
    port: 0,
    allowedOrigins: [],
    feed: { count: () => {} },
    models,
    availability: new Availability(systemClock),
    pace: null,
    log: silentLog,
  });
  upstream = await startUpstreamEngine(optionsFor(door.baseUrl ?? ""), signal);
}, 240_000);
afterAll(async () => {
  await upstream.close();
  await door.close();
  await llama.close();
});

function optionsFor(url: string) {
  return { url, reference: demoReference, contextLength, sequences, clock: systemClock };
}

engineContract("the engine that runs llama.cpp", () => llama);
engineContract("the engine that is another server", () => upstream);

describe("the engine that is another server", () => {
  it("gives the answer of that server's own engine", async () => {
    const whole = await wholeAnswer(llama, question("What is PeerLLM?"));
    const passedOn = await wholeAnswer(upstream, question("What is PeerLLM?"));
    expect(passedOn.text).toBe(whole.text);
    expect(passedOn.end.usage).toEqual(whole.end.usage);
  });

  it("refuses token ids, which the server could not read", async () => {
    const tokens = question("", { prompt: { kind: "tokens", tokens: [1, 2] } });
    await expect(wholeAnswer(upstream, tokens)).rejects.toMatchObject({ code: "request_invalid" });
    const resumed = question("Hello", { resumedTokens: [1] });
    await expect(wholeAnswer(upstream, resumed)).rejects.toMatchObject({ code: "request_invalid" });
  });

  it("frees the server's sequence when nobody listens any more", async () => {
    for await (const event of upstream.generate(question("Tell me a story."), signal)) {
      if (event.kind === "delta") break;
    }
    await expect.poll(() => llama.counters(signal)).toMatchObject({ streamsActive: 0, sequencesFree: sequences });
  });

  it("stops the server at a stop string that it was not told of", async () => {
    let isStopped = false;
    const server = await serveAnswers({
      hasDefaultModel: true,
      authenticate: async () => ({ accountId: null, apiKeyId: null }),
      models: async () => [{ id: demoReference, createdAt: 0, owner: "local", contextLength }],
      async *answer(_request, _caller, limit) {
        yield { kind: "begin", receipt: null, model: demoReference };
        try {
          for (let word = 0; !limit.aborted; word++) {
            yield { kind: "delta", choice: 0, text: `${word} ` };
            await new Promise<void>((resolve) => setImmediate(resolve));
          }
        } finally {
          isStopped = true;
        }
      },
    });
    const engine = await startUpstreamEngine(optionsFor(server.url), signal);
    onTestFinished(async () => {
      await engine.close();
      await server.close();
    });
    const stop = ["@1", "@2", "@3", "@4", "7 "];
    const { text, end } = await wholeAnswer(engine, question("Count.", { stop }));
    expect(text).toBe("0 1 2 3 4 5 6 ");
    expect(end).toMatchObject({ finishReason: "stop", usage: { promptTokens: 2, completionTokens: 8 } });
    await expect.poll(() => isStopped).toBe(true);
  });

  it("does not start where no server answers, and says where", async () => {
    const start = startUpstreamEngine(optionsFor("http://127.0.0.1:9"), signal);
    await expect(start).rejects.toMatchObject({
      code: "upstream_failed",
      message: expect.stringContaining("http://127.0.0.1:9"),
    });
  });
});

it("a host with such an engine answers for the network, and is paid 95% of what the orchestrator counted", {
  timeout: 240_000,
}, async () => {
  const network = await demoNetwork({ hosts: 1, upstream: door.baseUrl ?? "" });
  const client = createUpstream({ url: network.url, apiKey: network.apiKey, clock: systemClock, retryMsMax: 0 });
  try {
    const whole = await wholeAnswer(llama, question("What is PeerLLM?"));
    const request = {
      model: demoReference,
      prompts: [question("What is PeerLLM?").prompt],
      sampling: { temperature: 0, topP: 1, seed: 1, maxTokens: 256, stop: [] },
      choices: 1,
      privacy: "standard" as const,
      plan: "auto" as const,
      isMasked: false,
      isWhole: false,
    };
    let text = "";
    let tokens = 0;
    for await (const event of client.answer(request, signal)) {
      if (event.kind === "delta") text += event.text;
      if (event.kind === "end") tokens = event.usage.promptTokens + event.usage.completionTokens;
    }
    expect(text).toBe(whole.text);
    expect(tokens).toBe(whole.end.usage.promptTokens + whole.end.usage.completionTokens);
    const { available, held } = await network.books.balance(network.consumer);
    expect(held).toBe(0n);
    expect(subtractUsd(parseUsd("1"), available)).toBe(BigInt(tokens) * 10_000n);
    const [host] = network.hosts;
    if (host === undefined) throw new Error("There is one host.");
    expect(await network.books.balanceOf(ownedAccount("host-payable", host.accountId))).toBe(BigInt(tokens) * 9_500n);
    expect((await network.books.audit()).balanced).toBe(true);
  } finally {
    client.close();
    await network.close();
  }
});
