import type { LlamaModel } from "node-llama-cpp";
import type { Message, Prompt } from "../../src/chat/message.ts";
import { PeerError } from "../../src/errors.ts";
import { type ChatTemplate, createChatTemplate } from "./chat-template.ts";
import { createMarkers, type HideMarkers } from "./markers.ts";
import { tokenizeText } from "./pieces.ts";

export interface Renderer {
  readonly hasTemplate: boolean;
  readonly vocabularySize: number;
  /** The exact tokens the model is given for `prompt`. Throws `request_invalid`. */
  render(prompt: Prompt): number[];
}

/**
 * Renders prompts with the model's own template. Only the template's own text may become control tokens: markers
 * inside messages or a text prompt stay text, so that nobody can close a turn that isn't theirs; a text prompt of the
 * network's own (`hasMarkers`) says otherwise.
 */
export function createRenderer(model: LlamaModel): Renderer {
  const metadata = model.fileInfo.metadata.tokenizer;
  const vocabularySize = metadata?.ggml.tokens.length ?? 0;
  let template: ChatTemplate | undefined;
  let hideMarkers: HideMarkers | undefined;

  const withoutMarkers: HideMarkers = (texts) => {
    hideMarkers ??= createMarkers(model);
    return hideMarkers(texts);
  };

  function renderChat(messages: readonly Message[]): number[] {
    if (metadata?.chat_template === undefined) {
      throw new PeerError("request_invalid", "This model has no chat template: use /v1/completions with it.");
    }
    template ??= createChatTemplate(metadata.chat_template, model.tokens);
    const { texts, tokenize } = withoutMarkers(messages.map(({ content }) => content));
    return tokenize(template(messages.map(({ role }, index) => ({ role, content: texts[index] ?? "" }))));
  }

  return {
    hasTemplate: metadata?.chat_template !== undefined,
    vocabularySize,
    render(prompt) {
      switch (prompt.kind) {
        case "chat":
          return renderChat(prompt.messages);
        case "text":
          return withBeginning(
            model,
            prompt.hasMarkers === true ? withoutMarkers([]).tokenize(prompt.text) : tokenizeText(model, prompt.text),
          );
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

function withBeginning(model: LlamaModel, tokens: number[]): number[] {
  const beginning = model.tokens.bos;
  return model.tokens.shouldPrependBosToken && beginning !== null ? [beginning, ...tokens] : tokens;
}
