import { type ChatHistoryItem, JinjaTemplateChatWrapper, type LlamaModel } from "node-llama-cpp";
import type { Message, Prompt } from "../../src/chat/message.ts";
import { PeerError } from "../../src/errors.ts";

export interface Renderer {
  readonly hasTemplate: boolean;
  readonly vocabularySize: number;
  /** The exact tokens the model is given for `prompt`. Throws `request_invalid`. */
  render(prompt: Prompt): number[];
}

/**
 * Renders prompts with the model's own template. Only the template's own text may become special tokens: markers
 * inside messages or a text prompt stay text, so that nobody can close a turn that isn't theirs; a text prompt of the
 * network's own (`hasMarkers`) says otherwise.
 */
export function createRenderer(model: LlamaModel): Renderer {
  const metadata = model.fileInfo.metadata.tokenizer;
  const template = metadata?.chat_template;
  const vocabularySize = metadata?.ggml.tokens.length ?? 0;
  const wrappers = new Map<boolean, JinjaTemplateChatWrapper>();

  function wrapper(joinsTurns: boolean): JinjaTemplateChatWrapper {
    if (template === undefined) {
      throw new PeerError("request_invalid", "This model has no chat template: use /v1/completions with it.");
    }
    let found = wrappers.get(joinsTurns);
    if (found === undefined) {
      found = new JinjaTemplateChatWrapper({
        template,
        tokenizer: model.tokenizer,
        reasoning: null,
        joinAdjacentMessagesOfTheSameType: joinsTurns,
        trimLeadingWhitespaceInResponses: false,
      });
      wrappers.set(joinsTurns, found);
    }
    return found;
  }

  function renderChat(messages: readonly Message[]): number[] {
    const chatHistory = [...historyOf(messages), { type: "model" as const, response: [] }];
    const contextText = renderTemplate((joinsTurns) => wrapper(joinsTurns).generateContextState({ chatHistory }));
    return contextText.contextText.tokenize(model.tokenizer);
  }

  return {
    hasTemplate: template !== undefined,
    vocabularySize,
    render(prompt) {
      switch (prompt.kind) {
        case "chat":
          return renderChat(prompt.messages);
        case "text":
          return withBeginning(model, model.tokenize(prompt.text, prompt.hasMarkers === true));
        case "tokens":
          return checkTokens(prompt.tokens, vocabularySize);
        default:
          return prompt satisfies never;
      }
    },
  };
}

/** Throws `request_invalid` for an id the vocabulary doesn't have: llama.cpp aborts its process on one. */
export function checkTokens(tokens: readonly number[], vocabularySize: number): number[] {
  const stranger = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabularySize);
  if (stranger !== undefined) {
    throw new PeerError("request_invalid", `Token ${stranger} is not in the model's vocabulary of ${vocabularySize}.`);
  }
  return [...tokens];
}

/** Some templates refuse two turns of one role in a row; for those they are joined. */
function renderTemplate<Rendered>(render: (joinsTurns: boolean) => Rendered): Rendered {
  try {
    return render(false);
  } catch (error) {
    if (error instanceof PeerError) throw error;
    try {
      return render(true);
    } catch (cause) {
      throw new PeerError("request_invalid", "The model's chat template can't render this conversation.", { cause });
    }
  }
}

function withBeginning(model: LlamaModel, tokens: number[]): number[] {
  const beginning = model.tokens.bos;
  return model.tokens.shouldPrependBosToken && beginning !== null ? [beginning, ...tokens] : tokens;
}

/**
 * llama.cpp's binding knows tool results only beside structured calls; here they are the text of Qwen's template: one
 * user turn with a `<tool_response>` for each result in a row.
 */
function historyOf(messages: readonly Message[]): ChatHistoryItem[] {
  const history: ChatHistoryItem[] = [];
  messages.forEach((message, index) => {
    const last = history.at(-1);
    if (message.role === "tool") {
      const text = `<tool_response>\n${message.content}\n</tool_response>`;
      if (messages[index - 1]?.role === "tool" && last?.type === "user") last.text += `\n${text}`;
      else history.push({ type: "user", text });
    } else if (message.role === "assistant") {
      history.push({ type: "model", response: [message.content] });
    } else {
      history.push({ type: message.role, text: message.content });
    }
  });
  return history;
}
