import type { FinishReason } from "../chat/generation.ts";
import type { SubtaskRun } from "./4-dispatch.ts";
import type { Piece } from "./piece.ts";

/**
 * One choice's answer: its subtasks' answers in the order of the plan, each streamed while later ones still work.
 * `firstRun` is the index of the choice's first run among all the request's. A hidden subtask's text feeds others only;
 * its tokens are metered when it is done.
 */
export async function* merge(
  runs: readonly SubtaskRun[],
  choice: number,
  firstRun: number,
): AsyncGenerator<Piece, void, undefined> {
  let finishReason: FinishReason = "stop";
  for (const [index, { subtask, pieces }] of runs.entries()) {
    if (subtask.leadIn !== "") yield { kind: "text", choice, text: subtask.leadIn, metered: [] };
    for await (const piece of pieces) {
      if (piece.kind === "end") {
        if (subtask.isShown && piece.finishReason !== "stop") finishReason = piece.finishReason;
        continue;
      }
      const text = subtask.isShown ? piece.text : "";
      yield { kind: "text", choice, text, metered: [{ run: firstRun + index, tokens: piece.tokens }] };
    }
  }
  yield { kind: "end", choice, finishReason };
}
