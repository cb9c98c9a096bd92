import { PeerError } from "../errors.ts";
import type { AnswerEvent, AnswerSummary } from "./answer.ts";
import type { FinishReason, Usage } from "./generation.ts";

/** How one endpoint writes a choice: a chat message or a text completion. */
export interface WireFormat {
  readonly idPrefix: string;
  readonly object: string;
  readonly chunkObject: string;
  /** What a choice's stream starts with, before any text; null for nothing. */
  opening(index: number): object | null;
  delta(index: number, text: string): object;
  finish(index: number, reason: FinishReason): object;
  whole(index: number, text: string, reason: FinishReason): object;
}

export interface AnswerHead {
  readonly id: string;
  /** Seconds since the Unix epoch. */
  readonly createdAt: number;
  /** As it was asked for; an answer may say better. */
  readonly model: string;
  readonly systemFingerprint: string;
}

export interface ChunkEncoder {
  /** The chunks that say `event`, in order; perhaps none. */
  encode(event: AnswerEvent): readonly object[];
}

/**
 * Writes an answer as OpenAI's chunks. The summary rides in the last one: the usage chunk where usage was asked for,
 * otherwise the last choice's finish, held back until `end`, since readers index `choices[0]` of every chunk.
 */
export function createChunkEncoder(format: WireFormat, head: AnswerHead, includeUsage: boolean): ChunkEncoder {
  const opened = new Set<number>();
  let { model } = head;
  let held: object | null = null;

  const chunk = (choices: readonly object[], more: object = {}) => ({
    id: head.id,
    object: format.chunkObject,
    created: head.createdAt,
    model,
    system_fingerprint: head.systemFingerprint,
    choices,
    ...(includeUsage ? { usage: null } : {}),
    ...more,
  });
  const open = (choice: number) => {
    if (opened.has(choice)) return [];
    opened.add(choice);
    const opening = format.opening(choice);
    return opening === null ? [] : [chunk([opening])];
  };
  const release = (next: object | null, more: object = {}) => {
    const released = held === null ? [] : [chunk([held], more)];
    held = next;
    return released;
  };

  return {
    encode(event) {
      switch (event.kind) {
        case "begin":
          model = event.model ?? model;
          return [];
        case "delta":
          if (event.text === "") return [];
          return [...release(null), ...open(event.choice), chunk([format.delta(event.choice, event.text)])];
        case "choice-end": {
          const finish = format.finish(event.choice, event.finishReason);
          return [...open(event.choice), ...(includeUsage ? [chunk([finish])] : release(finish))];
        }
        case "end": {
          const summary = event.summary === null ? {} : { peerllm: event.summary };
          if (!includeUsage) return release(null, summary);
          return [chunk([], { usage: wireUsage(event.usage), ...summary })];
        }
        default:
          throw event satisfies never;
      }
    },
  };
}

/** The whole answer as one body. Throws what `events` throws, and `unexpected` when they end without an `end`. */
export async function collectAnswer(
  events: AsyncIterable<AnswerEvent>,
  format: WireFormat,
  head: AnswerHead,
  onBegin: (receipt: string | null) => void,
): Promise<object> {
  const texts = new Map<number, string[]>();
  const reasons = new Map<number, FinishReason>();
  let { model } = head;
  let end: { readonly usage: Usage; readonly summary: AnswerSummary | null } | null = null;
  for await (const event of events) {
    if (event.kind === "begin") {
      model = event.model ?? model;
      onBegin(event.receipt);
    } else if (event.kind === "end") end = event;
    else if (event.kind === "choice-end") reasons.set(event.choice, event.finishReason);
    else {
      const text = texts.get(event.choice);
      if (text === undefined) texts.set(event.choice, [event.text]);
      else text.push(event.text);
    }
  }
  if (end === null) throw new PeerError("unexpected", "The answer ended before it was complete.");
  const choices = [...reasons]
    .sort(([a], [b]) => a - b)
    .map(([choice, reason]) => format.whole(choice, (texts.get(choice) ?? []).join(""), reason));
  return {
    id: head.id,
    object: format.object,
    created: head.createdAt,
    model,
    system_fingerprint: head.systemFingerprint,
    choices,
    usage: wireUsage(end.usage),
    ...(end.summary === null ? {} : { peerllm: end.summary }),
  };
}

function wireUsage(usage: Usage): object {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
  };
}
