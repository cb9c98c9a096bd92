/** How much of one request's masked prompt each owner has been shown, in tokens: backups and replacements count. */
export class Exposure {
  readonly #tokensByOwner = new Map<string, number>();
  readonly #promptTokens: number;
  readonly #shareMax: number;

  /** `promptTokens` is the whole masked prompt's; `shareMax` (0..1) bounds what one owner may see of it. */
  constructor(promptTokens: number, shareMax: number) {
    this.#promptTokens = promptTokens;
    this.#shareMax = shareMax;
  }

  /** Whether a part of this size may be shown to anyone at all. */
  mayShowAnyone(tokens: number): boolean {
    return tokens <= this.#promptTokens * this.#shareMax;
  }

  mayShow(owner: string, tokens: number): boolean {
    return this.#seenBy(owner) + tokens <= this.#promptTokens * this.#shareMax;
  }

  record(owner: string, tokens: number): void {
    this.#tokensByOwner.set(owner, this.#seenBy(owner) + tokens);
  }

  /** Owners shown anything yet; subtasks go to others first. */
  owners(): ReadonlySet<string> {
    return new Set(this.#tokensByOwner.keys());
  }

  /** The largest fraction one owner was shown, 0..1: a prompt shown twice to one owner is still one prompt. */
  largestShare(): number {
    const most = Math.max(0, ...this.#tokensByOwner.values());
    return this.#promptTokens === 0 ? 0 : Math.min(1, most / this.#promptTokens);
  }

  #seenBy(owner: string): number {
    return this.#tokensByOwner.get(owner) ?? 0;
  }
}
