import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AnswerEvent } from "../../../src/chat/answer.ts";
import { isPeerError } from "../../../src/errors.ts";
import type { Assignment } from "../../../src/pipeline/ports.ts";
import { verifyReceipt } from "../../../src/verification/receipt.ts";
import { dying, echo, ReadingHost } from "../../worlds/reading-host.ts";
import { creditNanos, type ReadingNetwork, readingNetwork } from "../../worlds/reading-network.ts";

const perToken = 10_000n;
const questions = [
  "What is a fox?",
  "What do cows eat in a cold winter?",
  "Who made the first wheel?",
  "Why is ice cold?",
];
const numbered = (parts: readonly string[]) => parts.map((part, index) => `${index + 1}. ${part}`).join("\n");

async function read(events: AsyncIterable<AnswerEvent>) {
  const texts: string[] = [];
  let summary = null;
  for await (const event of events) {
    if (event.kind === "delta") texts[event.choice] = (texts[event.choice] ?? "") + event.text;
    if (event.kind === "end") summary = event.summary;
  }
  return { texts, summary };
}

/** Letters of the prompt that each owner was shown. */
function shownTo({ hosts }: ReadingNetwork): Map<string, number> {
  const shown = new Map<string, number>();
  for (const { owner, assignments } of hosts) {
    const letters = assignments.reduce((sum, assignment) => sum + textOf(assignment).length, 0);
    shown.set(owner, (shown.get(owner) ?? 0) + letters);
  }
  return shown;
}

function textOf({ prompt }: Assignment): string {
  return prompt.kind === "chat" ? prompt.messages.map(({ content }) => content).join("\n") : "";
}

function assignmentsOf({ hosts }: ReadingNetwork): readonly Assignment[] {
  return hosts.flatMap(({ assignments }) => assignments);
}

describe("strict privacy", () => {
  it("shows no owner more than half of a prompt, or refuses it before anyone sees any of it", async () => {
    const seen = { answered: 0, refused: 0 };
    const part = fc.tuple(fc.constantFrom(...questions), fc.integer({ min: 0, max: 3 }));
    const owners = fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 6 }), owners, async (parts, hostsByOwner) => {
        const hosts = hostsByOwner.flatMap((count, owner) =>
          Array.from({ length: count }, () => new ReadingHost("Yes.", true, `owner ${owner}`)),
        );
        const network = readingNetwork(hosts);
        const prompt = numbered(parts.map(([text, more]) => text.replace("?", `${" in the old days".repeat(more)}?`)));
        try {
          await read(network.ask(prompt, { privacy: "strict" }));
          seen.answered += 1;
        } catch (error) {
          if (!isPeerError(error, "privacy_unsatisfiable")) throw error;
          expect(assignmentsOf(network)).toEqual([]);
          seen.refused += 1;
        }
        for (const letters of shownTo(network).values()) expect(letters).toBeLessThanOrEqual(prompt.length / 2);
        for (const { receipt } of network.receipts) expect(receipt.largestPromptShare).toBeLessThanOrEqual(0.5);
        expect(network.books.open.size).toBe(0);
      }),
      { numRuns: 40, seed: 3 },
    );
    expect(seen.answered).toBeGreaterThan(3);
    expect(seen.refused).toBeGreaterThan(3);
  });

  it("counts what the host saw that died, and has another owner take its place", async () => {
    let deaths = 0;
    const mortal = () => {
      deaths += 1;
      return deaths === 1 ? `Ye${dying}` : "Yes.";
    };
    const network = readingNetwork([0, 1, 2, 3].map(() => new ReadingHost(mortal)));
    const prompt = numbered(questions.slice(0, 3));
    const { summary } = await read(network.ask(prompt, { privacy: "strict" }));
    for (const letters of shownTo(network).values()) expect(letters).toBeLessThanOrEqual(prompt.length / 2);
    expect(summary?.largestShare).toBeLessThanOrEqual(0.5);
    expect(summary).toMatchObject({ hosts: 4, owners: 4, failovers: 1 });
    expect(network.receipts[0]?.receipt.failovers).toBe(1);
    expect(assignmentsOf(network)).toHaveLength(4);
  });

  it("refuses what would go whole to an owner: one question, an answer wanted twice", async () => {
    const network = readingNetwork([new ReadingHost(echo), new ReadingHost(echo)]);
    for (const choices of [1, 2]) {
      const asked = read(network.ask("What is a fox?", { privacy: "strict", choices }));
      await expect(asked).rejects.toMatchObject({ code: "privacy_unsatisfiable", parameter: "peerllm.privacy" });
    }
    expect(assignmentsOf(network)).toEqual([]);
    expect(network.books.credit).toBe(creditNanos);
  });

  it("takes several prompts of which no owner gets more than half", async () => {
    const network = readingNetwork([new ReadingHost(echo), new ReadingHost(echo)]);
    const prompts = ["What is a fox?", "What is a cow?"].map((text) => ({ kind: "text" as const, text }));
    const { texts, summary } = await read(network.ask("", { privacy: "strict", prompts }));
    expect(texts).toEqual(["What is a fox?", "What is a cow?"]);
    expect(summary).toMatchObject({ plan: "batch", hosts: 2, owners: 2, largestShare: 0.5, failovers: 0 });
  });
});

describe("a batch", () => {
  it("of answers to one prompt goes to hosts of different owners, each paid for its prompt and its answer", async () => {
    const network = readingNetwork([0, 1, 2].map(() => new ReadingHost("An animal.")));
    const prompt = "What is a fox?";
    const { texts, summary } = await read(network.ask(prompt, { choices: 3 }));
    expect(texts).toEqual(["An animal.", "An animal.", "An animal."]);
    expect(network.hosts.map(({ assignments }) => assignments.length)).toEqual([1, 1, 1]);
    expect(new Set(network.hosts.map(({ assignments }) => assignments[0]?.sampling.seed)).size).toBe(3);
    expect(summary).toMatchObject({ plan: "batch", hosts: 3 });
    const each = BigInt(prompt.length + "An animal.".length);
    expect(network.books.charged).toBe(3n * each * perToken);
    const [receipt] = network.receipts;
    expect(receipt?.receipt.usage).toEqual({ promptTokens: 3 * prompt.length, completionTokens: 30 });
    expect(receipt?.receipt.unbilled).toEqual({ overCap: 0, unused: 0 });
    if (receipt !== undefined) verifyReceipt(receipt);
  });

  it("of prompts keeps them apart: a host gets one at a time, and answers come in the order of the prompts", async () => {
    const network = readingNetwork([0, 1, 2, 3].map(() => new ReadingHost(echo)));
    const prompts = Array.from({ length: 10 }, (_, index) => ({ kind: "text" as const, text: `Count to ${index}.` }));
    const { texts } = await read(network.ask("", { prompts, choices: 2 }));
    expect(texts).toEqual(prompts.flatMap(({ text }) => [text, text]));
    expect(assignmentsOf(network)).toHaveLength(20);
  });
});

describe("what a receipt says of tokens", () => {
  it("adds up where a split request is charged less than its hosts worked on", async () => {
    const network = readingNetwork([0, 1].map(() => new ReadingHost("Yes.")));
    const system = { role: "system" as const, content: "You are a friendly teacher of small children. ".repeat(6) };
    const messages = [system, { role: "user" as const, content: numbered(questions) }];
    await read(network.ask("", { prompts: [{ kind: "chat", messages }], plan: "split" }));
    const [receipt] = network.receipts;
    if (receipt === undefined) throw new Error("No receipt was kept.");
    const { usage, unbilled, subtasks } = receipt.receipt;
    const worked = subtasks
      .flatMap(({ legs }) => legs)
      .reduce((sum, leg) => sum + leg.promptTokens + leg.completionTokens, 0);
    expect(unbilled.overCap).toBeGreaterThan(0);
    expect(usage.promptTokens + usage.completionTokens + unbilled.overCap).toBe(worked);
    expect(network.books.charged).toBe(BigInt(usage.promptTokens + usage.completionTokens) * perToken);
    verifyReceipt(receipt);
  });

  it("adds up where a host was lost: what it was sent in vain is free", async () => {
    let deaths = 0;
    const mortal = () => {
      deaths += 1;
      return deaths === 1 ? `Ye${dying}` : "Yes.";
    };
    const network = readingNetwork([0, 1].map(() => new ReadingHost(mortal)));
    const { texts } = await read(network.ask("What is a fox?"));
    expect(texts).toEqual(["Yes."]);
    const [receipt] = network.receipts;
    expect(receipt?.receipt.usage).toEqual({ promptTokens: 14, completionTokens: 4 });
    expect(receipt?.receipt.unbilled).toEqual({ overCap: 0, unused: 14 });
    if (receipt !== undefined) verifyReceipt(receipt);
  });
});
