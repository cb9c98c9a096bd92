import type { FinishReason, Sampling, Usage } from "./generation.ts";
import type { Prompt } from "./message.ts";

export type PrivacyLevel = "standard" | "strict";
export type PlanMode = "auto" | "single" | "split";

/** A request for answers, as a consumer makes it. `maxTokens` null: as many as the model's context leaves room for. */
export interface AnswerRequest {
  readonly model: string;
  /** One prompt for a conversation; one or more for `/v1/completions`, each answered `choices` times. */
  readonly prompts: readonly Prompt[];
  readonly sampling: Omit<Sampling, "maxTokens"> & { readonly maxTokens: number | null };
  /** Answers wanted to each prompt (`n`), 1 to 16. */
  readonly choices: number;
  readonly privacy: PrivacyLevel;
  readonly plan: PlanMode;
  /** True where the consumer's own machine masked the prompt already: placeholders in it are left alone. */
  readonly isMasked: boolean;
  /** True where the consumer gets to see the answer only once it is whole: one that breaks off before is worth nothing. */
  readonly isWhole: boolean;
}

/** What happened to one request, told with its answer. Shares are fractions of masked tokens seen by one owner. */
export interface AnswerSummary {
  readonly receipt: string;
  readonly plan: string;
  readonly hosts: number;
  readonly largestShare: number;
  /** Whose hosts they are, counted; all that nobody vouches for count as one. */
  readonly owners: number;
  /** Of the answer's tokens, the largest fraction that one owner's hosts made. */
  readonly largestAnswerShare: number;
  /** Hosts that were lost and replaced. */
  readonly failovers: number;
  /** Identifiers masked, counted by type ("PERSON": 2). */
  readonly masked: Readonly<Record<string, number>>;
  /** Exact decimal dollars. */
  readonly costUsd: string;
}

/**
 * An answer as it streams. `begin` comes first, once nothing but a delta stands between the request and its answer;
 * then deltas in order within a choice (choices may interleave), `choice-end` once per choice, and `end` last.
 * `choice` numbers prompt-major: choice = promptIndex · choices + answerIndex. A failure is thrown, never an event.
 */
export type AnswerEvent =
  /** `model`: the one that answers, where it is known by another name than was asked for, such as with its version. */
  | { readonly kind: "begin"; readonly receipt: string | null; readonly model?: string }
  | { readonly kind: "delta"; readonly choice: number; readonly text: string }
  | { readonly kind: "choice-end"; readonly choice: number; readonly finishReason: FinishReason }
  | { readonly kind: "end"; readonly usage: Usage; readonly summary: AnswerSummary | null };

/** A model as `/v1/models` lists it. */
export interface ModelListing {
  readonly id: string;
  /** Seconds since the Unix epoch. */
  readonly createdAt: number;
  readonly owner: string;
  readonly contextLength: number | null;
}
