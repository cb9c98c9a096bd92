import { createStopScanner, type Scanned } from "../../src/chat/stop.ts";

/** Token ids to text, as the model's vocabulary says; bytes that are not UTF-8 come out as U+FFFD. */
export type Detokenize = (tokens: readonly number[]) => string;

export interface Verbaliser {
  push(tokens: readonly number[]): Scanned;
  /** What was held back, once no more tokens come; empty after a stop string. */
  flush(): string;
}

/** Turns an answer's tokens into text that never holds half a character nor any part of a stop string. */
export function createVerbaliser(detokenize: Detokenize, stops: readonly string[]): Verbaliser {
  const detokeniser = createDetokeniser(detokenize);
  const scanner = createStopScanner(stops);
  let isStopped = false;
  return {
    push(tokens) {
      const scanned = scanner.push(detokeniser.push(tokens));
      isStopped = scanned.isStopped;
      return scanned;
    },
    flush() {
      if (isStopped) return "";
      const last = scanner.push(detokeniser.flush());
      return last.text + scanner.flush();
    },
  };
}

const windowTokensMax = 48;
/** A character has at most 4 bytes, and all but control tokens have at least one. */
const windowTokensKept = 12;
const replacement = "\uFFFD";

interface Detokeniser {
  push(tokens: readonly number[]): string;
  flush(): string;
}

/**
 * Detokenises a sliding window and gives what is new in it: a token's text depends on its neighbours (leading spaces,
 * characters spread over tokens). An unfinished character is decoded as one trailing U+FFFD (WHATWG "maximal
 * subpart"), so exactly one is held back until what follows decides it.
 */
function createDetokeniser(detokenize: Detokenize): Detokeniser {
  let window: number[] = [];
  let emitted = "";
  return {
    push(tokens) {
      let text = "";
      for (let start = 0; start < tokens.length; start += windowTokensMax) {
        if (window.length >= windowTokensMax) {
          window = window.slice(-windowTokensKept);
          emitted = withoutUnfinished(detokenize(window));
        }
        window.push(...tokens.slice(start, start + windowTokensMax));
        const stable = withoutUnfinished(detokenize(window));
        text += stable.slice(emitted.length);
        emitted = stable;
      }
      return text;
    },
    flush() {
      const rest = window.length === 0 ? "" : detokenize(window).slice(emitted.length);
      window = [];
      emitted = "";
      return rest;
    },
  };
}

function withoutUnfinished(text: string): string {
  return text.endsWith(replacement) ? text.slice(0, -1) : text;
}
