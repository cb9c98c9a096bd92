import { stat } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRenderer } from "../../../../daemon/llama/renderer.ts";
import { conversation } from "../../../../src/models/demo/train/corpus.ts";
import { randomFrom } from "../../../../src/models/demo/train/random.ts";
import { type Conversation, promptTokens } from "../../../../src/models/demo/train/template.ts";
import { packageFile } from "../../../../src/paths.ts";
import { allChecks, type Check } from "./checks.ts";
import { type DemoChat, openDemo } from "./demo-chat.ts";

let demo: DemoChat;
beforeAll(async () => {
  demo = await openDemo();
});
afterAll(() => demo.close());

const perSkill = 24;
const checks = allChecks(perSkill);

/** Evenly spread over the checks of a skill, so that the sample is the same in every run. */
function sampleOf(skill: string): Check[] {
  const all = checks.filter((check) => check.skill === skill);
  const step = Math.max(1, Math.floor(all.length / 60));
  return all.filter((_, index) => index % step === 0);
}

describe("the demo model, greedily", () => {
  /** Each with the least share of right answers; `evaluate.ts` prints the exact figures, the card has them. */
  it.each([
    ["faq, held-out phrasing", 0.7],
    ["facts, held-out phrasing", 0.9],
    ["several questions, numbered", 0.8],
    ["several questions, plain", 0.5],
    ["late in a long chat", 0.9],
    ["follow-up", 0.9],
    ["memory of an earlier turn", 0.9],
    ["story", 0.9],
    ["list summary", 0.65],
    ["notes summary", 0.6],
    ["text summary", 0.6],
    ["placeholders and names, copied", 0.75],
    ["placeholders in free wording", 0.7],
    ["tool call", 0.65],
    ["tool result used", 0.85],
    ["don't know", 0.9],
  ] as const)("%s: at least %d right", async (skill, share) => {
    const wrong: object[] = [];
    const sample = sampleOf(skill);
    for (const check of sample) {
      const { text, tokens } = await demo.answer(check.conversation);
      if (!check.isRight(text, tokens)) wrong.push({ expected: check.expected, answer: text });
    }
    expect(1 - wrong.length / sample.length, JSON.stringify(wrong.slice(0, 3), undefined, 1)).toBeGreaterThanOrEqual(
      share,
    );
  });

  it("copies a placeholder of every index digit for digit", async () => {
    const indices = [1, 7, 10, 47, 88, 112, 300, 456, 731, 999];
    const copied: boolean[] = [];
    for (const index of indices) {
      const content = `Write a letter to [PERSON_${index}] and ask for a meeting.`;
      const { text } = await demo.answer({ turns: [{ role: "user", content }] });
      copied.push(text.startsWith(`Dear [PERSON_${index}],`));
    }
    expect(copied.filter(Boolean).length).toBeGreaterThanOrEqual(9);
  });
});

describe("the file of the demo model", () => {
  it("is at most 5 MB", async () => {
    expect((await stat(packageFile("src/models/demo/demo.gguf"))).size).toBeLessThanOrEqual(5_000_000);
  });

  it("has a tokenizer with which llama.cpp makes the ids of training", () => {
    const random = randomFrom(23);
    const texts = [
      "Ünïcode – “quotes” 日本語 🙂\n\n  two  spaces\tTab\r\nIt's I'LL 12345 [PERSON_47]",
      "   lead",
      "a\n \n b",
      " \n",
    ];
    for (let index = 0; index < 40; index++) {
      for (const turn of conversation(random, { exchangesMax: 4, repeatShare: 0.2 }).turns) {
        if ("content" in turn) texts.push(turn.content);
      }
    }
    for (const text of texts) expect(demo.model.tokenize(text), text).toEqual(demo.tokenizer.encode(text));
  });

  it("has a template that renders to the tokens of training", () => {
    const renderer = createRenderer(demo.model);
    const turns: Conversation["turns"] = [
      { role: "user", content: "What is PeerLLM?" },
      { role: "assistant", content: "A network." },
      { role: "user", content: " Thanks!\n" },
    ];
    const messages = turns.flatMap((turn) => ("content" in turn ? [{ role: turn.role, content: turn.content }] : []));
    const system = "Answer briefly.";
    expect(renderer.render({ kind: "chat", messages })).toEqual(promptTokens({ turns }, demo.tokenizer));
    expect(renderer.render({ kind: "chat", messages: [{ role: "system", content: system }, ...messages] })).toEqual(
      promptTokens({ system, turns }, demo.tokenizer),
    );
  });
});
