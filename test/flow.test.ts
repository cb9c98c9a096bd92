import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ownedAccount } from "../src/ledger/account.ts";
import { parseUsd, subtractUsd } from "../src/money.ts";
import { type DemoNetwork, demoNetwork, demoReference } from "./worlds/demo-network.ts";

describe("a prompt on its way through the network", () => {
  let network: DemoNetwork;
  let client: OpenAI;

  beforeAll(async () => {
    network = await demoNetwork({ hosts: 2, tokensPerSecondMax: 80 });
    client = new OpenAI({ baseURL: `${network.url}/v1`, apiKey: network.apiKey, maxRetries: 0 });
  });
  afterAll(() => network.close());

  it("is answered by a host, and every token is paid for: 95% to the host, 5% to the network", async () => {
    const answer = await client.chat.completions.create({
      model: demoReference,
      messages: [{ role: "user", content: "What is PeerLLM?" }],
      temperature: 0,
    });
    expect(answer.choices[0]?.message.content).toContain("PeerLLM");
    expect(answer.choices[0]?.finish_reason).toBe("stop");
    const tokens = BigInt(answer.usage?.total_tokens ?? 0);
    const { available, held } = await network.books.balance(network.consumer);
    expect(held).toBe(0n);
    expect(subtractUsd(parseUsd("1"), available)).toBe(tokens * 10_000n);
    const report = await network.books.audit();
    expect(report.balanced).toBe(true);
    expect(report.totals["host-payable"]).toBe(tokens * 9_500n);
    expect(report.totals["network-revenue"]).toBe(tokens * 500n);
  });

  it("streams the same answer that it gives whole", async () => {
    const messages = [{ role: "user" as const, content: "What is PeerLLM?" }];
    const whole = await client.chat.completions.create({ model: demoReference, messages, temperature: 0 });
    const stream = await client.chat.completions.create({
      model: demoReference,
      messages,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage: unknown;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(usage).toMatchObject({ total_tokens: whole.usage?.total_tokens });
  });

  it("goes on, to the letter, when the host that answers leaves in mid-stream, and pays each for what it delivered", async () => {
    const request = {
      model: demoReference,
      messages: [{ role: "user" as const, content: "Tell me a story about a fox." }],
      temperature: 0,
    };
    const undisturbed = await client.chat.completions.create(request);
    const before = await earnedByHosts();
    const stream = await client.chat.completions.create({ ...request, stream: true });
    let text = "";
    let isKilled = false;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      if (text.length < 80 || isKilled) continue;
      isKilled = true;
      const busy = network.activeHost();
      expect(busy).toBeDefined();
      await busy?.close();
    }
    expect(text).toBe(undisturbed.choices[0]?.message.content);
    const after = await earnedByHosts();
    const gains = after.map((amount, index) => amount - (before[index] ?? 0n));
    expect(gains.every((gain) => gain > 0n)).toBe(true);
    expect(gains.reduce((sum, gain) => sum + gain, 0n)).toBe(BigInt(undisturbed.usage?.total_tokens ?? 0) * 9_500n);
    expect((await network.books.audit()).balanced).toBe(true);
  });

  async function earnedByHosts(): Promise<bigint[]> {
    const accounts = network.hosts.map(({ accountId }) => ownedAccount("host-payable", accountId));
    return Promise.all(accounts.map((account) => network.books.balanceOf(account)));
  }
});
