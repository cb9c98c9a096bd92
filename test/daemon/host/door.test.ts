import OpenAI from "openai";
import { expect, it, onTestFinished, vi } from "vitest";
import { networkMethods } from "../../../src/protocol/control-methods.ts";
import { endlessQuestion } from "../../worlds/answers.ts";
import { demoNetwork, demoReference } from "../../worlds/demo-network.ts";

it("a network's only host whose engine crashes is given its answer again when the engine is back, and not before", async () => {
  const network = await demoNetwork({ hosts: 1 });
  onTestFinished(() => network.close());
  const client = new OpenAI({ baseURL: `${network.url}/v1`, apiKey: network.apiKey, maxRetries: 0 });
  const request = {
    model: demoReference,
    messages: [{ role: "user" as const, content: endlessQuestion }],
    temperature: 0,
    max_tokens: 700,
  };
  const undisturbed = await client.chat.completions.create(request);
  let text = "";
  let last: unknown;
  for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
    if (text === "" && chunk.choices[0]?.delta.content) {
      network.hosts[0]?.crashEngine();
      await vi.waitUntil(async () => (await hostStates()).includes("degraded"), { timeout: 10_000, interval: 5 });
    }
    text += chunk.choices[0]?.delta.content ?? "";
    last = chunk;
  }
  expect(text).toBe(undisturbed.choices[0]?.message.content);
  expect(last).toMatchObject({ peerllm: { hosts: 1, failovers: 1 } });
  expect(await hostStates()).toEqual(["serving"]);

  async function hostStates(): Promise<readonly string[]> {
    const found = await network.control.hosts?.({}, new AbortController().signal);
    return networkMethods.hosts.result.parse(found).hosts.map(({ state }) => state);
  }
});
