import type { Verbaliser } from "./ports.ts";

/**
 * Reads an answer's tokens out as text, without making whoever receives them wait: what comes while the vocabulary's
 * process is asked goes along with the next question, so the busier the machine, the fewer questions. `spoken` gets each
 * token's text in order, whichever way they were asked about.
 */
export class TokenReader {
  readonly #opening: Promise<Verbaliser>;
  readonly #spoken: (text: string, tokens: number) => void;
  #waiting: number[] = [];
  #reading: Promise<void> | null = null;
  #failure: { readonly cause: unknown } | null = null;
  #isStopped = false;

  constructor(opening: Promise<Verbaliser>, spoken: (text: string, tokens: number) => void) {
    this.#opening = opening;
    this.#spoken = spoken;
    opening.catch((cause: unknown) => {
      this.#failure = { cause };
    });
  }

  /** Whether a stop string was met; the text ended before it, and later tokens are not read. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Throws what the vocabulary's process failed with. An answer's length bounds what waits. */
  add(tokens: readonly number[]): void {
    if (this.#failure !== null) throw this.#failure.cause;
    if (this.#isStopped) return;
    this.#waiting.push(...tokens);
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
  }

  /** Reads what is left, with what was held back as the possible start of a stop string. */
  async end(): Promise<void> {
    while (this.#reading !== null) await this.#reading;
    if (this.#failure !== null) throw this.#failure.cause;
    if (this.#isStopped) return;
    const rest = await (await this.#opening).flush();
    if (rest !== "") this.#spoken(rest, 0);
  }

  close(): void {
    this.#opening.then(
      (verbaliser) => verbaliser.close(),
      () => "never opened",
    );
  }

  async #read(): Promise<void> {
    try {
      const verbaliser = await this.#opening;
      while (this.#waiting.length > 0 && !this.#isStopped) {
        const { texts, isStopped } = await verbaliser.push(this.#waiting.splice(0));
        for (const text of texts) this.#spoken(text, 1);
        this.#isStopped = isStopped;
      }
    } catch (cause) {
      this.#failure = { cause };
    }
  }
}
