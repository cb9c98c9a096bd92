import OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";
import { openaiRoutes } from "../../../daemon/http/openai-routes.ts";
import { createHttpServer, type HttpServer } from "../../../daemon/http/server.ts";
import { silentLog } from "../../../src/log.ts";
import { type ScriptedBackend, scriptedBackend, scriptedModel, scriptedReceipt } from "./scripted-backend.ts";

const servers: HttpServer[] = [];

async function serve(backend: ScriptedBackend): Promise<{ url: string; client: OpenAI }> {
  const server = await createHttpServer({
    address: "127.0.0.1",
    port: 0,
    allowedHosts: [],
    allowedOrigins: [],
    routes: openaiRoutes(backend),
    log: silentLog,
  });
  servers.push(server);
  return { url: server.url, client: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 }) };
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe("the OpenAI surface", () => {
  it("streams a chat completion to the official client, summary in the last chunk", async () => {
    const backend = scriptedBackend();
    const { client } = await serve(backend);
    const { data: stream, response } = await client.chat.completions
      .create({ model: scriptedModel.id, messages: [{ role: "user", content: "Hi" }], stream: true })
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
    expect(backend.requests[0]?.prompts).toEqual([{ kind: "chat", messages: [{ role: "user", content: "Hi" }] }]);
  });

  it("answers a chat completion whole to the official client", async () => {
    const { client } = await serve(scriptedBackend());
    const answer = await client.chat.completions.create({
      model: scriptedModel.id,
      messages: [{ role: "user", content: "Hi" }],
      n: 2,
    });
    expect(answer.choices.map(({ message, finish_reason }) => [message.content, finish_reason])).toEqual([
      ["Hello, world!", "stop"],
      ["Hello, world!", "stop"],
    ]);
    expect(answer.usage).toEqual({ prompt_tokens: 7, completion_tokens: 6, total_tokens: 13 });
  });
});
