import * as z from "zod";
import { boundedList } from "../bounded-list.ts";
import { PeerError } from "../errors.ts";
import type { AnswerRequest } from "./answer.ts";
import type { Prompt } from "./message.ts";
import { empty, type FieldRules, only, parseFields, refused, takeFields, unsupported } from "./openai-fields.ts";
import { composeShared, type OpenAiRequest, parseShared, type RequestExtras, sharedRules } from "./openai-request.ts";
import type { WireFormat } from "./openai-stream.ts";

/** Every field of OpenAI's CreateCompletionRequest (API 2.3.0). A field without a row here is refused by name. */
const completionRules = {
  ...sharedRules,
  prompt: "supported",
  best_of: "supported",
  echo: only(false),
  suffix: empty,
  logprobs: refused,
} as const satisfies FieldRules;

/** Most prompts in one request. */
const promptsMax = 256;
/** OpenAI's default for this endpoint. */
const maxTokensDefault = 16;

const tokensSchema = boundedList(z.int().min(0).max(2_147_483_647), { min: 1, max: 1_000_000 });
const tokenListsSchema = boundedList(tokensSchema, { min: 1, max: promptsMax });
const textsSchema = boundedList(z.string(), { min: 1, max: promptsMax });

/** Reads a body of `/v1/completions`. Throws `request_invalid` or `parameter_unsupported`, with the field. */
export function parseCompletionRequest(body: unknown, extras: RequestExtras): OpenAiRequest {
  const fields = takeFields(body, completionRules);
  const prompts = parsePrompts(fields.prompt);
  const { answer, stream } = parseShared(fields, extras);
  if (fields.best_of !== undefined && fields.best_of !== answer.choices) throw unsupported("best_of");
  const maxTokens = answer.sampling.maxTokens ?? maxTokensDefault;
  return { answer: { ...answer, prompts, sampling: { ...answer.sampling, maxTokens } }, stream };
}

/** The body that asks for the request's prompts, all of them text or all of them tokens, always streamed with usage. */
export function composeCompletionBody(request: AnswerRequest): Record<string, unknown> {
  const prompt = request.prompts.map((each) => {
    if (each.kind === "text") return each.text;
    if (each.kind === "tokens") return each.tokens;
    throw new PeerError("request_invalid", "A conversation cannot be sent as a text completion.");
  });
  return { model: request.model, prompt, ...composeShared(request) };
}

export const completionFormat: WireFormat = {
  idPrefix: "cmpl-",
  object: "text_completion",
  chunkObject: "text_completion",
  opening: () => null,
  delta: (index, text) => ({ index, text, logprobs: null, finish_reason: null }),
  finish: (index, reason) => ({ index, text: "", logprobs: null, finish_reason: reason }),
  whole: (index, text, reason) => ({ index, text, logprobs: null, finish_reason: reason }),
};

/** One text, several texts, one list of token ids, or several lists of them. */
function parsePrompts(value: unknown): readonly Prompt[] {
  if (!Array.isArray(value)) return [{ kind: "text", text: parseFields(z.string(), value, "prompt") }];
  const first: unknown = value[0];
  if (typeof first === "number") return [{ kind: "tokens", tokens: parseFields(tokensSchema, value, "prompt") }];
  if (Array.isArray(first)) {
    const lists = parseFields(tokenListsSchema, value, "prompt");
    return lists.map((tokens) => ({ kind: "tokens", tokens }));
  }
  const texts = parseFields(textsSchema, value, "prompt");
  return texts.map((text) => ({ kind: "text", text }));
}
