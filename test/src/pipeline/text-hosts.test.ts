import { describe, expect, it } from "vitest";
import { verifyReceipt } from "../../../src/verification/receipt.ts";
import { ReadingHost } from "../../worlds/reading-host.ts";
import { readingNetwork } from "../../worlds/reading-network.ts";

const story = "A fox went out. It met a hen there. They talked all day. Then they went home";
const prompt = "Tell me a story.";
const perToken = 10_000n;

describe("a host that sends text without token ids", () => {
  it("is paid for what the orchestrator counts, whatever its statement claims", async () => {
    const network = readingNetwork([new ReadingHost(story, false)]);
    let text = "";
    for await (const event of network.ask(prompt)) if (event.kind === "delta") text += event.text;
    expect(text).toBe(story);
    expect(network.books.charged).toBe(BigInt(prompt.length + story.length) * perToken);
    expect(network.books.paidToHosts * 100n).toBe(network.books.charged * 95n);
    const [receipt] = network.receipts;
    expect(receipt?.receipt.subtasks[0]?.legs[0]?.statement?.completionTokens).toBe(1_000_000);
    expect(receipt?.receipt.usage.completionTokens).toBe(story.length);
    if (receipt !== undefined) verifyReceipt(receipt);
  });

  it("is paid for what was released when the consumer hangs up", async () => {
    const network = readingNetwork([new ReadingHost(story, false)]);
    let text = "";
    for await (const event of network.ask(prompt)) {
      if (event.kind !== "delta") continue;
      text += event.text;
      if (text.includes("hen")) break;
    }
    expect(text.length).toBeLessThan(story.length);
    const tokens = Number(network.books.charged / perToken) - prompt.length;
    expect(tokens).toBeGreaterThanOrEqual(text.trimEnd().length - "there.".length - 1);
    expect(tokens).toBeLessThanOrEqual(text.length);
  });

  it("is cut when it sends more than was asked for, which nobody pays for", async () => {
    const network = readingNetwork([new ReadingHost(story.repeat(8), false)]);
    const events = [];
    const sampling = { temperature: 0, topP: 1, seed: 1, maxTokens: 40, stop: [] };
    for await (const event of network.ask(prompt, { sampling })) events.push(event);
    expect(events.find((event) => event.kind === "choice-end")?.finishReason).toBe("length");
    expect(network.books.charged).toBe(BigInt(prompt.length + 40) * perToken);
  });
});
