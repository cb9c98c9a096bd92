import { Channel } from "../../src/channel.ts";
import type { Prompt } from "../../src/chat/message.ts";
import { PeerError } from "../../src/errors.ts";
import type { Tokenizers, Verbaliser } from "../../src/pipeline/ports.ts";
import { errorOf } from "./failure.ts";
import { ChildLink } from "./link.ts";
import type { FromChild, TokenizerAnswer, TokenizerQuestion } from "./messages.ts";

export interface LlamaTokenizers extends Tokenizers {
  close(): Promise<void>;
}

/** A vocabulary of 152k tokens takes 1.3 s to load and 150 MB. */
const vocabulariesMax = 4;
const sizesMax = 1_024;
const questionsMax = 4_096;
const answerWithinMs = 60_000;

/**
 * Vocabularies by file, loaded in a child process that is forked at the first question and again after a crash. All
 * methods throw `engine_crashed` when the child dies, `model_invalid` for a file that is no model, `request_invalid`
 * for a prompt that can't be rendered or a token that isn't in the vocabulary, `queue_full`.
 */
export function startTokenizers(): LlamaTokenizers {
  return new ChildTokenizers();
}

class ChildTokenizers implements LlamaTokenizers {
  /** By file; files are named by their content, so that none changes. */
  readonly #vocabularySizes = new Map<string, number>();
  #child: TokenizerChild | undefined;
  #isClosed = false;

  async render(file: string, prompt: Prompt): Promise<readonly number[]> {
    return tokensIn(await this.#current().ask({ kind: "render", modelFile: file, prompt }));
  }

  async vocabularySize(file: string): Promise<number> {
    const known = this.#vocabularySizes.get(file);
    if (known !== undefined) return known;
    const answer = await this.#current().ask({ kind: "vocabulary-size", modelFile: file });
    if (typeof answer !== "number") throw answerMalformed();
    const [oldest] = this.#vocabularySizes.keys();
    if (this.#vocabularySizes.size >= sizesMax && oldest !== undefined) this.#vocabularySizes.delete(oldest);
    this.#vocabularySizes.set(file, answer);
    return answer;
  }

  async verbalise(file: string, stop: readonly string[]): Promise<Verbaliser> {
    const child = this.#current();
    const verbaliser = await child.ask({ kind: "verbalise-open", modelFile: file, stop });
    if (typeof verbaliser !== "number") throw answerMalformed();
    return {
      async push(tokens) {
        const answer = await child.ask({ kind: "verbalise-push", verbaliser, tokens });
        if (typeof answer === "object" && answer !== null && "texts" in answer) return answer;
        throw answerMalformed();
      },
      async flush() {
        const answer = await child.ask({ kind: "verbalise-flush", verbaliser });
        if (typeof answer === "string") return answer;
        throw answerMalformed();
      },
      close: () => child.tell({ kind: "verbalise-close", verbaliser }),
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#child?.close();
  }

  #current(): TokenizerChild {
    if (this.#isClosed) throw new PeerError("cancelled", "The tokenizers were closed.");
    if (this.#child === undefined || this.#child.isOver) this.#child = new TokenizerChild();
    return this.#child;
  }
}

/** One life of the child process. Questions are answered in the order they are asked, but for loading. */
class TokenizerChild {
  isOver = false;
  readonly #link: ChildLink;
  readonly #questions = new Map<number, Channel<TokenizerAnswer>>();
  #lastId = 0;

  constructor() {
    this.#link = new ChildLink({
      opening: { role: "tokenizer", modelsMax: vocabulariesMax },
      receive: (message) => this.#receive(message),
      ended: (how) => this.#end(new PeerError("engine_crashed", `The tokenizer's process ended (${how}).`)),
    });
  }

  async ask(question: TokenizerQuestion): Promise<TokenizerAnswer> {
    if (this.isOver) throw new PeerError("engine_crashed", "The tokenizer's process ended.");
    if (this.#questions.size >= questionsMax) {
      throw new PeerError("queue_full", `${questionsMax} questions wait for the tokenizer.`, { retryAfterSeconds: 1 });
    }
    this.#lastId += 1;
    const id = this.#lastId;
    const answers = new Channel<TokenizerAnswer>(1);
    this.#questions.set(id, answers);
    const timer = setTimeout(() => void this.#giveUp(), answerWithinMs);
    this.#link.send({ kind: "ask", id, question });
    try {
      for await (const answer of answers) return answer;
      throw answerMalformed();
    } finally {
      clearTimeout(timer);
      this.#questions.delete(id);
    }
  }

  /** Nobody waits for the answer. */
  tell(question: TokenizerQuestion): void {
    this.#lastId += 1;
    this.#link.send({ kind: "ask", id: this.#lastId, question });
  }

  async close(): Promise<void> {
    this.#end(new PeerError("cancelled", "The tokenizer was closed."));
    await this.#link.close();
  }

  /** Whatever it is at, it is at it for too long: another child is started for the next question. */
  async #giveUp(): Promise<void> {
    this.#end(new PeerError("engine_crashed", "The tokenizer gave no answer in time.", { retryAfterSeconds: 1 }));
    await this.#link.close();
  }

  #receive(message: FromChild): void {
    if (message.kind === "answer") this.#questions.get(message.id)?.push(message.value);
    else if (message.kind === "refusal") this.#questions.get(message.id)?.fail(errorOf(message.failure));
    else if (message.kind === "failed") this.#end(errorOf(message.failure));
  }

  #end(error: PeerError): void {
    this.isOver = true;
    for (const answers of this.#questions.values()) answers.fail(error);
  }
}

function tokensIn(answer: TokenizerAnswer): readonly number[] {
  if (isTokens(answer)) return answer;
  throw answerMalformed();
}

function isTokens(answer: TokenizerAnswer): answer is readonly number[] {
  return Array.isArray(answer);
}

function answerMalformed(): PeerError {
  return new PeerError("unexpected", "The tokenizer answered another question.");
}
