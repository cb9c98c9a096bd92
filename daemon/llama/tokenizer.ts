import type { Prompt } from "../../src/chat/message.ts";
import { PeerError } from "../../src/errors.ts";
import type { Tokenizers, Verbaliser } from "../../src/pipeline/ports.ts";
import { TokenizerProcess } from "./tokenizer-process.ts";

export interface LlamaTokenizers extends Tokenizers {
  close(): Promise<void>;
}

/** Processes that nobody needs now, kept for the next question: each takes 90 MB, with 152k tokens 150 MB more. */
const idleMax = 4;
const processesMax = 32;
const sizesMax = 1_024;

/**
 * Vocabularies by file, each in a child process of its own, which is forked at the first question and again after a
 * crash: a template that loops or a file that llama.cpp trips over costs no other model anything. All methods throw
 * `engine_crashed` when the child dies or takes too long, `model_invalid` for a file that is no model,
 * `request_invalid` for a prompt that can't be rendered or a token that isn't in the vocabulary, `queue_full`.
 */
export function startTokenizers(): LlamaTokenizers {
  return new ChildTokenizers();
}

class ChildTokenizers implements LlamaTokenizers {
  /** By file; files are named by their content, so that none changes. */
  readonly #vocabularySizes = new Map<string, number>();
  /** By file, the least recently used first. */
  readonly #processes = new Map<string, TokenizerProcess>();
  #isClosed = false;

  async render(file: string, prompt: Prompt): Promise<readonly number[]> {
    return this.#processFor(file).render(prompt);
  }

  async vocabularySize(file: string): Promise<number> {
    const known = this.#vocabularySizes.get(file);
    if (known !== undefined) return known;
    const size = await this.#processFor(file).vocabularySize();
    const [oldest] = this.#vocabularySizes.keys();
    if (this.#vocabularySizes.size >= sizesMax && oldest !== undefined) this.#vocabularySizes.delete(oldest);
    this.#vocabularySizes.set(file, size);
    return size;
  }

  async verbalise(file: string, stop: readonly string[]): Promise<Verbaliser> {
    return this.#processFor(file).verbalise(stop);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#processes.values()].map((vocabulary) => vocabulary.close()));
  }

  #processFor(file: string): TokenizerProcess {
    if (this.#isClosed) throw new PeerError("cancelled", "The tokenizers were closed.");
    const found = this.#processes.get(file);
    this.#processes.delete(file);
    const vocabulary = found === undefined || found.isOver ? this.#start(file) : found;
    this.#processes.set(file, vocabulary);
    return vocabulary;
  }

  #start(file: string): TokenizerProcess {
    if (this.#processes.size >= processesMax) {
      throw new PeerError("queue_full", `The tokenizers of ${processesMax} models are at work.`, {
        retryAfterSeconds: 1,
      });
    }
    return new TokenizerProcess(file, () => this.#endIdle());
  }

  #endIdle(): void {
    const idle = [...this.#processes].filter(([, { isIdle }]) => isIdle);
    for (const [file, vocabulary] of idle.slice(0, -idleMax)) {
      this.#processes.delete(file);
      void vocabulary.close();
    }
  }
}
