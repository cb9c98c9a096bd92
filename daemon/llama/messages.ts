import type { Generation, GenerationEvent } from "../../src/chat/generation.ts";
import type { Prompt } from "../../src/chat/message.ts";
import type { ErrorCode, PeerErrorOptions } from "../../src/errors.ts";
import type { Verbalised } from "../../src/pipeline/ports.ts";

/** What a child is opened for; the first message it gets. One role for life. */
export type Opening = EngineOpening | TokenizerOpening | ProbeOpening;

export type Gpu = "auto" | "off" | "cuda" | "metal" | "vulkan";

export interface EngineOpening {
  readonly role: "engine";
  readonly modelFile: string;
  readonly threads: number;
  readonly gpu: Gpu;
  readonly sequences: number;
  readonly contextLength: number;
  /** Tokens a stream may be ahead of its consumer before it is parked. */
  readonly windowTokens: number;
}

export interface TokenizerOpening {
  readonly role: "tokenizer";
  readonly modelFile: string;
}

export interface ProbeOpening {
  readonly role: "probe";
  readonly modelFile: string;
}

/** What the engine found when it loaded the model. */
export interface EngineFacts {
  /** Most tokens of a prompt and its answer together. */
  readonly contextLength: number;
  readonly sequences: number;
  readonly vocabularySize: number;
  readonly gpu: string;
}

export interface EngineCounters {
  readonly streamsActive: number;
  readonly streamsWaiting: number;
  readonly sequencesFree: number;
  /** Calls of llama.cpp's decode so far, by how many streams shared one: `{ "8": 120 }`. */
  readonly decodesByStreams: Readonly<Record<string, number>>;
  readonly tokensDecoded: number;
  readonly tokensFromCache: number;
  /** How long the present step has taken so far; 0 between steps. */
  readonly stepElapsedMs: number;
}

export interface ChildFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Pick<PeerErrorOptions, "hint" | "retryAfterSeconds">;
}

export type ToEngine =
  | { readonly kind: "generate"; readonly id: number; readonly generation: Generation }
  | { readonly kind: "acknowledge"; readonly id: number; readonly tokens: number }
  | { readonly kind: "abort"; readonly id: number }
  | { readonly kind: "count"; readonly id: number };

export type ToTokenizer = { readonly kind: "ask"; readonly id: number; readonly question: TokenizerQuestion };

export type TokenizerQuestion =
  | { readonly kind: "render"; readonly prompt: Prompt }
  | { readonly kind: "vocabulary-size" }
  | { readonly kind: "verbalise-open"; readonly stop: readonly string[] }
  | { readonly kind: "verbalise-push"; readonly verbaliser: number; readonly tokens: readonly number[] }
  | { readonly kind: "verbalise-flush"; readonly verbaliser: number }
  | { readonly kind: "verbalise-close"; readonly verbaliser: number };

export type ToChild = { readonly kind: "open"; readonly opening: Opening } | ToEngine | ToTokenizer;

export type StreamEvent =
  | { readonly id: number; readonly event: GenerationEvent }
  | { readonly id: number; readonly failure: ChildFailure };

export type FromChild =
  | { readonly kind: "opened"; readonly facts: EngineFacts | null }
  | { readonly kind: "failed"; readonly failure: ChildFailure }
  | { readonly kind: "step"; readonly events: readonly StreamEvent[] }
  | { readonly kind: "counters"; readonly id: number; readonly counters: EngineCounters }
  | { readonly kind: "answer"; readonly id: number; readonly value: TokenizerAnswer }
  | { readonly kind: "refusal"; readonly id: number; readonly failure: ChildFailure };

export type TokenizerAnswer = readonly number[] | Verbalised | number | string | null;
