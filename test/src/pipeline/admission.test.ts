import { describe, expect, it, vi } from "vitest";
import type { AnswerEvent, AnswerRequest } from "../../../src/chat/answer.ts";
import type { Tokenizers } from "../../../src/pipeline/ports.ts";
import { letterTokenizers } from "../../worlds/dispatch-simulation.ts";
import { dying, echo, ReadingHost } from "../../worlds/reading-host.ts";
import { creditNanos, readingNetwork } from "../../worlds/reading-network.ts";

const perToken = 10_000n;
const greedy = { temperature: 0, topP: 1, seed: 1, maxTokens: 256, stop: [] };

async function read(events: AsyncIterable<AnswerEvent>): Promise<readonly AnswerEvent[]> {
  const all = [];
  for await (const event of events) all.push(event);
  return all;
}

/** A network that notes how often its vocabulary was asked. */
function countedNetwork() {
  const asked = { renders: 0 };
  const tokenizers: Tokenizers = {
    ...letterTokenizers,
    render(...question) {
      asked.renders += 1;
      return letterTokenizers.render(...question);
    },
  };
  return { asked, network: readingNetwork([new ReadingHost(echo)], { tokenizers }) };
}

describe("a request is refused before any host sees it, and holds nothing,", () => {
  it.each<[string, string, string, Partial<AnswerRequest>]>([
    ["when its prompt is empty", "", "request_invalid", { prompts: [{ kind: "text", text: "" }] }],
    ["when its prompt stays whole and is too long", "word ".repeat(1_000), "context_length_exceeded", {}],
    [
      "when one of several prompts is too long",
      "",
      "context_length_exceeded",
      { prompts: ["a", "b".repeat(4_096)].map((text) => ({ kind: "text", text })) },
    ],
  ])("%s", async (_when, text, code, changes) => {
    const network = readingNetwork([new ReadingHost(echo)]);
    const parameter = changes.prompts === undefined ? "messages" : "prompt";
    await expect(read(network.ask(text, changes))).rejects.toMatchObject({ code, parameter });
    expect(network.hosts.flatMap(({ assignments }) => assignments)).toEqual([]);
    expect(network.books).toMatchObject({ credit: creditNanos, charged: 0n });
    expect(network.books.open.size).toBe(0);
  });

  it("and before its vocabulary is asked, when no division could make it fit", async () => {
    const { asked, network } = countedNetwork();
    const endless = "word ".repeat(500_000);
    await expect(read(network.ask(endless))).rejects.toMatchObject({ code: "context_length_exceeded" });
    expect(asked.renders).toBe(0);
  });

  it("and before anything is held, when it has more tokens than all the contexts it could be divided among", async () => {
    const network = readingNetwork([new ReadingHost(echo)]);
    const hold = vi.spyOn(network.books, "hold");
    const endless = `Translate each of these sentences:\n${`- ${"word ".repeat(1_000)}\n`.repeat(40)}`;
    await expect(read(network.ask(endless))).rejects.toMatchObject({ code: "context_length_exceeded" });
    expect(hold).not.toHaveBeenCalled();
  });

  it("and before its vocabulary is asked, when there is no credit for the least it can cost", async () => {
    const { asked, network } = countedNetwork();
    network.books.credit = 100n * perToken;
    await expect(read(network.ask("word ".repeat(700)))).rejects.toMatchObject({ code: "insufficient_quota" });
    expect(asked.renders).toBe(0);
  });
});

describe("an answer that breaks off", () => {
  const dyingHost = () => new ReadingHost(`It went well. Until it did not${dying}`, false);

  it("is billed as far as it was seen, where it streams", async () => {
    const network = readingNetwork([dyingHost()]);
    await expect(read(network.ask("Tell me."))).rejects.toMatchObject({ code: "host_lost" });
    expect(network.books.charged).toBeGreaterThan(BigInt("Tell me.".length) * perToken);
  });

  it("is billed as far as it was read by who leaves it, also where it was to come whole", async () => {
    const network = readingNetwork([new ReadingHost(echo)]);
    const asked = "It went well. ".repeat(16);
    for await (const event of network.ask(asked, { isWhole: true })) if (event.kind === "delta") break;
    expect(network.books.charged).toBeGreaterThan(BigInt(asked.length) * perToken);
    expect(network.books.open.size).toBe(0);
  });

  it("costs nothing where it was to come whole: nobody saw a word of it", async () => {
    const network = readingNetwork([dyingHost()]);
    await expect(read(network.ask("Tell me.", { isWhole: true }))).rejects.toMatchObject({ code: "host_lost" });
    expect(network.books).toMatchObject({ credit: creditNanos, charged: 0n });
    expect(network.books.open.size).toBe(0);
  });
});

it("an answer of no tokens is billed for its prompt, and has a receipt", async () => {
  const network = readingNetwork([new ReadingHost("")]);
  const events = await read(network.ask("Say nothing."));
  const promptTokens = "Say nothing.".length;
  expect(events.at(-1)).toMatchObject({ kind: "end", usage: { promptTokens, completionTokens: 0 } });
  expect(network.books.charged).toBe(BigInt(promptTokens) * perToken);
  expect(network.receipts).toHaveLength(1);
});

it("answers to a prompt are seeded by their number among them, wherever the prompt stands", async () => {
  const network = readingNetwork([new ReadingHost(echo)]);
  const prompts = ["one", "two"].map((text) => ({ kind: "text" as const, text }));
  await read(network.ask("", { prompts, choices: 2, sampling: { ...greedy, seed: 7 } }));
  const seeds = network.hosts.flatMap(({ assignments }) => assignments.map(({ sampling }) => sampling.seed));
  expect(seeds.toSorted()).toEqual([7, 7, 8, 8]);
});
