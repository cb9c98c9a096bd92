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
