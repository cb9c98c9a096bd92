import type { Metered } from "./piece.ts";

/** Keeps the tokens of text that a stage holds back, to go out with that text. */
export class Meter {
  #held = new Map<number, number>();

  add(metered: readonly Metered[]): void {
    for (const { run, tokens } of metered) this.#held.set(run, (this.#held.get(run) ?? 0) + tokens);
  }

  take(): readonly Metered[] {
    const metered = [...this.#held].map(([run, tokens]) => ({ run, tokens }));
    this.#held = new Map();
    return metered;
  }
}

/** Keeps the tokens of text that is released in other pieces than it came: those whose text is out entirely go with it. */
export class LengthMeter {
  readonly #held: { readonly end: number; readonly metered: readonly Metered[] }[] = [];
  #added = 0;
  #released = 0;

  add(length: number, metered: readonly Metered[]): void {
    this.#added += length;
    this.#held.push({ end: this.#added, metered });
  }

  take(length: number): readonly Metered[] {
    this.#released += length;
    const kept = this.#held.findIndex(({ end }) => end > this.#released);
    return this.#held.splice(0, kept === -1 ? this.#held.length : kept).flatMap(({ metered }) => metered);
  }

  takeAll(): readonly Metered[] {
    return this.take(this.#added - this.#released);
  }
}
