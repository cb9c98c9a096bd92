import type { Prompt } from "../../src/chat/message.ts";
import { PeerError } from "../../src/errors.ts";
import type { Verbaliser } from "../../src/pipeline/ports.ts";
import { errorOf } from "./failure.ts";
import { ChildLink } from "./link.ts";
import type { FromChild, TokenizerAnswer, TokenizerQuestion } from "./messages.ts";

const questionsMax = 4_096;
const loadWithinMs = 60_000;
/** Most that one question takes: 131,072 tokens of a prompt are rendered in a fraction of a second. */
const answerWithinMs = 10_000;

/** One vocabulary in a child process, for one life of it. Questions are answered in the order they are asked. */
export class TokenizerProcess {
  readonly #link: ChildLink;
  readonly #becameIdle: () => void;
  readonly #questions = new Map<number, Asked>();
  #lastId = 0;
  #verbalisers = 0;
  #isLoaded = false;
  #isOver = false;
  #patience: NodeJS.Timeout | undefined;

  /** Told each time nobody needs it any more for now. */
  constructor(modelFile: string, becameIdle: () => void) {
    this.#becameIdle = becameIdle;
    this.#link = new ChildLink({
      opening: { role: "tokenizer", modelFile },
      receive: (message) => this.#receive(message),
      ended: (how) => void this.#end(crashError(`The tokenizer's process ended (${how}).`)),
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Nobody waits for it, and no answer is being verbalised. */
  get isIdle(): boolean {
    return this.#questions.size === 0 && this.#verbalisers === 0;
  }

  async render(prompt: Prompt): Promise<readonly number[]> {
    const answer = await this.#ask({ kind: "render", prompt });
    if (isTokens(answer)) return answer;
    throw answerMalformed();
  }

  async vocabularySize(): Promise<number> {
    const answer = await this.#ask({ kind: "vocabulary-size" });
    if (typeof answer === "number") return answer;
    throw answerMalformed();
  }

  async verbalise(stop: readonly string[]): Promise<Verbaliser> {
    this.#verbalisers += 1;
    try {
      const verbaliser = await this.#ask({ kind: "verbalise-open", stop });
      if (typeof verbaliser === "number") return this.#verbaliser(verbaliser);
      throw answerMalformed();
    } catch (error) {
      this.#dropVerbaliser();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#end(new PeerError("cancelled", "The tokenizer was closed."));
  }

  #verbaliser(verbaliser: number): Verbaliser {
    let isOpen = true;
    return {
      push: async (tokens) => {
        const answer = await this.#ask({ kind: "verbalise-push", verbaliser, tokens });
        if (typeof answer === "object" && answer !== null && "texts" in answer) return answer;
        throw answerMalformed();
      },
      flush: async () => {
        const answer = await this.#ask({ kind: "verbalise-flush", verbaliser });
        if (typeof answer === "string") return answer;
        throw answerMalformed();
      },
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        // Nobody waits for the answer.
        this.#lastId += 1;
        this.#link.send({ kind: "ask", id: this.#lastId, question: { kind: "verbalise-close", verbaliser } });
        this.#dropVerbaliser();
      },
    };
  }

  #dropVerbaliser(): void {
    this.#verbalisers -= 1;
    if (this.isIdle) this.#becameIdle();
  }

  async #ask(question: TokenizerQuestion): Promise<TokenizerAnswer> {
    if (this.#isOver) throw crashError("The tokenizer's process ended.");
    if (this.#questions.size >= questionsMax) {
      throw new PeerError("queue_full", `${questionsMax} questions wait for the tokenizer.`, { retryAfterSeconds: 1 });
    }
    this.#lastId += 1;
    const id = this.#lastId;
    this.#patience ??= this.#wait();
    this.#link.send({ kind: "ask", id, question });
    return new Promise((resolve, reject) => this.#questions.set(id, { resolve, reject }));
  }

  #receive(message: FromChild): void {
    if (message.kind === "failed") return void this.#end(errorOf(message.failure));
    this.#isLoaded = true;
    if (message.kind === "answer" || message.kind === "refusal") {
      const asked = this.#questions.get(message.id);
      this.#questions.delete(message.id);
      if (message.kind === "answer") asked?.resolve(message.value);
      else asked?.reject(errorOf(message.failure));
    }
    clearTimeout(this.#patience);
    this.#patience = this.#questions.size === 0 ? undefined : this.#wait();
    if (this.isIdle) this.#becameIdle();
  }

  /** Whatever it is at when the time is up, it is at it for too long. */
  #wait(): NodeJS.Timeout {
    const tooLate = () => void this.#end(crashError("The tokenizer gave no answer in time."));
    return setTimeout(tooLate, this.#isLoaded ? answerWithinMs : loadWithinMs);
  }

  async #end(error: PeerError): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#patience);
    for (const { reject } of this.#questions.values()) reject(error);
    this.#questions.clear();
    await this.#link.close();
  }
}

interface Asked {
  resolve(answer: TokenizerAnswer): void;
  reject(error: PeerError): void;
}

function crashError(message: string): PeerError {
  return new PeerError("engine_crashed", message, { retryAfterSeconds: 1 });
}

function isTokens(answer: TokenizerAnswer): answer is readonly number[] {
  return Array.isArray(answer);
}

function answerMalformed(): PeerError {
  return new PeerError("unexpected", "The tokenizer answered another question.");
}
