import type { Prompt } from "./message.ts";

/** How the next token is chosen. Every field is set: whoever parses a request fills in its own documented defaults. */
export interface Sampling {
  /** 0 is greedy; at most 2. */
  readonly temperature: number;
  /** 0 < topP ≤ 1; 1 disables. */
  readonly topP: number;
  /** Unsigned 32-bit base seed. The seed of each step is a function of it and of the token's position. */
  readonly seed: number;
  /** Most tokens to generate, ≥ 1. */
  readonly maxTokens: number;
  /** At most 16 strings; the answer ends before the first of them. */
  readonly stop: readonly string[];
}

export type FinishReason = "stop" | "length" | "content_filter";

export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** One answer to make. */
export interface Generation {
  readonly prompt: Prompt;
  /** Token ids of the answer that were already delivered; generation continues after them, none is emitted again. */
  readonly resumedTokens: readonly number[];
  readonly sampling: Sampling;
  /** Conversations with the same key may share a cached prefix; different keys never do. */
  readonly cacheKey: string;
}

/**
 * `text` is the part of the answer that became certain (whole UTF-8, clear of stop strings); it may be empty while
 * `tokens` is not. `tokens` is empty where an engine reports no ids.
 */
export interface GenerationDelta {
  readonly kind: "delta";
  readonly tokens: readonly number[];
  readonly text: string;
}

export interface GenerationEnd {
  readonly kind: "end";
  readonly finishReason: "stop" | "length";
  /** `completionTokens` counts `resumedTokens` too, and the end-of-generation token not at all. */
  readonly usage: Usage;
  readonly cachedTokens: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
}

export type GenerationEvent = GenerationDelta | GenerationEnd;

/**
 * Something that can answer with one model: llama.cpp in a child process, or another OpenAI-compatible server.
 * `generate` throws `context_length_exceeded`, `engine_crashed`, `upstream_failed`, or the signal's reason.
 */
export interface Engine {
  readonly contextLength: number;
  /** How many answers are decoded at once. */
  readonly sequences: number;
  /** Whether deltas carry token ids, and a half-made answer can be continued elsewhere. */
  readonly reportsTokens: boolean;
  generate(generation: Generation, signal: AbortSignal): AsyncIterable<GenerationEvent>;
  close(): Promise<void>;
}
