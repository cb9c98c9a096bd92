import type { Prompt } from "../../src/chat/message.ts";
import { PeerError } from "../../src/errors.ts";
import type { AccountId } from "../../src/ids.ts";
import type { Tokenizers } from "../../src/pipeline/ports.ts";

/** Characters that a vocabulary is given at once, where it is more than one question: whoever comes waits for them. */
const givenMax = 65_536;
/** What each question takes besides its characters. */
const questionCost = 1_024;
/** Most questions of one account that wait for one vocabulary; a request of 256 prompts asks 512. */
const waitingMax = 2_048;

/** The tokenizers as accounts share them: while a vocabulary is busy, each account gets one prompt rendered in turn. */
export class FairTokenizers {
  readonly #tokenizers: Tokenizers;
  readonly #queues = new Map<string, Queue>();

  constructor(tokenizers: Tokenizers) {
    this.#tokenizers = tokenizers;
  }

  /** Throws `queue_full` where too many questions of the account wait. */
  of(accountId: AccountId): Tokenizers {
    const tokenizers = this.#tokenizers;
    return {
      vocabularySize: (file) => tokenizers.vocabularySize(file),
      verbalise: (file, stop) => tokenizers.verbalise(file, stop),
      render: async (file, prompt) => {
        const queue = this.#queues.get(file) ?? new Queue();
        this.#queues.set(file, queue);
        try {
          return await queue.inTurn(accountId, questionCost + lengthOf(prompt), () => tokenizers.render(file, prompt));
        } finally {
          if (queue.isIdle) this.#queues.delete(file);
        }
      },
    };
  }
}

interface Turn {
  readonly cost: number;
  begin(): void;
}

/** One vocabulary's. */
class Queue {
  /** In the order in which accounts get their turn. */
  readonly #waiting = new Map<AccountId, Turn[]>();
  #given = 0;

  get isIdle(): boolean {
    return this.#given === 0 && this.#waiting.size === 0;
  }

  async inTurn<Result>(accountId: AccountId, cost: number, act: () => Promise<Result>): Promise<Result> {
    const own = this.#waiting.get(accountId) ?? [];
    if (own.length >= waitingMax) {
      throw new PeerError(
        "queue_full",
        `${waitingMax} prompts of this account wait to be measured. Send fewer at once.`,
        {
          retryAfterSeconds: 5,
        },
      );
    }
    await new Promise<void>((begin) => {
      this.#waiting.set(accountId, own);
      own.push({ cost, begin });
      this.#serve();
    });
    try {
      return await act();
    } finally {
      this.#given -= cost;
      this.#serve();
    }
  }

  #serve(): void {
    // An account that is put back is met again, after the others.
    for (const [accountId, [next, ...later]] of this.#waiting) {
      if (next === undefined || (this.#given > 0 && this.#given + next.cost > givenMax)) return;
      this.#waiting.delete(accountId);
      if (later.length > 0) this.#waiting.set(accountId, later);
      this.#given += next.cost;
      next.begin();
    }
  }
}

function lengthOf(prompt: Prompt): number {
  if (prompt.kind === "tokens") return prompt.tokens.length;
  if (prompt.kind === "text") return prompt.text.length;
  return prompt.messages.reduce((sum, { content }) => sum + content.length, 0);
}
