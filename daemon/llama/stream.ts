import type { LlamaModel, Token } from "node-llama-cpp";
import type { Generation, GenerationEvent } from "../../src/chat/generation.ts";
import { PeerError } from "../../src/errors.ts";
import { checkTokens, type Renderer } from "./renderer.ts";
import { seedAt } from "./seed.ts";
import type { Slot } from "./sequences.ts";
import type { TokenBytes } from "./token-bytes.ts";
import { createVerbaliser, type Verbaliser } from "./verbaliser.ts";

export interface StreamCourse {
  readonly model: LlamaModel;
  readonly renderer: Renderer;
  readonly bytesOf: TokenBytes;
  /** Most tokens of a prompt and its answer together. */
  readonly contextLength: number;
}

/** One answer while it is made. */
export interface Stream extends StreamDraft {
  readonly slot: Slot;
}

/** An answer that has no sequence yet. */
export interface StreamDraft {
  readonly id: number;
  readonly generation: Generation;
  readonly promptTokens: number;
  readonly completionTokensMax: number;
  readonly verbaliser: Verbaliser;
  /** All of the answer was delivered before; `isStopped` by a stop string. */
  readonly isOver: boolean;
  readonly isStopped: boolean;
  readonly admittedAt: number;
  readonly cachedTokens: number;
  firstTokenAt: number | undefined;
  /** What the sequence has yet to read: the rest of the prompt, then the last token. */
  pending: readonly Token[];
  completionTokens: number;
  unacknowledgedTokens: number;
  /** The running evaluation of a greedy stream; a sampled one starts anew at each token, for its seed. */
  iterator: AsyncGenerator<Token, void> | undefined;
  isAborted: boolean;
}

/** Renders and checks. Throws `request_invalid`, `context_length_exceeded`. */
export function draftStream(id: number, generation: Generation, course: StreamCourse): StreamDraft {
  const { renderer, contextLength } = course;
  const { stop, maxTokens } = generation.sampling;
  const admittedAt = performance.now();
  const prompt = renderer.render(generation.prompt);
  if (prompt.length === 0) throw new PeerError("request_invalid", "The prompt is empty.");
  if (prompt.length >= contextLength) {
    throw new PeerError(
      "context_length_exceeded",
      `The prompt has ${prompt.length} tokens; the model's context holds ${contextLength}, answer included.`,
    );
  }
  const resumed = checkTokens(generation.resumedTokens, renderer.vocabularySize);
  const verbaliser = createVerbaliser(course.bytesOf, stop);
  const completionTokensMax = Math.min(maxTokens, contextLength - prompt.length);
  const { isStopped } = verbaliser.push(resumed);
  return {
    id,
    generation,
    promptTokens: prompt.length,
    completionTokensMax,
    verbaliser,
    isOver: isStopped || resumed.length >= completionTokensMax,
    isStopped,
    admittedAt,
    cachedTokens: 0,
    firstTokenAt: undefined,
    pending: [...prompt, ...resumed].map(toToken),
    completionTokens: resumed.length,
    unacknowledgedTokens: 0,
    iterator: undefined,
    isAborted: false,
  };
}

/** Has the sequence read what is pending and choose the token after it, an end-of-generation token included. */
export async function sampleToken(stream: Stream): Promise<Token> {
  const { temperature, topP, seed } = stream.generation.sampling;
  const isGreedy = temperature === 0;
  const iterator =
    stream.iterator ??
    stream.slot.sequence.evaluate([...stream.pending], {
      temperature,
      topP,
      topK: 0,
      minP: 0,
      seed: seedAt(seed, stream.promptTokens + stream.completionTokens),
      yieldEogToken: true,
    });
  if (isGreedy) stream.iterator = iterator;
  const { value } = await iterator.next();
  if (!isGreedy) await iterator.return();
  if (value === undefined) throw new PeerError("unexpected", "The model gave no token.");
  return value;
}

/** What was held back, where there is any, and the end. */
export function lastEvents(
  stream: StreamDraft,
  finishReason: "stop" | "length",
): { readonly id: number; readonly event: GenerationEvent }[] {
  const { id, promptTokens, completionTokens, cachedTokens, admittedAt } = stream;
  const now = performance.now();
  const firstTokenAt = stream.firstTokenAt ?? now;
  const text = stream.verbaliser.flush();
  const end: GenerationEvent = {
    kind: "end",
    finishReason,
    usage: { promptTokens, completionTokens },
    cachedTokens,
    prefillMs: firstTokenAt - admittedAt,
    decodeMs: now - firstTokenAt,
  };
  const held: GenerationEvent[] = text === "" ? [] : [{ kind: "delta", tokens: [], text }];
  return [...held, end].map((event) => ({ id, event }));
}

function toToken(token: number): Token {
  return token as Token;
}
