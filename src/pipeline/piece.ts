import type { FinishReason } from "../chat/generation.ts";

/** Tokens of one subtask's answer, by its index in the request's list of runs. */
export interface Metered {
  readonly run: number;
  readonly tokens: number;
}

/** A part of the answer on its way through the last stages, with the tokens it was made of. */
export type Piece =
  | { readonly kind: "text"; readonly choice: number; readonly text: string; readonly metered: readonly Metered[] }
  | { readonly kind: "end"; readonly choice: number; readonly finishReason: FinishReason };
