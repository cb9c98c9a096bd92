import { createStopScanner } from "../chat/stop.ts";
import { createRehydrator } from "../privacy/rehydrate.ts";
import type { Vault } from "../privacy/vault.ts";
import { Meter } from "./meter.ts";
import type { Piece } from "./piece.ts";

/**
 * Gives an answer its identifiers back as it streams, holding back no more than an unfinished placeholder, and ends it
 * before the first of the consumer's stop strings: they speak of this text, and hosts may not be told them.
 */
export async function* rehydrate(
  pieces: AsyncIterable<Piece>,
  vault: Vault,
  stop: readonly string[],
): AsyncGenerator<Piece, void, undefined> {
  const rehydrator = createRehydrator(vault);
  const scanner = createStopScanner(stop);
  const meter = new Meter();
  for await (const piece of pieces) {
    const isEnd = piece.kind === "end";
    if (!isEnd) meter.add(piece.metered);
    const scanned = scanner.push(isEnd ? rehydrator.flush() : rehydrator.push(piece.text));
    const isOver = isEnd || scanned.isStopped;
    const text = isOver ? scanned.text + scanner.flush() : scanned.text;
    if (text !== "" || isOver) yield { kind: "text", choice: piece.choice, text, metered: meter.take() };
    if (scanned.isStopped) yield { kind: "end", choice: piece.choice, finishReason: "stop" };
    else if (isEnd) yield piece;
    if (isOver) return;
  }
}
