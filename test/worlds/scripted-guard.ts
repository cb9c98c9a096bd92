import type { Engine, GenerationEvent } from "../../src/chat/generation.ts";

export interface ScriptedGuard extends Engine {
  /** The prompts it called safe, in order. */
  readonly passed: readonly string[];
}

/** Says "unsafe" and S1 of a conversation that holds `word`, else "safe": no model here can be made to judge. */
export function scriptedGuard(word: string): ScriptedGuard {
  const passed: string[] = [];
  return {
    passed,
    contextLength: 8_192,
    sequences: 4,
    reportsTokens: true,
    async *generate({ prompt }, signal): AsyncGenerator<GenerationEvent, void, undefined> {
      signal.throwIfAborted();
      const text = prompt.kind === "text" ? prompt.text : "";
      const isUnsafe = text.includes(word);
      if (!isUnsafe) passed.push(text);
      yield { kind: "delta", tokens: [1], text: isUnsafe ? "unsafe\nS1" : "safe" };
      const usage = { promptTokens: text.length, completionTokens: 1 };
      yield { kind: "end", finishReason: "stop", usage, cachedTokens: 0, prefillMs: 0, decodeMs: 0 };
    },
    close: async () => {},
  };
}
