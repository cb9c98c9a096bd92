import { expect, test } from "vitest";
import type { Message, Prompt } from "../../../src/chat/message.ts";
import type { Plan } from "../../../src/planning/plan.ts";
import { planRequest } from "../../../src/planning/planner.ts";
import type { PlanOptions } from "../../../src/planning/request.ts";
import { type PlannedPrompt, plannedPrompts } from "../../fixtures/planning/prompts.ts";

const options: PlanOptions = {
  mode: "auto",
  isBound: false,
  subtaskTokensMax: 1200,
  countTokens: (text) => Math.ceil(text.length / 4),
};
const twoQuestions = "1. What is the capital of France?\n2. Who wrote Hamlet?";

function chat(...contents: readonly string[]): Prompt {
  const messages = contents.map(
    (content, index): Message => ({ role: index % 2 === 0 ? "user" : "assistant", content }),
  );
  return { kind: "chat", messages };
}

function withSystem(system: string, content: string): Prompt {
  return {
    kind: "chat",
    messages: [
      { role: "system", content: system },
      { role: "user", content },
    ],
  };
}

function isRight(prompt: PlannedPrompt): boolean {
  const plan = planRequest(chat(prompt.text), options);
  return plan.strategy === prompt.strategy && (prompt.parts === 0 || plan.subtasks.length === prompt.parts);
}

/** What a subtask sees, when those it depends on answered "answer". */
function seen(plan: Plan, index: number): string {
  const subtask = plan.subtasks[index];
  const prompt = subtask?.compose(subtask.dependsOn.map(() => "answer"));
  return prompt?.kind === "chat" ? prompt.messages.map((message) => message.content).join("\n") : "";
}

test("there are two hundred prompts", () => {
  expect(plannedPrompts.length).toBe(200);
});

test("no prompt that must stay whole is split", () => {
  const whole = plannedPrompts.filter((prompt) => prompt.strategy === "single");
  expect(whole.filter((prompt) => !isRight(prompt)).map((prompt) => prompt.text)).toEqual([]);
});

test("at least 95% of the prompts that must be split are split the right way", () => {
  const split = plannedPrompts.filter((prompt) => prompt.strategy !== "single");
  const wrong = split.filter((prompt) => !isRight(prompt)).map((prompt) => prompt.text.slice(0, 80));
  expect(wrong.length, wrong.join("\n")).toBeLessThanOrEqual(split.length * 0.05);
});

test("the same prompt gives the same plan", () => {
  for (const { text } of plannedPrompts) {
    const [first, second] = [planRequest(chat(text), options), planRequest(chat(text), options)];
    expect(JSON.stringify(second)).toBe(JSON.stringify(first));
  }
});

test("a question is seen without the others, and answers come back numbered", () => {
  const plan = planRequest(chat(twoQuestions), options);
  expect(plan.subtasks.map(({ leadIn }) => leadIn)).toEqual(["1. ", "\n\n2. "]);
  expect([seen(plan, 0), seen(plan, 1)]).toEqual(["What is the capital of France?", "Who wrote Hamlet?"]);
});

test("an instruction for every answer goes with every question", () => {
  const plan = planRequest(chat(`Answer each question in one sentence.\n${twoQuestions}`), options);
  expect(seen(plan, 1)).toBe("Answer each question in one sentence.\n\nWho wrote Hamlet?");
});

test("short instructions of the system go with every question", () => {
  expect(seen(planRequest(withSystem("Be brief.", twoQuestions), options), 1)).toBe("Be brief.\nWho wrote Hamlet?");
});

test("an item is seen with the instruction and without the others", () => {
  const plan = planRequest(chat("Translate each sentence into French:\n- The cat sleeps.\n- I like apples."), options);
  expect([seen(plan, 0), seen(plan, 1)]).toEqual([
    "Translate each sentence into French:\n\nThe cat sleeps.",
    "Translate each sentence into French:\n\nI like apples.",
  ]);
});

test("a reduction sees partial answers and never the text; every word of the text is read once, in order", () => {
  const words = Array.from({ length: 3000 }, (_, index) => `word${index}`);
  const lines = words.map((word, index) => (index % 20 === 19 ? `${word}.\n\n` : word)).join(" ");
  const plan = planRequest(chat(`Summarize the following text:\n\n${lines}`), options);
  expect(plan.strategy).toBe("map-reduce");
  const hidden = plan.subtasks.filter((subtask) => subtask.dependsOn.length === 0);
  expect(hidden.every((subtask) => !subtask.isShown)).toBe(true);
  expect(hidden.flatMap((subtask) => seen(plan, subtask.index).match(/word\d+/g) ?? [])).toEqual(words);
  for (const { index, dependsOn } of plan.subtasks) {
    expect(options.countTokens(seen(plan, index))).toBeLessThanOrEqual(options.subtaskTokensMax);
    if (dependsOn.length > 0) expect(seen(plan, index)).not.toContain("word");
    expect(dependsOn.every((needed) => needed < index)).toBe(true);
  }
  expect(plan.subtasks.filter((subtask) => subtask.isShown).map(({ index }) => index)).toEqual([
    plan.subtasks.length - 1,
  ]);
});

test("a text of many chunks is reduced in layers of at most eight", () => {
  const text = "The fox ran over the hill and far away. ".repeat(1200);
  const plan = planRequest(chat(`Summarize the following text:\n\n${text}`), options);
  expect(plan.subtasks.length).toBeGreaterThan(16);
  expect(Math.max(...plan.subtasks.map(({ dependsOn }) => dependsOn.length))).toBeLessThanOrEqual(8);
});

test.each([
  ["the request says single", chat(twoQuestions), { mode: "single" }],
  ["tools or a schema bind the answer", chat(twoQuestions), { isBound: true }],
  ["earlier turns are leant on", chat("Hi", "Hello!", twoQuestions), {}],
  ["the system asks for JSON", withSystem("Answer in JSON.", twoQuestions), {}],
  ["the system's instructions are long", withSystem("Be kind. ".repeat(200), twoQuestions), {}],
  ["it is a text to continue", { kind: "text", text: twoQuestions }, {}],
  ["the last word is the assistant's", chat(twoQuestions, "1. Paris"), {}],
] as const)("a prompt stays whole when %s", (_, prompt, change) => {
  const plan = planRequest(prompt, { ...options, ...change });
  expect(plan.strategy).toBe("single");
  expect(plan.subtasks[0]?.compose([])).toBe(prompt);
});

test.each([
  ["tools or a schema", chat(twoQuestions), { isBound: true }],
  ["earlier turns", chat("Hi", "Hello!", twoQuestions), {}],
  ["a system that asks for JSON", withSystem("Answer in JSON.", twoQuestions), {}],
] as const)("asked to split, a prompt is split in spite of %s", (_, prompt, change) => {
  const plan = planRequest(prompt, { ...options, ...change, mode: "split" });
  expect(plan.subtasks.length).toBe(2);
});

test("asked to split, what can't stand alone still stays whole", () => {
  const plan = planRequest(chat("Who wrote Hamlet? When was he born?"), { ...options, mode: "split" });
  expect(plan.strategy).toBe("single");
});

test("every plan says why in a sentence that repeats nothing of the prompt", () => {
  for (const { text } of plannedPrompts) {
    const { reason } = planRequest(chat(text), options);
    expect(reason).toMatch(/^[A-Z].*\.$/);
  }
});
