import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maskRequest } from "../../../daemon/proxy/masking.ts";
import type { AnswerEvent, AnswerRequest } from "../../../src/chat/answer.ts";
import { isPeerError } from "../../../src/errors.ts";

const options = { key: new Uint8Array(32), ownWords: [] };
const letter = "Write to Maria Gonzalez <maria.gonzalez@example.com>, please.";

function ask(content: string, more: Partial<AnswerRequest> = {}, stop: readonly string[] = []): AnswerRequest {
  return {
    model: "acme/tiny",
    prompts: [{ kind: "chat", messages: [{ role: "user", content }] }],
    sampling: { temperature: 0, topP: 1, seed: 1, maxTokens: null, stop },
    choices: 1,
    privacy: "standard",
    plan: "auto",
    isMasked: false,
    isWhole: false,
    ...more,
  };
}

function sentText({ prompts, sampling }: AnswerRequest): string {
  return JSON.stringify([prompts, sampling.stop]);
}

/** What the host would see of `content`. */
function masked(content: string): string {
  const [prompt] = maskRequest(ask(content), options).request.prompts;
  return prompt?.kind === "chat" ? (prompt.messages[0]?.content ?? "") : "";
}

const end: AnswerEvent = {
  kind: "end",
  usage: { promptTokens: 1, completionTokens: 1 },
  summary: {
    receipt: "r",
    plan: "single",
    hosts: 1,
    largestShare: 1,
    owners: 1,
    largestAnswerShare: 1,
    failovers: 0,
    masked: { EMAIL: 1, IP: 2 },
    costUsd: "0.00",
  },
};

/** An answer of one choice in these pieces, as a host makes it that knows placeholders only. */
async function* answerOf(pieces: readonly string[], choice = 0): AsyncGenerator<AnswerEvent> {
  yield { kind: "begin", receipt: "r" };
  for (const text of pieces) yield { kind: "delta", choice, text };
  yield { kind: "choice-end", choice, finishReason: "length" };
  yield end;
}

async function read(events: AsyncIterable<AnswerEvent>) {
  const seen: AnswerEvent[] = [];
  for await (const event of events) seen.push(event);
  const text = seen.map((event) => (event.kind === "delta" ? event.text : "")).join("");
  const reasons = seen.flatMap((event) => (event.kind === "choice-end" ? [event.finishReason] : []));
  return { seen, text, reasons };
}

function cut(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  );
}

describe("a request that leaves this machine", () => {
  it("has no identifier in it, and says that it was masked", () => {
    const { request } = maskRequest(ask(letter), options);
    expect(request.isMasked).toBe(true);
    expect(sentText(request)).not.toMatch(/Maria|Gonzalez|example\.com/);
  });

  it("has none in its stop strings either, also where only they name it", () => {
    const { request } = maskRequest(ask("Say something.", {}, ["Reply to john.smith@example.com"]), options);
    expect(sentText(request)).not.toContain("john.smith");
  });

  it("masks the user's own words", () => {
    const { request } = maskRequest(ask("Is Bluebird late?"), { ...options, ownWords: ["bluebird"] });
    expect(sentText(request)).not.toMatch(/bluebird/i);
  });

  it("masks text prompts, each with a vault of its own", () => {
    const prompts = [letter, "Mail bob.jones@example.org now."].map((text) => ({ kind: "text" as const, text }));
    const { request } = maskRequest(ask("", { prompts }), options);
    expect(sentText(request)).not.toMatch(/example\.(com|org)/);
  });

  it("is not made of token ids, which can't be masked here", () => {
    const prompts = [{ kind: "tokens" as const, tokens: [1, 2] }];
    expect(() => maskRequest(ask("", { prompts }), options)).toThrow(
      expect.toSatisfy((error) => isPeerError(error, "parameter_unsupported")),
    );
  });

  it("keeps the beginning of its conversation to the letter when a turn is added", () => {
    const first = [{ role: "user" as const, content: letter }];
    const second = [
      ...first,
      { role: "assistant" as const, content: "Done." },
      { role: "user" as const, content: "And to Peter Schmidt." },
    ];
    const messages = (conversation: typeof second) => {
      const [prompt] = maskRequest(
        ask("", { prompts: [{ kind: "chat", messages: conversation }] }, ["Tom Baker"]),
        options,
      ).request.prompts;
      return prompt?.kind === "chat" ? prompt.messages : [];
    };
    expect(messages(second).slice(0, 1)).toEqual(messages(first));
  });
});

describe("an answer that comes back", () => {
  it("has the identifiers again, however it is cut, and both counts of what was masked", async () => {
    const { unmask } = maskRequest(ask(letter), options);
    for (const size of [1, 2, 3, 7, 1_000]) {
      const { text, seen } = await read(unmask(answerOf(cut(masked(letter), size))));
      expect(text).toBe(letter);
      expect(seen.at(-1)).toMatchObject({ summary: { masked: { EMAIL: 2, IP: 2, PERSON: 1 } } });
    }
  });

  it("keeps its choices apart, each with the vault of its prompt", async () => {
    const texts = [letter, "Mail bob.jones@example.org now."];
    const prompts = texts.map((text) => ({ kind: "text" as const, text }));
    const { request, unmask } = maskRequest(ask("", { prompts, choices: 2 }), options);
    async function* events(): AsyncGenerator<AnswerEvent> {
      for (const choice of [3, 0, 2, 1]) {
        const prompt = request.prompts[Math.floor(choice / 2)];
        yield { kind: "delta", choice, text: prompt?.kind === "text" ? prompt.text : "" };
      }
      for (const choice of [0, 1, 2, 3]) yield { kind: "choice-end", choice, finishReason: "stop" };
    }
    const said = ["", "", "", ""];
    for await (const event of unmask(events())) {
      if (event.kind === "delta") said[event.choice] += event.text;
    }
    expect(said).toEqual([texts[0], texts[0], texts[1], texts[1]]);
  });
});

describe("stop strings of a masked request", () => {
  it("go along as they are where nothing was masked, and are left to the host", async () => {
    const { request, unmask } = maskRequest(ask("Count to ten.", {}, ["]", "five"]), options);
    expect(request.sampling.stop).toEqual(["]", "five"]);
    expect((await read(unmask(answerOf(["one five two"])))).text).toBe("one five two");
  });

  it("that name an identifier go along masked", () => {
    const { request } = maskRequest(ask(letter, {}, ["\nMaria Gonzalez:"]), options);
    const person = /\[PERSON_\d+\]/.exec(masked(letter))?.[0];
    expect(request.sampling.stop).toEqual([`\n${person}:`]);
  });

  it.each(["]", "[", "_", "PERSON", "EMAIL_", "x["])("that could cut a placeholder stay here: %j", (stop) => {
    expect(maskRequest(ask(letter, {}, [stop, "\nUser:"]), options).request.sampling.stop).toEqual(["\nUser:"]);
  });

  it.each([
    ["a name", "Gonzalez", "Write to Maria "],
    ["part of a name", "onz", "Write to Maria G"],
    ["an address's sign", "@", "Write to Maria Gonzalez <maria.gonzalez"],
    ["a name and what follows", "Gonzalez <", "Write to Maria "],
    ["a bracket no placeholder shows", "]", letter],
  ])("end the answer as the caller sees it, at %s", async (_, stop, expected) => {
    const { unmask } = maskRequest(ask(letter, {}, [stop]), options);
    for (const size of [1, 4, 1_000]) {
      const { text, reasons, seen } = await read(unmask(answerOf(cut(masked(letter), size))));
      expect(text).toBe(expected);
      expect(reasons).toEqual([expected === letter ? "length" : "stop"]);
      expect(seen.at(-1)).toMatchObject({ kind: "end" });
    }
  });

  it("end any answer where they first stand in the text the caller sees", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom(..."Marigonz@.<>[] ,") }),
        fc.integer({ min: 1, max: 9 }),
        async (stop, size) => {
          const { unmask } = maskRequest(ask(letter, {}, [stop]), options);
          const at = letter.indexOf(stop);
          const { text } = await read(unmask(answerOf(cut(masked(letter), size))));
          expect(text).toBe(at < 0 ? letter : letter.slice(0, at));
        },
      ),
    );
  });
});
