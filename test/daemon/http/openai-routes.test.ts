import { once } from "node:events";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { streamText } from "ai";
import OpenAI, { APIError } from "openai";
import { afterEach, describe, expect, it } from "vitest";
import type { AnswerBackend } from "../../../daemon/http/openai-routes.ts";
import type { HttpServer } from "../../../daemon/http/server.ts";
import { PeerError } from "../../../src/errors.ts";
import { serveAnswers } from "../../worlds/answer-server.ts";
import { deferred } from "../../worlds/deferred.ts";
import { hasOpenAiSchemas, openAiValidators } from "./openai-schemas.ts";
import { type Script, sayHello, scriptedBackend, scriptedModel, scriptedReceipt } from "./scripted-backend.ts";

const servers: HttpServer[] = [];

async function serve(backend: AnswerBackend): Promise<{ url: string; client: OpenAI }> {
  const server = await serveAnswers(backend);
  servers.push(server);
  return { url: server.url, client: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 }) };
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const request = { model: scriptedModel.id, messages: [{ role: "user" as const, content: "Hi" }] };

function post(url: string, path: string, body: unknown, headers: Record<string, string> = {}) {
  return fetch(`${url}/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

describe("a chat completion", () => {
  it("streams to the official client, with the summary in the last chunk and the receipt in the head", async () => {
    const backend = scriptedBackend();
    const { client } = await serve(backend);
    const { data: stream, response } = await client.chat.completions
      .create({ ...request, stream: true })
      .withResponse();
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta)).toEqual([
      { role: "assistant", content: "", refusal: null },
      { content: "Hello" },
      { content: ", " },
      { content: "world!" },
      {},
    ]);
    expect(chunks.at(-1)).toMatchObject({
      choices: [{ finish_reason: "stop" }],
      peerllm: { receipt: scriptedReceipt },
    });
    expect(response.headers.get("x-peerllm-receipt")).toBe(scriptedReceipt);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(backend.requests[0]?.prompts).toEqual([{ kind: "chat", messages: [{ role: "user", content: "Hi" }] }]);
  });

  it("comes whole, with its choices, usage, summary and receipt", async () => {
    const { url } = await serve(scriptedBackend());
    const reply = await post(url, "/chat/completions", { ...request, n: 2 });
    expect(reply.headers.get("x-peerllm-receipt")).toBe(scriptedReceipt);
    expect(await reply.json()).toMatchObject({
      object: "chat.completion",
      model: scriptedModel.id,
      choices: [0, 1].map((index) => ({
        index,
        message: { role: "assistant", content: "Hello, world!", refusal: null },
        finish_reason: "stop",
      })),
      usage: { prompt_tokens: 7, completion_tokens: 6, total_tokens: 13 },
      peerllm: {
        plan: "single",
        hosts: 1,
        largestShare: 1,
        owners: 1,
        largestAnswerShare: 1,
        failovers: 0,
        masked: { PERSON: 1 },
        costUsd: "0.0001",
      },
    });
  });

  it("carries the headers that say how private, how planned and whether masked already", async () => {
    const backend = scriptedBackend();
    const { url } = await serve(backend);
    await post(url, "/chat/completions", request, {
      "x-peerllm-privacy": "strict",
      "x-peerllm-plan": "split",
      "x-peerllm-masked": "proxy",
    });
    expect(backend.requests[0]).toMatchObject({ privacy: "strict", plan: "split", isMasked: true });
    expect((await post(url, "/chat/completions", request, { "x-peerllm-privacy": "total" })).status).toBe(400);
  });

  it("is refused to callers the backend does not know, before their body is looked at", async () => {
    const { url } = await serve({
      ...scriptedBackend(),
      authenticate: async () => Promise.reject(new PeerError("authentication_failed", "Incorrect API key provided.")),
    });
    const reply = await post(url, "/chat/completions", { nonsense: true });
    expect([reply.status, await reply.json()]).toEqual([
      401,
      {
        error: {
          message: "Incorrect API key provided.",
          type: "authentication_error",
          param: null,
          code: "authentication_failed",
        },
      },
    ]);
  });

  it("says when to come back where the backend is full, and how much is left where it counts", async () => {
    let left = 1;
    const { url } = await serve({
      ...scriptedBackend(async function* () {
        yield { kind: "begin", receipt: null };
        left -= 1;
        throw new PeerError("queue_full", "Too many requests wait.", { retryAfterSeconds: 7 });
      }),
      limitHeaders: () => ({ "x-ratelimit-remaining-requests": String(left) }),
    });
    const reply = await post(url, "/chat/completions", { ...request, stream: true });
    expect(reply.status).toBe(503);
    expect(reply.headers.get("retry-after")).toBe("7");
    expect(reply.headers.get("x-ratelimit-remaining-requests")).toBe("0");
  });

  it.each(["/chat/completions", "/completions", "/moderations"])(
    "beyond a limit is not even read (%s)",
    async (path) => {
      const { url } = await serve({
        ...scriptedBackend(),
        moderate: async () => [],
        takeRequest() {
          throw new PeerError("rate_limit_exceeded", "The limit is reached.", { retryAfterSeconds: 7 });
        },
      });
      const reply = await post(url, path, "no request");
      expect([reply.status, reply.headers.get("retry-after")]).toEqual([429, "7"]);
    },
  );

  it("without money left is not tried again by the official client", async () => {
    const backend = scriptedBackend(async function* () {
      yield { kind: "begin", receipt: null };
      throw new PeerError("insufficient_quota", "The balance is used up.");
    });
    const { url } = await serve(backend);
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 3 });
    await expect(client.chat.completions.create(request)).rejects.toMatchObject({ code: "insufficient_quota" });
    expect(backend.requests).toHaveLength(1);
  });
});

describe("a failure", () => {
  const failBefore: Script = async function* () {
    yield { kind: "begin", receipt: scriptedReceipt };
    yield { kind: "delta", choice: 0, text: "" };
    throw new PeerError("host_unavailable", "No host serves this model.");
  };
  const failAfter: Script = async function* () {
    yield { kind: "begin", receipt: scriptedReceipt };
    yield { kind: "delta", choice: 0, text: "Hel" };
    throw new PeerError("host_lost", "The host left in mid-answer.");
  };

  it.each([false, true])("before the first text has its own status (stream: %j)", async (stream) => {
    const { url } = await serve(scriptedBackend(failBefore));
    const reply = await post(url, "/chat/completions", { ...request, stream });
    expect([reply.status, await reply.json()]).toMatchObject([503, { error: { code: "host_unavailable" } }]);
  });

  it("in mid-answer is never 200 where the answer was wanted whole", async () => {
    const { url } = await serve(scriptedBackend(failAfter));
    expect((await post(url, "/chat/completions", request)).status).toBe(502);
  });

  it("in mid-stream is an error event, and no [DONE] follows", async () => {
    const { url } = await serve(scriptedBackend(failAfter));
    const text = await (await post(url, "/chat/completions", { ...request, stream: true })).text();
    const data = text.split("\n\n").filter((event) => event !== "");
    expect(JSON.parse(data.at(-1)?.slice("data: ".length) ?? "")).toEqual({
      error: { message: "The host left in mid-answer.", type: "server_error", param: null, code: "host_lost" },
    });
  });

  it("in mid-stream is thrown by the official client", async () => {
    const { client } = await serve(scriptedBackend(failAfter));
    let text = "";
    const read = async () => {
      for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
        text += chunk.choices[0]?.delta.content ?? "";
      }
    };
    await expect(read()).rejects.toMatchObject({ code: "host_lost" });
    await expect(read()).rejects.toBeInstanceOf(APIError);
    expect(text).toBe("HelHel");
  });

  it("in mid-stream is an error to the Vercel AI SDK", async () => {
    const { url } = await serve(scriptedBackend(failAfter));
    const provider = createOpenAICompatible({ name: "peerllm", baseURL: `${url}/v1` });
    const errors: unknown[] = [];
    const answer = streamText({
      model: provider(scriptedModel.id),
      prompt: "Hi",
      maxRetries: 0,
      onError: ({ error }) => void errors.push(error),
    });
    const parts = [];
    for await (const part of answer.fullStream) parts.push(part.type);
    expect(parts).toContain("error");
    expect(errors).toMatchObject([{ code: "host_lost" }]);
    expect(await answer.finishReason).toBe("error");
  });

  it("in mid-stream is thrown by LangChain", async () => {
    const { url } = await serve(scriptedBackend(failAfter));
    const model = new ChatOpenAI({
      model: scriptedModel.id,
      apiKey: "none",
      maxRetries: 0,
      configuration: { baseURL: `${url}/v1` },
    });
    const read = async () => {
      for await (const chunk of await model.stream("Hi")) expect(chunk.text).not.toBe("never");
    };
    await expect(read()).rejects.toThrow("The host left in mid-answer.");
  });

  it("of a backend that ends too early is not taken for the end of the answer", async () => {
    const { client } = await serve(
      scriptedBackend(async function* () {
        yield { kind: "begin", receipt: null };
        yield { kind: "delta", choice: 0, text: "Hel" };
      }),
    );
    const stream = client.chat.completions.stream(request);
    await expect(stream.finalChatCompletion()).rejects.toMatchObject({ code: "unexpected" });
  });
});

describe("a client that hangs up", () => {
  it.each([true, false])("aborts the backend at once, which gets to clean up (stream: %j)", async (stream) => {
    const working = deferred<AbortSignal>();
    const cleaned = deferred();
    const { url } = await serve(
      scriptedBackend(async function* (_request, signal) {
        try {
          yield { kind: "begin", receipt: null };
          yield { kind: "delta", choice: 0, text: "Hel" };
          working.resolve(signal);
          await once(signal, "abort");
          throw signal.reason;
        } finally {
          cleaned.resolve();
        }
      }),
    );
    const hangUp = new AbortController();
    const reply = fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...request, stream }),
      signal: hangUp.signal,
    }).then((response) => response.text());
    const failed = expect(reply).rejects.toThrow();
    expect((await working.promise).aborted).toBe(false);
    hangUp.abort();
    await cleaned.promise;
    await failed;
  });
});

describe("text completions", () => {
  it("number their choices prompt by prompt", async () => {
    const { client } = await serve(
      scriptedBackend(async function* (asked) {
        yield { kind: "begin", receipt: null };
        const choices = asked.prompts.flatMap((prompt) => Array.from({ length: asked.choices }, () => prompt));
        for (const [choice, prompt] of choices.entries()) {
          yield { kind: "delta", choice, text: prompt.kind === "text" ? prompt.text : "" };
          yield { kind: "choice-end", choice, finishReason: "length" };
        }
        yield { kind: "end", usage: { promptTokens: 1, completionTokens: 1 }, summary: null };
      }),
    );
    const answer = await client.completions.create({ model: scriptedModel.id, prompt: ["a", "b"], n: 2 });
    expect(answer.choices.map(({ index, text, finish_reason }) => [index, text, finish_reason])).toEqual([
      [0, "a", "length"],
      [1, "a", "length"],
      [2, "b", "length"],
      [3, "b", "length"],
    ]);
  });
});

describe("models", () => {
  it("are listed, and found by a name with its slash encoded or not", async () => {
    const { url } = await serve(scriptedBackend());
    const model = {
      id: "acme/tiny:1.2.0",
      object: "model",
      created: 1_700_000_000,
      owned_by: "acme",
      context_length: 4_096,
    };
    expect(await (await fetch(`${url}/v1/models`)).json()).toEqual({ object: "list", data: [model] });
    expect(await (await fetch(`${url}/v1/models/acme/tiny:1.2.0`)).json()).toEqual(model);
    expect(await (await fetch(`${url}/v1/models/acme%2Ftiny%3A1.2.0`)).json()).toEqual(model);
    expect(await (await fetch(`${url}/v1/models/acme/tiny`)).json()).toEqual(model);
    expect((await fetch(`${url}/v1/models/acme/tin`)).status).toBe(404);
  });

  it("that are not there are a 404 that lists what is", async () => {
    const { url } = await serve(scriptedBackend());
    const reply = await fetch(`${url}/v1/models/gpt-4o-mini`);
    expect(reply.status).toBe(404);
    expect(await reply.text()).toContain("Available: acme/tiny:1.2.0.");
  });
});

describe("moderations", () => {
  it("come from the backend, one for each input, where it has them", async () => {
    const moderation = (flagged: boolean) => ({
      flagged,
      categories: { violence: flagged },
      category_scores: { violence: flagged ? 0.9 : 0.1 },
      category_applied_input_types: { violence: ["text" as const] },
    });
    const { client, url } = await serve({
      ...scriptedBackend(),
      moderate: async (inputs) => inputs.map((input) => moderation(input === "bad")),
    });
    const { results } = await client.moderations.create({ input: ["good", "bad"] });
    expect(results.map(({ flagged }) => flagged)).toEqual([false, true]);
    const parts = [{ type: "text", text: "bad" }];
    expect(await (await post(url, "/moderations", { input: parts })).json()).toMatchObject({
      results: [{ flagged: true }],
    });
    const image = [{ type: "image_url", image_url: { url: "x" } }];
    expect((await post(url, "/moderations", { input: image })).status).toBe(400);
    const long = ["a".repeat(150_000), "b".repeat(50_001)];
    const refused = await post(url, "/moderations", { input: long });
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: { param: "input" } }]);
  });

  it("are not found where the backend has none", async () => {
    const { client } = await serve(scriptedBackend());
    await expect(client.moderations.create({ input: "x" })).rejects.toMatchObject({ status: 404 });
  });
});

describe.runIf(hasOpenAiSchemas)("OpenAI's own schemas (skipped where ../shared is not there)", () => {
  const validators = hasOpenAiSchemas ? openAiValidators() : () => null;

  function check(schema: string, value: unknown): void {
    const validate = validators(schema);
    expect([validate?.(value), validate?.errors ?? []]).toEqual([true, []]);
  }

  it("accept bodies, lists and errors", async () => {
    const { url } = await serve(scriptedBackend(sayHello));
    check("CreateChatCompletionResponse", await (await post(url, "/chat/completions", { ...request, n: 2 })).json());
    const text = { model: scriptedModel.id, prompt: "Hi" };
    check("CreateCompletionResponse", await (await post(url, "/completions", text)).json());
    check("ListModelsResponse", await (await fetch(`${url}/v1/models`)).json());
    check("ErrorResponse", await (await post(url, "/chat/completions", {})).json());
  });

  it.each([true, false])("accept every chunk (include_usage: %j)", async (include_usage) => {
    const { url } = await serve(scriptedBackend());
    const stream = { stream: true, stream_options: { include_usage } };
    const chat = await chunksOf(await post(url, "/chat/completions", { ...request, ...stream, n: 2 }));
    for (const chunk of chat) check("CreateChatCompletionStreamResponse", chunk);
    const text = await chunksOf(await post(url, "/completions", { model: scriptedModel.id, prompt: "Hi", ...stream }));
    // The schema is the whole body's: it knows no choice that goes on, and no usage that is still to come.
    const asWhole = (key: string, value: unknown) =>
      key === "finish_reason" && value === null ? "stop" : key === "usage" && value === null ? undefined : value;
    for (const chunk of text) check("CreateCompletionResponse", JSON.parse(JSON.stringify(chunk, asWhole)));
    expect([chat.length, text.length]).toEqual(include_usage ? [11, 5] : [10, 4]);
  });
});

async function chunksOf(reply: Response): Promise<object[]> {
  const data = (await reply.text()).split("\n\n").map((event) => event.replace(/^data: /, ""));
  return data.filter((each) => each !== "" && each !== "[DONE]").map((each) => JSON.parse(each));
}
