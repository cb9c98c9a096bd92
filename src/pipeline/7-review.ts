import type { Message } from "../chat/message.ts";
import { createReview } from "../safety/review.ts";
import { LengthMeter } from "./meter.ts";
import type { Piece } from "./piece.ts";
import type { Ports } from "./ports.ts";

export interface ReviewedPrompt {
  /** What the answer answers, for the guard. */
  readonly messages: readonly Message[];
  readonly isStrict: boolean;
}

/**
 * Lets an answer pass sentence by sentence. One that the policy blocks ends it with `content_filter`: nothing more is
 * released, and what was withheld is not billed.
 */
export async function* review(
  pieces: AsyncIterable<Piece>,
  prompt: ReviewedPrompt,
  ports: Ports,
  signal: AbortSignal,
): AsyncGenerator<Piece, void, undefined> {
  const { guard } = ports;
  const judge = guard === null ? {} : { guard: guardOfAnswer(guard, prompt.messages) };
  const reviewer = createReview({
    policy: ports.policy(),
    strict: prompt.isStrict && guard !== null,
    signal,
    ...judge,
  });
  const meter = new LengthMeter();
  for await (const piece of pieces) {
    const isEnd = piece.kind === "end";
    if (!isEnd) meter.add(piece.text.length, piece.metered);
    const { text, blocked } = await (isEnd ? reviewer.flush() : reviewer.push(piece.text));
    const isBlocked = blocked !== undefined;
    if (text !== "" || (isEnd && !isBlocked)) {
      const metered = isEnd && !isBlocked ? meter.takeAll() : meter.take(text.length);
      yield { kind: "text", choice: piece.choice, text, metered };
    }
    if (isBlocked) yield { kind: "end", choice: piece.choice, finishReason: "content_filter" };
    else if (isEnd) yield piece;
    if (isBlocked || isEnd) return;
  }
}

function guardOfAnswer(guard: NonNullable<Ports["guard"]>, messages: readonly Message[]) {
  return (answer: string, signal: AbortSignal) => guard(messages, answer, signal);
}
