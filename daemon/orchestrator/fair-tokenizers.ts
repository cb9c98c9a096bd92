import type { Prompt } from "../../src/chat/message.ts";
import type { AccountId } from "../../src/ids.ts";
import type { Tokenizers } from "../../src/pipeline/ports.ts";
import { type InTurn, turns } from "../../src/turns.ts";

/** Shorter prompts take no time worth speaking of. */
const longPromptLength = 65_536;

/** The tokenizers as accounts share them: of one account's long prompts the next waits until the last is done. */
export class FairTokenizers {
  readonly #tokenizers: Tokenizers;
  readonly #queues = new Map<AccountId, { readonly inTurn: InTurn; waiting: number }>();

  constructor(tokenizers: Tokenizers) {
    this.#tokenizers = tokenizers;
  }

  of(accountId: AccountId): Tokenizers {
    const tokenizers = this.#tokenizers;
    return {
      vocabularySize: (file) => tokenizers.vocabularySize(file),
      verbalise: (file, stop) => tokenizers.verbalise(file, stop),
      render: (file, prompt) =>
        lengthOf(prompt) < longPromptLength
          ? tokenizers.render(file, prompt)
          : this.#inTurn(accountId, () => tokenizers.render(file, prompt)),
    };
  }

  async #inTurn<Result>(accountId: AccountId, act: () => Promise<Result>): Promise<Result> {
    const queue = this.#queues.get(accountId) ?? { inTurn: turns(), waiting: 0 };
    this.#queues.set(accountId, queue);
    queue.waiting += 1;
    try {
      return await queue.inTurn(act);
    } finally {
      queue.waiting -= 1;
      if (queue.waiting === 0) this.#queues.delete(accountId);
    }
  }
}

function lengthOf(prompt: Prompt): number {
  if (prompt.kind === "tokens") return prompt.tokens.length;
  if (prompt.kind === "text") return prompt.text.length;
  return prompt.messages.reduce((sum, { content }) => sum + content.length, 0);
}
