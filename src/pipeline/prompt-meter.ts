import { messagesOf, type Prompt } from "../chat/message.ts";
import type { Tokenizers } from "./ports.ts";

/** A prompt by its model's own vocabulary. */
export interface MeasuredPrompt {
  /** As the model's template renders it, exact. */
  readonly tokens: readonly number[];
  /** Tokens of its text, without what the template adds: what a host gets to see of the request. */
  readonly shownTokens: number;
}

/**
 * Measures prompts of one request, each once however many stages ask: a stage that changes nothing in a prompt hands on
 * the very object. The vocabulary is in another process, and each question to it delays the first token.
 */
export class PromptMeter {
  readonly #file: string;
  readonly #tokenizers: Tokenizers;
  readonly #measured = new WeakMap<Prompt, Promise<MeasuredPrompt>>();

  constructor(file: string, tokenizers: Tokenizers) {
    this.#file = file;
    this.#tokenizers = tokenizers;
  }

  /** Throws `request_invalid` for what the template can't render. */
  measure(prompt: Prompt): Promise<MeasuredPrompt> {
    const measured = this.#measured.get(prompt) ?? this.#measure(prompt);
    this.#measured.set(prompt, measured);
    return measured;
  }

  async #measure(prompt: Prompt): Promise<MeasuredPrompt> {
    const text = messagesOf(prompt)
      .map(({ content }) => content)
      .join("\n");
    const [tokens, shown] = await Promise.all([
      this.#tokenizers.render(this.#file, prompt),
      this.#tokenizers.render(this.#file, { kind: "text", text }),
    ]);
    return { tokens, shownTokens: shown.length };
  }
}
