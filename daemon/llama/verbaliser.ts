import { createStopScanner, type Scanned } from "../../src/chat/stop.ts";
import type { TokenBytes } from "./token-bytes.ts";

export interface Verbaliser {
  push(tokens: readonly number[]): Scanned;
  /** What was held back, once no more tokens come; empty after a stop string. */
  flush(): string;
}

/**
 * Turns an answer's tokens into text that never holds half a character nor any part of a stop string; bytes that are
 * not UTF-8 come out as U+FFFD.
 */
export function createVerbaliser(bytesOf: TokenBytes, stops: readonly string[]): Verbaliser {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const scanner = createStopScanner(stops);
  let isStopped = false;
  return {
    push(tokens) {
      const scanned = scanner.push(decoder.decode(Buffer.concat(tokens.map(bytesOf)), { stream: true }));
      isStopped = scanned.isStopped;
      return scanned;
    },
    flush() {
      if (isStopped) return "";
      const last = scanner.push(decoder.decode());
      return last.text + scanner.flush();
    },
  };
}
