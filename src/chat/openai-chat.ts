import * as z from "zod";
import { PeerError } from "../errors.ts";
import type { AnswerRequest } from "./answer.ts";
import type { Message, Role } from "./message.ts";
import { empty, type FieldRules, only, parseFields, refused, takeFields, unsupported } from "./openai-fields.ts";
import { composeShared, type OpenAiRequest, parseShared, type RequestExtras, sharedRules } from "./openai-request.ts";
import type { WireFormat } from "./openai-stream.ts";

/** Every field of OpenAI's CreateChatCompletionRequest (API 2.3.0). A field without a row here is refused by name. */
const chatRules = {
  ...sharedRules,
  messages: "supported",
  max_completion_tokens: "supported",
  metadata: "hint",
  safety_identifier: "hint",
  prompt_cache_key: "hint",
  prompt_cache_retention: "hint",
  prompt_cache_options: "hint",
  prediction: "hint",
  parallel_tool_calls: "hint",
  store: only(false),
  service_tier: only("auto", "default"),
  logprobs: only(false),
  top_logprobs: only(0),
  modalities: (value) => Array.isArray(value) && value.length === 1 && value[0] === "text",
  response_format: (value) => typeof value === "object" && value !== null && "type" in value && value.type === "text",
  reasoning_effort: only("none"),
  verbosity: only("medium"),
  tools: empty,
  tool_choice: only("auto", "none"),
  functions: empty,
  function_call: only("auto", "none"),
  audio: refused,
  moderation: refused,
  web_search_options: refused,
} as const satisfies FieldRules;

const messageRules = {
  role: "supported",
  content: "supported",
  name: empty,
  refusal: empty,
  annotations: empty,
  audio: refused,
  tool_calls: empty,
  tool_call_id: refused,
  function_call: refused,
} as const satisfies FieldRules;

const partRules = {
  type: "supported",
  text: "supported",
  prompt_cache_breakpoint: "hint",
} as const satisfies FieldRules;

const messagesMax = 4_096;
/** Of all messages together. */
const partsMax = 4_096;
const messagesSchema = z.array(z.unknown()).min(1).max(messagesMax);
const textSchema = z.string();
const partSchema = z.looseObject({ type: z.string() });
const maxTokensSchema = z.int().min(1).max(2_147_483_647);
const roles: Readonly<Record<string, Role>> = {
  system: "system",
  developer: "system",
  user: "user",
  assistant: "assistant",
};

/** Reads a body of `/v1/chat/completions`. Throws `request_invalid` or `parameter_unsupported`, with the field. */
export function parseChatRequest(body: unknown, extras: RequestExtras): OpenAiRequest {
  const fields = takeFields(body, chatRules);
  if (fields.max_completion_tokens !== undefined) {
    if (fields.max_tokens !== undefined) {
      throw new PeerError(
        "request_invalid",
        "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
        { parameter: "max_tokens" },
      );
    }
    fields.max_tokens = parseFields(maxTokensSchema, fields.max_completion_tokens, "max_completion_tokens");
  }
  const sent = parseFields(messagesSchema, fields.messages, "messages");
  if (sent.flatMap(partsOf).length > partsMax) {
    throw new PeerError("request_invalid", `Invalid 'messages': more than ${partsMax} content parts in all.`, {
      parameter: "messages",
    });
  }
  const messages = sent.map(parseMessage);
  const { answer, stream } = parseShared(fields, extras);
  return { answer: { ...answer, prompts: [{ kind: "chat", messages }] }, stream };
}

/** The body that asks for `messages` to be answered as `request` says: always streamed, with usage. */
export function composeChatBody(request: AnswerRequest, messages: readonly Message[]): Record<string, unknown> {
  return { model: request.model, messages, ...composeShared(request) };
}

export const chatFormat: WireFormat = {
  idPrefix: "chatcmpl-",
  object: "chat.completion",
  chunkObject: "chat.completion.chunk",
  opening: (index) => ({
    index,
    delta: { role: "assistant", content: "", refusal: null },
    logprobs: null,
    finish_reason: null,
  }),
  delta: (index, content) => ({ index, delta: { content }, logprobs: null, finish_reason: null }),
  finish: (index, reason) => ({ index, delta: {}, logprobs: null, finish_reason: reason }),
  whole: (index, content, reason) => ({
    index,
    message: { role: "assistant", content, refusal: null, annotations: [] },
    logprobs: null,
    finish_reason: reason,
  }),
};

function partsOf(message: unknown): readonly unknown[] {
  const content = typeof message === "object" && message !== null && "content" in message ? message.content : null;
  return Array.isArray(content) ? content : [];
}

function parseMessage(value: unknown, index: number): Message {
  const path = `messages[${index}]`;
  const fields = takeFields(value, messageRules, path);
  const name = parseFields(textSchema, fields.role, `${path}.role`);
  const role = Object.hasOwn(roles, name) ? roles[name] : undefined;
  if (role === undefined) {
    if (name === "tool" || name === "function") throw unsupported(`${path}.role`);
    throw new PeerError(
      "request_invalid",
      `Invalid value for '${path}.role'. Supported values are: ${Object.keys(roles).join(", ")}.`,
      { parameter: `${path}.role` },
    );
  }
  return { role, content: parseContent(fields.content, `${path}.content`) };
}

/** Text, or parts that are all text; parts follow one another without anything between them. */
function parseContent(value: unknown, path: string): string {
  if (!Array.isArray(value)) return parseFields(textSchema, value, path);
  return value
    .map((part: unknown, index) => {
      const partPath = `${path}[${index}]`;
      const type = parseFields(partSchema, part, partPath).type;
      if (type !== "text")
        throw unsupported(partPath, `Unsupported content part: '${partPath}' is not of type 'text'.`);
      return parseFields(textSchema, takeFields(part, partRules, partPath).text, `${partPath}.text`);
    })
    .join("");
}
