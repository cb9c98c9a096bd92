import { describe, expect, it } from "vitest";
import type { Tokenizers } from "../../../src/pipeline/ports.ts";
import { PromptMeter } from "../../../src/pipeline/prompt-meter.ts";
import { letterTokenizers } from "../../worlds/dispatch-simulation.ts";
import { ReadingHost } from "../../worlds/reading-host.ts";
import { readingNetwork } from "../../worlds/reading-network.ts";

function countedTokenizers() {
  const asked = { render: 0, verbalise: 0 };
  const tokenizers: Tokenizers = {
    ...letterTokenizers,
    render(...question) {
      asked.render += 1;
      return letterTokenizers.render(...question);
    },
    verbalise(...question) {
      asked.verbalise += 1;
      return letterTokenizers.verbalise(...question);
    },
  };
  return { asked, tokenizers };
}

describe("the prompts of a request", () => {
  it("are measured once each, whoever asks, and an equal one of another request again", async () => {
    const { asked, tokenizers } = countedTokenizers();
    const meter = new PromptMeter("", tokenizers);
    const prompt = { kind: "text" as const, text: "What is a fox?" };
    const [first, second] = await Promise.all([meter.measure(prompt), meter.measure(prompt)]);
    expect(first).toBe(second);
    expect(first.tokens).toHaveLength(prompt.text.length);
    expect(asked.render).toBe(2);
    await meter.measure({ ...prompt });
    expect(asked.render).toBe(4);
  });

  it.each([
    ["once where nothing in them is masked", "What is a fox?", 2],
    ["twice where something is", "Write to maria.gonzalez@example.com, please.", 4],
  ])("cost two questions to the vocabulary, %s", async (_, text, questions) => {
    const { asked, tokenizers } = countedTokenizers();
    const network = readingNetwork([new ReadingHost("An animal.")], { tokenizers });
    for await (const event of network.ask(text)) expect(event).toBeDefined();
    expect(asked).toEqual({ render: questions, verbalise: 1 });
  });
});
