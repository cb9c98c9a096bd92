import type { FinishReason } from "../chat/generation.ts";
import type { SubtaskRun } from "./4-dispatch.ts";
import type { Piece } from "./piece.ts";

export interface MergedChoice {
  readonly choice: number;
  /** Index of the choice's first run among all the request's. */
  readonly firstRun: number;
  /** Where the answer is cut as `length`, however many subtasks it has. */
  readonly tokensMax: number;
}

/**
 * One choice's answer: its subtasks' answers in the order of the plan, each streamed while later ones still work. A
 * hidden subtask's text feeds others only. A stop string in one ends the whole, as if one host had made it.
 */
export async function* merge(
  runs: readonly SubtaskRun[],
  { choice, firstRun, tokensMax }: MergedChoice,
): AsyncGenerator<Piece, void, undefined> {
  let finishReason: FinishReason = "stop";
  let tokensLeft = tokensMax;
  for (const [index, { subtask, pieces }] of runs.entries()) {
    if (subtask.leadIn !== "") yield { kind: "text", choice, text: subtask.leadIn, metered: [] };
    for await (const piece of pieces) {
      if (piece.kind === "end") {
        // An answer of no tokens at all is one too, and its prompt was read.
        yield { kind: "text", choice, text: "", metered: [{ run: firstRun + index, tokens: 0 }] };
        if (subtask.isShown && piece.finishReason !== "stop") finishReason = piece.finishReason;
        if (!piece.isStopped) continue;
        yield { kind: "end", choice, finishReason: "stop" };
        return;
      }
      const text = subtask.isShown ? piece.text : "";
      yield { kind: "text", choice, text, metered: [{ run: firstRun + index, tokens: piece.tokens }] };
      if (subtask.isShown) tokensLeft -= piece.tokens;
      if (tokensLeft < 0) {
        yield { kind: "end", choice, finishReason: "length" };
        return;
      }
    }
  }
  yield { kind: "end", choice, finishReason };
}
