import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";
import type { AnswerBackend } from "../../../daemon/http/openai-routes.ts";
import type { HttpServer } from "../../../daemon/http/server.ts";
import { proxyBackend } from "../../../daemon/proxy/backend.ts";
import { startProxy } from "../../../daemon/proxy/proxy.ts";
import { createUpstream } from "../../../src/client/upstream.ts";
import { systemClock } from "../../../src/clock.ts";
import { PeerError } from "../../../src/errors.ts";
import { silentLog } from "../../../src/log.ts";
import { serveAnswers } from "../../worlds/answer-server.ts";
import { deferred } from "../../worlds/deferred.ts";
import { type Script, sayHello, scriptedBackend, scriptedModel, scriptedReceipt } from "../http/scripted-backend.ts";

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(backend: AnswerBackend, port = 0): Promise<HttpServer> {
  const server = await serveAnswers(backend, port);
  closers.push(() => server.close());
  return server;
}

const context = { log: silentLog, clock: systemClock, signal: new AbortController().signal };

async function consume(networkUrl: string, options: Record<string, unknown> = {}) {
  const proxy = await startProxy({ port: 0, networkUrl, apiKey: "sk-peerllm-test", ...options }, context);
  closers.push(() => proxy.close());
  return { proxy, client: new OpenAI({ baseURL: proxy.ready.baseUrl, apiKey: "none", maxRetries: 0 }) };
}

const request = { model: scriptedModel.id, messages: [{ role: "user" as const, content: "Hi" }] };

async function readStream(client: OpenAI, body: OpenAI.ChatCompletionCreateParamsNonStreaming = request) {
  let text = "";
  let last: unknown;
  for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
    text += chunk.choices[0]?.delta.content ?? "";
    last = chunk;
  }
  return { text, last };
}

const repeatPrompt: Script = async function* ({ prompts }) {
  yield { kind: "begin", receipt: scriptedReceipt };
  const [prompt] = prompts;
  const text = prompt?.kind === "chat" ? (prompt.messages.at(-1)?.content ?? "") : "";
  for (const char of text) yield { kind: "delta", choice: 0, text: char };
  yield { kind: "choice-end", choice: 0, finishReason: "stop" };
  yield {
    kind: "end",
    usage: { promptTokens: 1, completionTokens: 1 },
    summary: {
      receipt: scriptedReceipt,
      plan: "single",
      hosts: 1,
      largestShare: 1,
      owners: 1,
      largestAnswerShare: 1,
      failovers: 0,
      masked: {},
      costUsd: "0.00",
    },
  };
};

describe("the consumer's proxy", () => {
  it("sends no identifier to the network and gives the answer back with them", async () => {
    const network = scriptedBackend(repeatPrompt);
    const { client } = await consume((await serve(network)).url);
    const content = "Write to Maria Gonzalez <maria.gonzalez@example.com>.";
    const { text, last } = await readStream(client, { ...request, messages: [{ role: "user", content }] });
    expect(text).toBe(content);
    expect(last).toMatchObject({ peerllm: { masked: { EMAIL: 1, PERSON: 1 } } });
    expect(JSON.stringify(network.requests)).not.toMatch(/Maria|example\.com/);
    expect(network.requests[0]?.isMasked).toBe(true);
  });

  it("says where an answer is handed on only once it is whole, though it comes as a stream", async () => {
    const network = scriptedBackend();
    const { client } = await consume((await serve(network)).url);
    await client.chat.completions.create({ ...request, stream: false });
    await readStream(client);
    expect(network.requests.map(({ isWhole }) => isWhole)).toEqual([true, false]);
  });

  it("passes on what the request says, its own account's key, and its own privacy where none is said", async () => {
    const keys: (string | undefined)[] = [];
    const network = scriptedBackend();
    const { url } = await serve({
      ...network,
      async authenticate({ headers }) {
        keys.push(headers.authorization);
        return { accountId: null, apiKeyId: null };
      },
    });
    const { client } = await consume(url, { privacy: "strict" });
    await client.chat.completions.create({
      ...request,
      temperature: 0.25,
      top_p: 0.5,
      seed: 7,
      n: 2,
      stop: ["x"],
      max_tokens: 9,
    });
    expect(network.requests[0]).toMatchObject({
      sampling: { temperature: 0.25, topP: 0.5, seed: 7, maxTokens: 9, stop: ["x"] },
      choices: 2,
      privacy: "strict",
      plan: "auto",
    });
    expect(new Set(keys)).toEqual(new Set(["Bearer sk-peerllm-test"]));
  });

  it("lets any key or none through, and no web page", async () => {
    const { proxy } = await consume((await serve(scriptedBackend())).url);
    const url = `${proxy.ready.baseUrl}/models`;
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url, { headers: { authorization: "Bearer nonsense" } })).status).toBe(200);
    expect((await fetch(url, { headers: { origin: "https://evil.example" } })).status).toBe(403);
  });

  it("gives the network's refusals as they are", async () => {
    const { client } = await consume(
      (
        await serve(
          scriptedBackend(async function* () {
            yield { kind: "begin", receipt: null };
            throw new PeerError("privacy_unsatisfiable", "Only one owner is online.", { parameter: "peerllm.privacy" });
          }),
        )
      ).url,
    );
    await expect(client.chat.completions.create(request)).rejects.toMatchObject({
      status: 422,
      code: "privacy_unsatisfiable",
      param: "peerllm.privacy",
    });
    await expect(client.chat.completions.create({ ...request, model: "gpt-4o-mini" })).rejects.toThrow(
      "Available: acme/tiny:1.2.0.",
    );
  });

  it.each(["default", "auto"])(
    'takes the model "%s" for the one it was started with, else the first',
    async (model) => {
      const network = scriptedBackend();
      const { url } = await serve(network);
      const answered = await (await consume(url)).client.chat.completions.create({ ...request, model });
      expect(answered.model).toBe(scriptedModel.id);
      expect(network.requests[0]?.model).toBe(scriptedModel.id);
      const { client } = await consume(url, { model: "acme/other" });
      await expect(client.chat.completions.create({ ...request, model })).rejects.toThrow("acme/other");
    },
  );

  it("judges moderations on this machine", async () => {
    const { client } = await consume((await serve(scriptedBackend())).url);
    const { results } = await client.moderations.create({ input: ["What is the capital of France?", "x"] });
    expect(results.map(({ flagged }) => flagged)).toEqual([false, false]);
  });

  it("tells its status", async () => {
    const { proxy, client } = await consume((await serve(scriptedBackend())).url);
    await client.chat.completions.create(request);
    await expect(client.chat.completions.create({ ...request, model: "none" })).rejects.toThrow();
    expect(await proxy.control.status()).toMatchObject({
      baseUrl: proxy.ready.baseUrl,
      privacy: "standard",
      requests: { active: 0, completed: 1, failed: 1 },
    });
  });
});

describe("a network that goes away", () => {
  it("and comes back within seconds is not noticed by a request that had no answer yet", async () => {
    const first = await serve(scriptedBackend());
    const { client } = await consume(first.url);
    await first.close();
    const answer = readStream(client);
    await serve(scriptedBackend(), first.port);
    expect((await answer).text).toBe("Hello, world!");
  });

  it("also where the connection is cut after the request was sent, and before any answer", async () => {
    const asked = deferred();
    const first = await serve(
      scriptedBackend(async function* (_request, signal) {
        yield { kind: "begin", receipt: null };
        asked.resolve();
        await once(signal, "abort");
      }),
    );
    const { client } = await consume(first.url);
    const answer = readStream(client);
    await asked.promise;
    await first.close();
    await serve(scriptedBackend(), first.port);
    expect((await answer).text).toBe("Hello, world!");
  });

  it("in mid-answer ends the answer with an error, and the next request is served again", async () => {
    const halfway = deferred();
    const first = await serve(
      scriptedBackend(async function* (_request, signal) {
        yield { kind: "begin", receipt: null };
        yield { kind: "delta", choice: 0, text: "Hel" };
        halfway.resolve();
        await once(signal, "abort");
      }),
    );
    const { client } = await consume(first.url);
    const broken = expect(readStream(client)).rejects.toMatchObject({ code: "daemon_unreachable" });
    await halfway.promise;
    await first.close();
    await broken;
    const again = readStream(client);
    await serve(scriptedBackend(), first.port);
    expect((await again).text).toBe("Hello, world!");
  });

  it("for good is a 503 that says so", async () => {
    const first = await serve(scriptedBackend());
    const upstream = createUpstream({ url: first.url, apiKey: null, clock: systemClock, retryMsMax: 50 });
    closers.push(async () => upstream.close());
    await first.close();
    const front = await serve(proxyBackend({ network: upstream, local: null, masking, model: null }));
    const reply = await fetch(`${front.url}/v1/models`);
    expect([reply.status, await reply.json()]).toMatchObject([503, { error: { code: "network_unreachable" } }]);
  });

  it("before the proxy was started is told by the start", async () => {
    const first = await serve(scriptedBackend());
    await first.close();
    await expect(consume(first.url)).rejects.toMatchObject({ code: "network_unreachable" });
  });

  it("and one that does not know the key is told by the start as well", async () => {
    const { url } = await serve({
      ...scriptedBackend(),
      authenticate: async () => Promise.reject(new PeerError("authentication_failed", "Incorrect API key.")),
    });
    await expect(consume(url)).rejects.toMatchObject({ code: "authentication_failed" });
  });

  it.each([
    ["closes without a word", (socket: Socket) => socket.destroy()],
    ["answers nonsense", (socket: Socket) => socket.end("220 mail.example ESMTP\r\n")],
    ["answers a page", (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n<ok>")],
    [
      "answers another page",
      (socket: Socket) => socket.end("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 4\r\n\r\n<ok>"),
    ],
    ["redirects", (socket: Socket) => socket.end("HTTP/1.1 302 Found\r\nlocation: http://evil.example/\r\n\r\n")],
  ])("because what is there %s, is a typed error", async (_, behave) => {
    const server = createServer((socket) => socket.once("data", () => behave(socket)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(async () => server.close());
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const url = `http://127.0.0.1:${port}`;
    const upstream = createUpstream({ url, apiKey: null, clock: systemClock, retryMsMax: 50 });
    closers.push(async () => upstream.close());
    await expect(upstream.models(context.signal)).rejects.toSatisfy((error) => error instanceof PeerError);
  });
});

const masking = { key: new Uint8Array(32), ownWords: [] };

describe("a consumer that hangs up", () => {
  it("is gone for the network too", async () => {
    const working = deferred();
    const gone = deferred();
    const network = await serve(
      scriptedBackend(async function* (_request, signal) {
        yield { kind: "begin", receipt: null };
        yield { kind: "delta", choice: 0, text: "Hel" };
        working.resolve();
        await once(signal, "abort");
        gone.resolve();
        throw signal.reason;
      }),
    );
    const { client } = await consume(network.url);
    const hangUp = new AbortController();
    const stream = await client.chat.completions.create({ ...request, stream: true }, { signal: hangUp.signal });
    await working.promise;
    hangUp.abort();
    await gone.promise;
    for await (const chunk of stream) expect(chunk.choices).toHaveLength(1);
  });
});

describe("the local host behind the proxy", () => {
  async function withFallback(network: Script, local: Script = sayHello) {
    const networkServer = await serve(scriptedBackend(network));
    const localBackend = scriptedBackend(local);
    const localServer = await serve(localBackend);
    const upstream = (url: string) => createUpstream({ url, apiKey: null, clock: systemClock, retryMsMax: 50 });
    const [first, second] = [upstream(networkServer.url), upstream(localServer.url)];
    closers.push(async () => {
      first.close();
      second.close();
    });
    const front = await serve(proxyBackend({ network: first, local: second, masking, model: null }));
    const client = new OpenAI({ baseURL: `${front.url}/v1`, apiKey: "none", maxRetries: 0 });
    return { client, localBackend, networkServer, localServer };
  }
  const noHost: Script = async function* () {
    yield { kind: "begin", receipt: null };
    throw new PeerError("host_unavailable", "No host serves this model.");
  };

  it("answers where the network has no host, with the prompt as it was", async () => {
    const { client, localBackend } = await withFallback(noHost, repeatPrompt);
    const content = "Write to maria.gonzalez@example.com.";
    const { text } = await readStream(client, { ...request, messages: [{ role: "user", content }] });
    expect(text).toBe(content);
    expect(JSON.stringify(localBackend.requests)).toContain(content);
  });

  it("answers where the network can't be reached", async () => {
    const { client, networkServer } = await withFallback(sayHello);
    await networkServer.close();
    expect((await readStream(client)).text).toBe("Hello, world!");
    const listed = [];
    for await (const model of client.models.list()) listed.push(model.id);
    expect(listed).toEqual([scriptedModel.id]);
  });

  it("that can't be reached either is no reason to name it: the network's failure is told", async () => {
    const { client, networkServer, localServer } = await withFallback(sayHello);
    await Promise.all([networkServer.close(), localServer.close()]);
    const told = { code: "network_unreachable", message: expect.stringContaining(networkServer.url) };
    await expect(client.models.list()).rejects.toMatchObject(told);
    await expect(readStream(client)).rejects.toMatchObject(told);
  });

  it("does not answer what the network refused", async () => {
    const { client, localBackend } = await withFallback(async function* () {
      yield { kind: "begin", receipt: null };
      throw new PeerError("content_refused", "The prompt is refused.");
    });
    await expect(readStream(client)).rejects.toMatchObject({ code: "content_refused" });
    expect(localBackend.requests).toHaveLength(0);
  });

  it("does not take over an answer that has begun", async () => {
    const { client, localBackend } = await withFallback(async function* () {
      yield { kind: "begin", receipt: null };
      yield { kind: "delta", choice: 0, text: "Hel" };
      throw new PeerError("host_unavailable", "The last host left.");
    });
    await expect(readStream(client)).rejects.toMatchObject({ code: "host_unavailable" });
    expect(localBackend.requests).toHaveLength(0);
  });
});
