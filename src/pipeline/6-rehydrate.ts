import { createRehydrator } from "../privacy/rehydrate.ts";
import type { Vault } from "../privacy/vault.ts";
import { Meter } from "./meter.ts";
import type { Piece } from "./piece.ts";

/** Gives an answer its identifiers back as it streams, holding back no more than an unfinished placeholder. */
export async function* rehydrate(pieces: AsyncIterable<Piece>, vault: Vault): AsyncGenerator<Piece, void, undefined> {
  const rehydrator = createRehydrator(vault);
  const meter = new Meter();
  for await (const piece of pieces) {
    const isEnd = piece.kind === "end";
    const text = isEnd ? rehydrator.flush() : rehydrator.push(piece.text);
    if (!isEnd) meter.add(piece.metered);
    if (text !== "" || isEnd) yield { kind: "text", choice: piece.choice, text, metered: meter.take() };
    if (isEnd) yield piece;
  }
}
