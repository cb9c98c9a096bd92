import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maskRequest } from "../../../daemon/proxy/masking.ts";
import type { AnswerEvent, AnswerRequest } from "../../../src/chat/answer.ts";
import type { Assignment } from "../../../src/pipeline/ports.ts";
import { echo, ReadingHost } from "../../worlds/reading-host.ts";
import { type ReadingNetwork, readingNetwork } from "../../worlds/reading-network.ts";

const letter = "Write to Maria Gonzalez <maria.gonzalez@example.com>, please.";
const identifiers = /Maria|Gonzalez|example\.com/;

function sampling(stop: readonly string[]): Pick<AnswerRequest, "sampling"> {
  return { sampling: { temperature: 0, topP: 1, seed: 1, maxTokens: 256, stop } };
}

async function read(events: AsyncIterable<AnswerEvent>) {
  const seen: AnswerEvent[] = [];
  for await (const event of events) seen.push(event);
  const text = seen.map((event) => (event.kind === "delta" ? event.text : "")).join("");
  const finish = seen.flatMap((event) => (event.kind === "choice-end" ? [event.finishReason] : []));
  const summary = seen.flatMap((event) => (event.kind === "end" ? [event.summary] : []))[0];
  return { text, finish, summary };
}

/** All that hosts were sent. */
function shown({ hosts }: ReadingNetwork): readonly Assignment[] {
  return hosts.flatMap(({ assignments }) => assignments);
}

describe("a request that is sent to the orchestrator directly", () => {
  it("reaches hosts without its identifiers, and its answer has them again", async () => {
    const network = readingNetwork([new ReadingHost(echo)]);
    const { text, summary } = await read(network.ask(letter));
    expect(text).toBe(letter);
    expect(JSON.stringify(shown(network))).not.toMatch(identifiers);
    expect(summary?.masked).toEqual({ EMAIL: 1, PERSON: 1 });
  });

  it("tells hosts no identifier by its stop strings either, also where only they name it", async () => {
    for (const stop of [["\nMaria Gonzalez:"], ["Gonzalez"], ["Reply to john.smith@example.com"]]) {
      const network = readingNetwork([new ReadingHost(echo)]);
      await read(network.ask(letter, sampling(stop)));
      expect(JSON.stringify(shown(network))).not.toMatch(/Maria|Gonzalez|john\.smith|example\.com/);
    }
  });

  it.each([
    ["a name", "Gonzalez", "Write to Maria "],
    ["part of a name", "onz", "Write to Maria G"],
    ["an address's sign", "@", "Write to Maria Gonzalez <maria.gonzalez"],
    ["a whole name", "Maria Gonzalez", "Write to "],
    ["what hosts may be told", "please", "Write to Maria Gonzalez <maria.gonzalez@example.com>, "],
  ])("ends before its stop string as the consumer sees the text, at %s", async (_, stop, expected) => {
    const network = readingNetwork([new ReadingHost(echo)]);
    const { text, finish } = await read(network.ask(letter, sampling([stop])));
    expect(text).toBe(expected);
    expect(finish).toEqual(["stop"]);
  });

  it("ends at any stop string where it first stands in the text, and bills no more than was made", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom(..."Marigonz@.<>[] ,") }),
        async (stop) => {
          const network = readingNetwork([new ReadingHost(echo)]);
          const at = letter.indexOf(stop);
          const { text } = await read(network.ask(letter, sampling([stop])));
          expect(text).toBe(at < 0 ? letter : letter.slice(0, at));
          expect(network.books.open.size).toBe(0);
          expect(JSON.stringify(shown(network))).not.toMatch(identifiers);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("ends as a whole at a stop string, also where it was asked to be split", async () => {
    const network = readingNetwork([new ReadingHost("Yes. END of it"), new ReadingHost("Yes. END of it")]);
    const options = { ...sampling(["END"]), plan: "split" as const };
    const { text, finish } = await read(network.ask("1. What is a fox?\n2. What is a cow?", options));
    expect(text.match(/Yes/g)).toHaveLength(1);
    expect(finish).toEqual(["stop"]);
  });

  it("has the operator's own words masked", async () => {
    const network = readingNetwork([new ReadingHost(echo)], { ownWords: ["bluebird"] });
    const { text } = await read(network.ask("Is Bluebird late?"));
    expect(text).toBe("Is Bluebird late?");
    expect(JSON.stringify(shown(network))).not.toMatch(/bluebird/i);
  });
});

describe("a request that the consumer's own machine masked", () => {
  it("reaches hosts to the letter as it left there, and comes back whole", async () => {
    const content = `${letter} He lives in [PERSON_12] and owes Gonzalez [TERM_345].`;
    const asked = {
      model: "acme/reading:1.0.0",
      choices: 1,
      privacy: "strict",
      plan: "single",
      isMasked: false,
      isWhole: false,
    } as const;
    const prompts = [{ kind: "chat" as const, messages: [{ role: "user" as const, content }] }];
    const own = { key: new Uint8Array(32), ownWords: [] };
    const { request, unmask } = maskRequest({ ...asked, ...sampling([]), prompts }, own);
    const network = readingNetwork([new ReadingHost(echo)]);
    const { text, summary } = await read(unmask(network.ask("", { ...request, privacy: "standard" })));
    expect(shown(network)[0]?.prompt).toEqual(request.prompts[0]);
    expect(JSON.stringify(shown(network))).not.toMatch(identifiers);
    expect(text).toBe(content);
    expect(summary?.masked).toMatchObject({ EMAIL: 1, PERSON: expect.any(Number) });
    expect(network.receipts[0]?.receipt.masked).toEqual({});
  });
});
