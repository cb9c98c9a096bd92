/**
 * A queue between one writer that never waits and one reader. The writer's work bounds it: `itemsMax` is asserted,
 * not awaited. Ends with `close` or `fail`; what was pushed before is still read.
 */
export class Channel<Item> implements AsyncIterable<Item> {
  readonly #items: Item[] = [];
  readonly #itemsMax: number;
  #end: { readonly error: unknown } | "closed" | null = null;
  #wake: (() => void) | null = null;

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
  }

  /** Items pushed and not yet read. */
  get length(): number {
    return this.#items.length;
  }

  /** Ignored after the end. */
  push(item: Item): void {
    if (this.#end !== null) return;
    if (this.#items.length >= this.#itemsMax) throw new RangeError(`A channel of ${this.#itemsMax} items overflowed.`);
    this.#items.push(item);
    this.#wake?.();
  }

  close(): void {
    this.#end ??= "closed";
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for (;;) {
      for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) yield item;
      if (this.#end === "closed") return;
      if (this.#end !== null) throw this.#end.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }
}
