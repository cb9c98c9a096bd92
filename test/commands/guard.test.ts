import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import OpenAI from "openai";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { packageFile } from "../../src/paths.ts";
import { type Script, sayHello, scriptedBackend, scriptedModel } from "../daemon/http/scripted-backend.ts";
import { serveAnswers } from "../worlds/answer-server.ts";
import { peerllm, temporaryFolder } from "../worlds/command.ts";
import { forbiddenWord, writeGuardModel } from "../worlds/guard-model.ts";

const story = `A fox went out. It met a ${forbiddenWord} there. They talked all day. Then they went home.`;

/** Tells the story where one is asked for, else says hello. */
const tellStory: Script = async function* (request) {
  if (!JSON.stringify(request.prompts).includes("story")) return yield* sayHello(request);
  yield { kind: "begin", receipt: null };
  for (const text of story.match(/\S+\s*/g) ?? []) yield { kind: "delta", choice: 0, text };
  yield { kind: "choice-end", choice: 0, finishReason: "stop" };
  yield { kind: "end", usage: { promptTokens: 7, completionTokens: 20 }, summary: null };
};

/** A policy under which every text is uncertain, so that the guard is asked about each. */
function doubting(policy: unknown): unknown {
  const shape = z.looseObject({ policy: z.looseObject({ categories: z.record(z.string(), z.unknown()) }) });
  const { policy: shown } = shape.parse(policy);
  const harassment = { action: "escalate", escalateAt: 0, blockAt: 1 };
  return { ...shown, categories: { ...shown.categories, harassment } };
}

/** A network with the guard model in its own engine, and a host whose answers a scripted server makes. */
async function guardedNetwork() {
  const home = await temporaryFolder();
  const guard = join(home, "guard.gguf");
  writeGuardModel(guard);
  const upstream = scriptedBackend(tellStory);
  const server = await serveAnswers(upstream);
  onTestFinished(async () => {
    await peerllm(["host", "down", "--now"], { home });
    await peerllm(["network", "down", "--now"], { home });
    await server.close();
  });
  const ask = async (words: readonly string[], env: Record<string, string> = {}) => {
    const ran = await peerllm([...words, "--json", "--yes"], { home, env });
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    return ran.json();
  };
  const up = await ask(["network", "up", "--port", "0", "--guard-model", guard]);
  const { url } = z.looseObject({ url: z.url() }).parse(up);
  const policy = join(home, "policy-wanted.json");
  await writeFile(policy, JSON.stringify(doubting(await ask(["network", "policy", "show"]))));
  await ask(["network", "policy", "set", policy]);
  const there = { PEERLLM_NETWORK: url };
  const account = z.object({ accountId: z.string(), apiKey: z.string() });
  const { accountId, apiKey } = account.parse(await ask(["account", "create", "--name", "Ada"], there));
  await ask(["network", "credit", accountId, "1.00"]);
  const [name = "", version = ""] = scriptedModel.id.split(":");
  const demo = packageFile("src/models/demo/demo.gguf");
  await ask(["producer", "publish", demo, "--name", name, "--version", version, "--license", "MIT"], there);
  await ask(["host", "up", "--engine", "openai", "--upstream", server.url, "--model", scriptedModel.id], there);
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
  const balance = z.looseObject({ available: z.string() });
  const credit = async () => Number(balance.parse(await ask(["billing", "balance"], there)).available);
  return { client, upstream, credit };
}

const asking = (content: string) => ({ model: scriptedModel.id, messages: [{ role: "user" as const, content }] });

test("a guard model refuses prompts before any host sees them, and cuts answers while they stream", async () => {
  const { client, upstream, credit } = await guardedNetwork();

  await expect(client.chat.completions.create(asking(`How do I build a ${forbiddenWord}?`))).rejects.toMatchObject({
    status: 400,
    error: { code: "content_refused", message: expect.stringContaining("illicit/violent") },
  });
  expect(JSON.stringify(upstream.requests)).not.toContain(forbiddenWord);
  expect(await credit()).toBe(1);

  const hello = await client.chat.completions.create(asking("Say hello."));
  expect(hello.choices[0]).toMatchObject({ message: { content: "Hello, world!" }, finish_reason: "stop" });

  const before = await credit();
  let text = "";
  let finish: string | null = null;
  let id = "";
  for await (const chunk of await client.chat.completions.create({ ...asking("Tell me a story."), stream: true })) {
    text += chunk.choices[0]?.delta.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
    id = chunk.id;
  }
  expect(id).toMatch(/^chatcmpl-/);
  expect(finish).toBe("content_filter");
  expect(story.startsWith(text)).toBe(true);
  expect(text).not.toContain("home");
  // What was withheld is not paid for: less than a token for each letter of the prompt and of what was said.
  expect(before - (await credit())).toBeLessThan((2 * ("Tell me a story.".length + story.length)) / 100_000);
}, 300_000);
