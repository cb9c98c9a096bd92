import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseChatRequest } from "../../../src/chat/openai-chat.ts";
import type { RequestExtras } from "../../../src/chat/openai-request.ts";
import { isPeerError } from "../../../src/errors.ts";

const messages = [{ role: "user", content: "Hi" }];
const minimal = { model: "acme/tiny", messages };

const noExtras: RequestExtras = { privacy: null, plan: null, isMasked: false, isWhole: false };

function parse(fields: Record<string, unknown>, extras = noExtras) {
  return parseChatRequest({ ...minimal, ...fields }, extras);
}

function failure(fields: Record<string, unknown>) {
  try {
    parse(fields);
  } catch (error) {
    if (isPeerError(error)) return { code: error.code, parameter: error.parameter, message: error.message };
    throw error;
  }
  return null;
}

describe("a chat completion request", () => {
  it("that says nothing more gets OpenAI's defaults and a random seed", () => {
    const { answer, stream } = parse({});
    expect(stream).toBeNull();
    expect(answer).toEqual({
      model: "acme/tiny",
      prompts: [{ kind: "chat", messages: [{ role: "user", content: "Hi" }] }],
      sampling: { temperature: 1, topP: 1, seed: answer.sampling.seed, maxTokens: null, stop: [] },
      choices: 1,
      privacy: "standard",
      plan: "auto",
      isMasked: false,
      isWhole: true,
    });
    expect(parse({}).answer.sampling.seed).not.toBe(answer.sampling.seed);
  });

  it("is read field by field", () => {
    const { answer, stream } = parse({
      messages: [
        { role: "developer", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "One, ", prompt_cache_breakpoint: { type: "ephemeral" } },
            { type: "text", text: "two." },
          ],
        },
        { role: "assistant", content: "Three.", refusal: null, annotations: [], tool_calls: [] },
        { role: "user", content: "Go on." },
      ],
      temperature: 0.5,
      top_p: 0,
      n: 16,
      seed: -1,
      stop: "END",
      max_completion_tokens: 12,
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
      peerllm: { privacy: "strict", plan: "single" },
    });
    expect(stream).toEqual({ includeUsage: true });
    expect(answer).toEqual({
      model: "acme/tiny",
      prompts: [
        {
          kind: "chat",
          messages: [
            { role: "system", content: "Be brief." },
            { role: "user", content: "One, two." },
            { role: "assistant", content: "Three." },
            { role: "user", content: "Go on." },
          ],
        },
      ],
      sampling: { temperature: 0.5, topP: 1e-6, seed: 4_294_967_295, maxTokens: 12, stop: ["END"] },
      choices: 16,
      privacy: "strict",
      plan: "single",
      isMasked: false,
      isWhole: false,
    });
  });

  it("takes any whole number for a seed, also those that no float carries exactly", () => {
    const seedOf = (seed: number) => parse({ seed }).answer.sampling.seed;
    expect([seedOf(2 ** 32 + 5), seedOf(2 ** 63 - 1), seedOf(-(2 ** 63))]).toEqual([5, 0, 0]);
    expect(failure({ seed: 1.5 })).toMatchObject({ code: "request_invalid", parameter: "seed" });
  });

  it("comes whole where it is not streamed, or where the caller hands its stream on as a whole", () => {
    const extras = { ...noExtras, isWhole: true };
    expect(parse({ stream: true }, extras).answer.isWhole).toBe(true);
    expect(parse({ stream: true }).answer.isWhole).toBe(false);
  });

  it("takes privacy and plan from headers, and the body's word over theirs", () => {
    const extras = { privacy: "strict", plan: "split", isMasked: true, isWhole: false };
    expect(parse({}, extras).answer).toMatchObject({ privacy: "strict", plan: "split", isMasked: true });
    expect(parse({ peerllm: { privacy: "standard" } }, extras).answer).toMatchObject({ privacy: "standard" });
  });

  it.each<[string, unknown]>([
    ["store", false],
    ["store", null],
    ["service_tier", "auto"],
    ["service_tier", "default"],
    ["user", "user-1"],
    ["metadata", { topic: "x" }],
    ["safety_identifier", "x"],
    ["prompt_cache_key", "x"],
    ["prompt_cache_retention", "24h"],
    ["prediction", { type: "content", content: "x" }],
    ["logit_bias", {}],
    ["logprobs", false],
    ["top_logprobs", 0],
    ["frequency_penalty", 0],
    ["presence_penalty", 0],
    ["response_format", { type: "text" }],
    ["modalities", ["text"]],
    ["tools", []],
    ["tool_choice", "none"],
    ["parallel_tool_calls", true],
    ["functions", []],
    ["reasoning_effort", "none"],
    ["verbosity", "medium"],
    ["audio", null],
    ["web_search_options", null],
    ["made_up_by_a_client", null],
  ])("passes with %s as %j, which changes nothing", (field, value) => {
    expect(failure({ [field]: value })).toBeNull();
  });

  it.each<[string, unknown]>([
    ["store", true],
    ["service_tier", "flex"],
    ["logit_bias", { 50256: -100 }],
    ["logprobs", true],
    ["top_logprobs", 3],
    ["frequency_penalty", 0.1],
    ["presence_penalty", -0.1],
    ["response_format", { type: "json_object" }],
    ["response_format", { type: "json_schema", json_schema: { name: "x" } }],
    ["modalities", ["text", "audio"]],
    ["audio", { voice: "alloy", format: "mp3" }],
    ["tools", [{ type: "function", function: { name: "f" } }]],
    ["tool_choice", "required"],
    ["functions", [{ name: "f" }]],
    ["function_call", { name: "f" }],
    ["reasoning_effort", "high"],
    ["verbosity", "low"],
    ["web_search_options", {}],
    ["moderation", {}],
    ["n", 17],
    ["temprature", 0.5],
    ["constructor", {}],
  ])("is refused by name for %s as %j", (field, value) => {
    expect(failure({ [field]: value })).toMatchObject({ code: "parameter_unsupported", parameter: field });
  });

  it.each<[unknown, string]>([
    [{ role: "tool", content: "x", tool_call_id: "1" }, "messages[0].tool_call_id"],
    [{ role: "tool", content: "x" }, "messages[0].role"],
    [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }, "messages[0].content[0]"],
    [{ role: "user", content: "x", name: "Ann" }, "messages[0].name"],
    [{ role: "assistant", content: "x", tool_calls: [{ id: "1" }] }, "messages[0].tool_calls"],
    [{ role: "assistant", content: "", audio: { id: "1" } }, "messages[0].audio"],
    [{ role: "user", content: "x", colour: "red" }, "messages[0].colour"],
    [
      { role: "user", content: [{ type: "text", text: "x", cache_control: {} }] },
      "messages[0].content[0].cache_control",
    ],
  ])("is refused for the message %j, naming %s", (message, parameter) => {
    expect(failure({ messages: [message] })).toMatchObject({ code: "parameter_unsupported", parameter });
  });

  it.each<[Record<string, unknown>, string, string]>([
    [
      { temperature: 2.5 },
      "temperature",
      "Invalid 'temperature': number above maximum value. Expected a value <= 2, but got 2.5 instead.",
    ],
    [
      { temperature: "hot" },
      "temperature",
      "Invalid type for 'temperature': expected a number, but got a string instead.",
    ],
    [
      { max_tokens: 0 },
      "max_tokens",
      "Invalid 'max_tokens': number below minimum value. Expected a value >= 1, but got 0 instead.",
    ],
    [
      { max_completion_tokens: 0 },
      "max_completion_tokens",
      "Invalid 'max_completion_tokens': number below minimum value. Expected a value >= 1, but got 0 instead.",
    ],
    [
      { max_tokens: 1, max_completion_tokens: 1 },
      "max_tokens",
      "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
    ],
    [
      { max_tokens: 1.5 },
      "max_tokens",
      "Invalid type for 'max_tokens': expected an integer, but got a decimal instead.",
    ],
    [{ stop: ["a", "b", "c", "d", "e"] }, "stop", "Invalid 'stop': array too long. Expected maximum length 4."],
    [{ stop: "" }, "stop[0]", "Invalid 'stop[0]': string too short. Expected minimum length 1."],
    [
      { stream_options: { include_usage: true } },
      "stream_options",
      "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
    ],
    [{ messages: [] }, "messages", "Invalid 'messages': array too short. Expected minimum length 1."],
    [{ messages: undefined }, "messages", "Missing required parameter: 'messages'."],
    [{ model: undefined }, "model", "Missing required parameter: 'model'."],
    [{ messages: [{ role: "user" }] }, "messages[0].content", "Missing required parameter: 'messages[0].content'."],
    [
      { messages: [{ role: "king", content: "x" }] },
      "messages[0].role",
      "Invalid value for 'messages[0].role'. Supported values are: system, developer, user, assistant.",
    ],
    [{ messages: ["Hi"] }, "messages[0]", "Invalid type for 'messages[0]': expected an object."],
    [
      { peerllm: { privacy: "total" } },
      "peerllm.privacy",
      "Invalid value for 'peerllm.privacy'. Supported values are: 'standard', 'strict'.",
    ],
  ])("with %j is told what is wrong with %s", (fields, parameter, message) => {
    expect(failure(fields)).toEqual({ code: "request_invalid", parameter, message });
  });

  it("has at most 4,096 parts in all its messages", () => {
    const withParts = (...counts: number[]) => ({
      messages: counts.map((count) => ({ role: "user", content: Array(count).fill({ type: "text", text: "" }) })),
    });
    expect(failure(withParts(2_048, 2_048))).toBeNull();
    expect(failure(withParts(2_048, 2_049))).toEqual({
      code: "request_invalid",
      parameter: "messages",
      message: "Invalid 'messages': more than 4096 content parts in all.",
    });
  });

  it("never has its text repeated by an error", () => {
    const secret = "xyzzy-secret";
    for (const fields of [
      { messages: [{ role: "user", content: { text: secret } }] },
      { messages: [{ role: secret, content: "x" }] },
      { temperature: secret },
      { response_format: { type: secret } },
      { stop: [[secret]] },
    ]) {
      expect(failure(fields)?.message).not.toContain(secret);
    }
  });
});

const specification = "../shared/openai/openai-subset.openapi.json";

describe.runIf(existsSync(specification))("OpenAI's specification (skipped where ../shared is not there)", () => {
  it("has no chat completion field without a rule", () => {
    const { schemas } = JSON.parse(readFileSync(specification, "utf8")).components;
    const fields = fieldsOf(schemas, "CreateChatCompletionRequest");
    expect(fields.length).toBeGreaterThan(30);
    // A value no rule lets through: a field that is known is refused as unsupported, not as unrecognised.
    for (const field of fields)
      expect(failure({ [field]: Symbol.iterator })?.message ?? "").not.toMatch(/Unrecognized/);
  });
});

interface Schema {
  readonly properties?: Record<string, unknown>;
  readonly allOf?: readonly (Schema & { readonly $ref?: string })[];
}

function fieldsOf(schemas: Record<string, Schema>, name: string): string[] {
  const collect = (schema: (Schema & { readonly $ref?: string }) | undefined): string[] => [
    ...Object.keys(schema?.properties ?? {}),
    ...(schema?.allOf ?? []).flatMap((part) =>
      part.$ref === undefined ? collect(part) : collect(schemas[part.$ref.replace("#/components/schemas/", "")]),
    ),
  ];
  return collect(schemas[name]);
}
