import { Template } from "@huggingface/jinja";
import { expect, it } from "vitest";
import { randomFrom } from "../../../../../src/models/demo/train/random.ts";
import {
  type Conversation,
  chatTemplate,
  promptTokens,
  toolCallText,
  toolJson,
  trainingTokens,
} from "../../../../../src/models/demo/train/template.ts";
import { tokenizerOf } from "../../../../../src/models/demo/train/tokenizer.ts";
import { toolSkills, toolTurns } from "../../../../../src/models/demo/train/tools.ts";

const tokenizer = tokenizerOf([]);
const template = new Template(chatTemplate);

/** The text behind ids of the byte alphabet, special tokens by their markers. */
function textOf(ids: readonly number[]): string {
  const bytes = ids.flatMap((id) => (id < 256 ? [id] : [...Buffer.from(tokenizer.tokens[id] ?? "", "utf8")]));
  return Buffer.from(bytes).toString("utf8");
}

/** What jinja makes of the conversation in OpenAI's form. */
function rendered(conversation: Conversation, add_generation_prompt: boolean): string {
  const system = conversation.system === undefined ? [] : [{ role: "system", content: conversation.system }];
  const turns = conversation.turns.map((turn) =>
    "call" in turn
      ? { role: "assistant", content: "", tool_calls: [{ type: "function", function: turn.call }] }
      : { role: turn.role, content: turn.content },
  );
  const tools = conversation.tools?.map(toolJson);
  return template.render({ messages: [...system, ...turns], tools, add_generation_prompt });
}

const chat: Conversation = {
  turns: [
    { role: "user", content: "What's up?" },
    { role: "assistant", content: "Not much.\nAnd you?" },
    { role: "user", content: "Fine" },
  ],
};

it("a chat without a system message gets the default one", () => {
  expect(rendered(chat, true)).toBe(
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nWhat's up?<|im_end|>\n" +
      "<|im_start|>assistant\nNot much.\nAnd you?<|im_end|>\n<|im_start|>user\nFine<|im_end|>\n<|im_start|>assistant\n",
  );
});

it("training sees exactly what the template renders", () => {
  const random = randomFrom(11);
  const conversations: Conversation[] = [chat, { ...chat, system: "Be 'brief'." }];
  for (const skill of toolSkills) {
    const use = skill(random);
    conversations.push({ tools: [use.tool, use.tool], turns: toolTurns(use, true) });
  }
  for (const conversation of conversations) {
    expect(textOf(trainingTokens(conversation, tokenizer).map(({ id }) => id))).toBe(rendered(conversation, false));
    expect(textOf(promptTokens(conversation, tokenizer))).toBe(rendered(conversation, true));
  }
});

it("results in a row share one user turn, as Qwen's template has it", () => {
  const messages = [
    { role: "user", content: "Both?" },
    { role: "tool", content: "1" },
    { role: "tool", content: "2" },
  ];
  expect(template.render({ messages, add_generation_prompt: false })).toContain(
    "<|im_start|>user\n<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n</tool_response><|im_end|>\n",
  );
});

it("a call is JSON between its markers", () => {
  const text = toolCallText({ name: "add", arguments: { a: 1, b: 'x"y' } });
  expect(text).toBe('<tool_call>\n{"name": "add", "arguments": {"a": 1, "b": "x\\"y"}}\n</tool_call>');
});

it("only the assistant's words and the marker that ends them are targets", () => {
  const targets = trainingTokens(chat, tokenizer).filter(({ isTarget }) => isTarget);
  expect(textOf(targets.map(({ id }) => id))).toBe("Not much.\nAnd you?<|im_end|>");
});
