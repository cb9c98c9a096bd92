import { randomUUID } from "node:crypto";
import type { LlamaModel, Token } from "node-llama-cpp";
import { piecesOf, tokenizeText } from "./pieces.ts";

/** What people wrote, with a stand-in for each marker in it: one that nobody could foresee. */
export interface HiddenMarkers {
  readonly texts: readonly string[];
  /** The tokens of a prompt made with `texts`: its own markers are control tokens, those of people are text. */
  tokenize(prompt: string): Token[];
}

/** Hides the texts of a vocabulary's control tokens wherever people wrote them. */
export type HideMarkers = (texts: readonly string[]) => HiddenMarkers;

export function createMarkers(model: LlamaModel): HideMarkers {
  const tokens = controlTokens(model);
  const marker = anyOf([...tokens.keys()]);
  return (texts) => {
    const found: string[] = [];
    const key = randomUUID();
    const standIn = new RegExp(`${key}:(\\d+);`, "g");
    const shown = (text: string) => text.replace(standIn, (_, index) => found[Number(index)] ?? "");
    return {
      texts: texts.map((text) => text.replace(marker, (hidden) => `${key}:${found.push(hidden) - 1};`)),
      tokenize(prompt) {
        if (found.length === 0 && piecesOf(model, prompt).length === 1) return model.tokenize(prompt, true);
        const parts = prompt.split(marker);
        return parts.flatMap((part) => tokens.get(part) ?? tokenizeText(model, shown(part)));
      },
    };
  };
}

/** By their texts. */
function controlTokens(model: LlamaModel): ReadonlyMap<string, Token> {
  const texts = model.fileInfo.metadata.tokenizer?.ggml.tokens ?? [];
  const all = texts.map((text, id) => [text, toToken(id)] as const);
  return new Map(
    all.filter(([text, token]) => {
      const { control, unknown } = model.getTokenAttributes(token);
      return text !== "" && (control || unknown);
    }),
  );
}

/** One group, so that a text split by it keeps what it was split at. The longest of several that begin alike. */
function anyOf(texts: readonly string[]): RegExp {
  const sorted = texts.toSorted((one, other) => other.length - one.length);
  const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return new RegExp(`(${sorted.length === 0 ? "(?!)" : sorted.map(literal).join("|")})`, "g");
}

function toToken(id: number): Token {
  return id as Token;
}
