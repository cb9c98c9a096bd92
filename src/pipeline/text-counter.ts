/** A tail without a space is counted at this length, so that nothing grows without end. */
const tailLengthMax = 256;

/**
 * Counts the tokens of a text as it comes, whole words at a time, so that how a host cuts its deltas does not change the
 * price. Counts at most `tokensMax`; what a host sends beyond is `excess`.
 */
export class TextCounter {
  readonly #count: (text: string) => Promise<number>;
  readonly #tokensMax: number;
  #tail = "";
  #tokens = 0;

  /** `count` tells the tokens of a text by the model's own vocabulary. */
  constructor(count: (text: string) => Promise<number>, tokensMax: number) {
    this.#count = count;
    this.#tokensMax = tokensMax;
  }

  get excess(): number {
    return Math.max(0, this.#tokens - this.#tokensMax);
  }

  /** Tokens that became certain with `text`. A vocabulary's words begin with their space, so it is cut before one. */
  async push(text: string): Promise<number> {
    this.#tail += text;
    const end = this.#tail.length > tailLengthMax ? this.#tail.length : (/\s+\S*$/.exec(this.#tail)?.index ?? 0);
    const whole = this.#tail.slice(0, end);
    this.#tail = this.#tail.slice(end);
    return this.#add(whole);
  }

  flush(): Promise<number> {
    const rest = this.#tail;
    this.#tail = "";
    return this.#add(rest);
  }

  async #add(text: string): Promise<number> {
    if (text === "") return 0;
    const before = Math.min(this.#tokens, this.#tokensMax);
    this.#tokens += await this.#count(text);
    return Math.min(this.#tokens, this.#tokensMax) - before;
  }
}
