import * as z from "zod";
import { boundedList } from "../bounded-list.ts";
import { PeerError } from "../errors.ts";
import type { AnswerEvent, AnswerSummary } from "./answer.ts";
import type { FinishReason, Usage } from "./generation.ts";
import { parseErrorBody } from "./openai-error.ts";
import { doneData, type ServerSentEvent } from "./sse.ts";

const count = z.int().min(0);
const maskedKindsMax = 64;

const maskedSchema = z
  .record(z.string(), z.unknown())
  .refine((masked) => Object.keys(masked).length <= maskedKindsMax)
  .pipe(z.record(z.string().max(64), count));

const chunkSchema = z.object({
  model: z.string().min(1).max(1_024).optional().catch(undefined),
  choices: boundedList(
    z.object({
      index: z.int().min(0).max(65_535),
      delta: z.object({ content: z.string().nullish() }).nullish(),
      text: z.string().nullish(),
      finish_reason: z.string().max(64).nullish(),
    }),
    { max: 1_024 },
  ).default([]),
  usage: z.object({ prompt_tokens: count, completion_tokens: count }).nullish(),
  peerllm: z
    .object({
      receipt: z.string().max(256),
      plan: z.string().max(256),
      hosts: count,
      largestShare: z.number(),
      owners: count,
      largestAnswerShare: z.number(),
      failovers: count,
      masked: maskedSchema,
      costUsd: z.string().max(64),
    })
    .nullish(),
});

/**
 * Reads the chunks of another OpenAI-compatible server (chat or text) as an answer; `receipt` is its header.
 * Throws the error an `{"error": …}` event carries, and `upstream_failed` for what is no chunk, and for a stream
 * that ends without `[DONE]` or without having told its usage.
 */
export async function* decodeChunks(
  events: AsyncIterable<ServerSentEvent>,
  receipt: string | null,
): AsyncGenerator<AnswerEvent> {
  let usage: Usage | null = null;
  let summary: AnswerSummary | null = null;
  let hasBegun = false;
  for await (const { data } of events) {
    if (data === doneData) {
      if (usage === null) throw new PeerError("upstream_failed", "The answer came without its usage.");
      yield { kind: "end", usage, summary };
      return;
    }
    const chunk = parseChunk(data);
    if (!hasBegun) yield { kind: "begin", receipt, ...(chunk.model === undefined ? {} : { model: chunk.model }) };
    hasBegun = true;
    if (chunk.usage) {
      usage = { promptTokens: chunk.usage.prompt_tokens, completionTokens: chunk.usage.completion_tokens };
    }
    summary = chunk.peerllm ?? summary;
    for (const { index, delta, text, finish_reason } of chunk.choices) {
      const added = delta?.content ?? text ?? "";
      if (added !== "") yield { kind: "delta", choice: index, text: added };
      if (finish_reason) yield { kind: "choice-end", choice: index, finishReason: finishReasonOf(finish_reason) };
    }
  }
  throw new PeerError("upstream_failed", "The answer broke off: its stream ended before it was complete.");
}

function parseChunk(data: string): z.output<typeof chunkSchema> {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    // The parser's own message quotes the answer, so it is not kept as the cause.
    throw new PeerError("upstream_failed", "A chunk of the answer is not JSON.");
  }
  if (typeof json === "object" && json !== null && "error" in json) throw parseErrorBody(json, null);
  const parsed = chunkSchema.safeParse(json);
  if (!parsed.success) throw new PeerError("upstream_failed", "A chunk of the answer is not in OpenAI's form.");
  return parsed.data;
}

function finishReasonOf(reason: string): FinishReason {
  return reason === "length" || reason === "content_filter" ? reason : "stop";
}
