import { randomInt } from "node:crypto";
import * as z from "zod";
import { boundedList } from "../bounded-list.ts";
import { PeerError } from "../errors.ts";
import type { AnswerRequest, PlanMode, PrivacyLevel } from "./answer.ts";
import { empty, type FieldRules, only, parseFields, takeFields, unsupported } from "./openai-fields.ts";
import { stopLengthMax } from "./stop.ts";

/** What a request says outside its body, or what the server assumes where it says nothing. Null: not said. */
export interface RequestExtras {
  readonly privacy: string | null;
  readonly plan: string | null;
  readonly isMasked: boolean;
  /** The caller asks for a stream, but hands its answer on only once it is whole. */
  readonly isWhole: boolean;
}

/** A request as it was asked for: whole (`stream` null), or as a stream with or without a usage chunk. */
export interface OpenAiRequest {
  readonly answer: AnswerRequest;
  readonly stream: { readonly includeUsage: boolean } | null;
}

/** Most answers to one prompt. OpenAI's own bound is 128. */
const choicesMax = 16;
const stopStringsMax = 4;
const stopSchema = boundedList(z.string().min(1).max(stopLengthMax), { max: stopStringsMax });
const seedRange = 2 ** 32;

/** Fields of `/v1/chat/completions` and `/v1/completions` that mean the same in both. */
export const sharedRules = {
  model: "supported",
  max_tokens: "supported",
  temperature: "supported",
  top_p: "supported",
  n: "supported",
  seed: "supported",
  stop: "supported",
  stream: "supported",
  stream_options: "supported",
  peerllm: "supported",
  user: "hint",
  frequency_penalty: only(0),
  presence_penalty: only(0),
  logit_bias: empty,
} as const satisfies FieldRules;

const sharedSchema = z.object({
  model: z.string().min(1).max(256),
  max_tokens: z.int().min(1).max(2_147_483_647).optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
  n: z.int().min(1).max(128).optional(),
  seed: z.number().refine(Number.isInteger, "expected a whole number").optional(),
  stream: z.boolean().optional(),
});

const streamOptionsSchema = z.strictObject({
  include_usage: z.boolean().nullish(),
  include_obfuscation: z.boolean().nullish(),
});

const privacySchema = z.enum(["standard", "strict"]);
const planSchema = z.enum(["auto", "single", "split"]);
const peerllmRules = { privacy: "supported", plan: "supported" } as const satisfies FieldRules;

/**
 * Reads the fields both endpoints share. Defaults are OpenAI's: temperature 1, top_p 1, n 1, a random seed.
 * A seed is taken modulo 2³². `top_p: 0` means the likeliest token alone, so it becomes a very small mass.
 */
export function parseShared(
  fields: Record<string, unknown>,
  extras: RequestExtras,
): { readonly answer: Omit<AnswerRequest, "prompts">; readonly stream: OpenAiRequest["stream"] } {
  const shared = parseFields(sharedSchema, fields);
  const stream = parseStream(shared.stream ?? false, fields.stream_options);
  if (shared.n !== undefined && shared.n > choicesMax) {
    throw unsupported("n", `Unsupported value for 'n': at most ${choicesMax} answers to a prompt, got ${shared.n}.`);
  }
  return {
    answer: {
      model: shared.model,
      sampling: {
        temperature: shared.temperature ?? 1,
        topP: Math.max(shared.top_p ?? 1, 1e-6),
        seed: shared.seed === undefined ? randomInt(seedRange) : ((shared.seed % seedRange) + seedRange) % seedRange,
        maxTokens: shared.max_tokens ?? null,
        stop: parseStop(fields.stop),
      },
      choices: shared.n ?? 1,
      ...parseExtras(fields.peerllm, extras),
      isWhole: stream === null || extras.isWhole,
    },
    stream,
  };
}

/** Fields of a forwarded body that chat and text share. */
export function composeShared(request: AnswerRequest): Record<string, unknown> {
  const { temperature, topP, seed, maxTokens, stop } = request.sampling;
  return {
    temperature,
    top_p: topP,
    seed,
    n: request.choices,
    max_tokens: maxTokens,
    stop: stop.length === 0 ? null : stop,
    stream: true,
    stream_options: { include_usage: true },
    peerllm: { privacy: request.privacy, plan: request.plan },
  };
}

function parseStop(value: unknown): readonly string[] {
  if (value === undefined) return [];
  return parseFields(stopSchema, typeof value === "string" ? [value] : value, "stop");
}

function parseStream(isStream: boolean, options: unknown): OpenAiRequest["stream"] {
  if (options === undefined) return isStream ? { includeUsage: false } : null;
  if (!isStream) {
    throw new PeerError("request_invalid", "The 'stream_options' parameter is only allowed when 'stream' is enabled.", {
      parameter: "stream_options",
    });
  }
  return { includeUsage: parseFields(streamOptionsSchema, options, "stream_options").include_usage ?? false };
}

/** The body's `peerllm` object wins over the headers, and both over the default: standard privacy, an automatic plan. */
function parseExtras(
  value: unknown,
  extras: RequestExtras,
): { readonly privacy: PrivacyLevel; readonly plan: PlanMode; readonly isMasked: boolean } {
  const body = value === undefined ? {} : takeFields(value, peerllmRules, "peerllm");
  return {
    privacy:
      body.privacy === undefined
        ? parseFields(privacySchema, extras.privacy ?? "standard", "x-peerllm-privacy")
        : parseFields(privacySchema, body.privacy, "peerllm.privacy"),
    plan:
      body.plan === undefined
        ? parseFields(planSchema, extras.plan ?? "auto", "x-peerllm-plan")
        : parseFields(planSchema, body.plan, "peerllm.plan"),
    isMasked: extras.isMasked,
  };
}
