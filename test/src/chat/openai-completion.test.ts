import { describe, expect, it } from "vitest";
import { parseCompletionRequest } from "../../../src/chat/openai-completion.ts";
import { isPeerError } from "../../../src/errors.ts";

const noExtras = { privacy: null, plan: null, isMasked: false, isWhole: false };

function parse(fields: Record<string, unknown>) {
  return parseCompletionRequest({ model: "acme/tiny", ...fields }, noExtras).answer;
}

function refusedField(fields: Record<string, unknown>) {
  try {
    parse(fields);
  } catch (error) {
    if (isPeerError(error)) return [error.code, error.parameter];
    throw error;
  }
  return null;
}

describe("a text completion request", () => {
  it.each<[unknown, unknown]>([
    ["Once", [{ kind: "text", text: "Once" }]],
    [
      ["Once", "Twice"],
      [
        { kind: "text", text: "Once" },
        { kind: "text", text: "Twice" },
      ],
    ],
    [[1, 2], [{ kind: "tokens", tokens: [1, 2] }]],
    [
      [[1], [2, 3]],
      [
        { kind: "tokens", tokens: [1] },
        { kind: "tokens", tokens: [2, 3] },
      ],
    ],
  ])("with the prompt %j asks for each of its prompts", (prompt, prompts) => {
    expect(parse({ prompt }).prompts).toEqual(prompts);
  });

  it("gets 16 tokens unless it says otherwise, as OpenAI's does", () => {
    expect(parse({ prompt: "x" }).sampling.maxTokens).toBe(16);
    expect(parse({ prompt: "x", max_tokens: 99 }).sampling.maxTokens).toBe(99);
  });

  it.each([[{ best_of: 1 }], [{ best_of: 3, n: 3 }], [{ echo: false }], [{ suffix: "" }], [{ logprobs: null }]])(
    "passes with %j, which changes nothing",
    (fields) => {
      expect(refusedField({ prompt: "x", ...fields })).toBeNull();
    },
  );

  it.each([
    [{ best_of: 2 }, "best_of"],
    [{ echo: true }, "echo"],
    [{ suffix: "end" }, "suffix"],
    [{ logprobs: 0 }, "logprobs"],
    [{ messages: [] }, "messages"],
    [{ response_format: { type: "text" } }, "response_format"],
  ])("is refused by name for %j", (fields, field) => {
    expect(refusedField({ prompt: "x", ...fields })).toEqual(["parameter_unsupported", field]);
  });

  it.each([
    [{}, "prompt"],
    [{ prompt: [] }, "prompt"],
    [{ prompt: [1, "a"] }, "prompt[1]"],
    [{ prompt: ["a", 1] }, "prompt[1]"],
    [{ prompt: [[]] }, "prompt[0]"],
    [{ prompt: [[-1]] }, "prompt[0][0]"],
    [{ prompt: Array(257).fill("x") }, "prompt"],
  ])("is invalid with %j", (fields, field) => {
    expect(refusedField(fields)).toEqual(["request_invalid", field]);
  });
});
