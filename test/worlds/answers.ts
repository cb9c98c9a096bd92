import type { Engine, Generation, GenerationDelta, GenerationEnd, Sampling } from "../../src/chat/generation.ts";
import { packageFile } from "../../src/paths.ts";

export const demoModelFile = packageFile("src/models/demo/demo.gguf");

/** A greedy question to the demo model, in a conversation of its own. */
export function question(
  text: string,
  changes: Partial<Omit<Generation, "sampling">> & Partial<Sampling> = {},
): Generation {
  const { temperature = 0, topP = 1, seed = 1, maxTokens = 256, stop = [], ...rest } = changes;
  return {
    prompt: { kind: "chat", messages: [{ role: "user", content: text }] },
    resumedTokens: [],
    cacheKey: `conversation-${Math.random()}`,
    ...rest,
    sampling: { temperature, topP, seed, maxTokens, stop },
  };
}

export interface WholeAnswer {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly deltas: readonly GenerationDelta[];
  readonly end: GenerationEnd;
}

export async function wholeAnswer(
  engine: Pick<Engine, "generate">,
  generation: Generation,
  signal: AbortSignal = new AbortController().signal,
): Promise<WholeAnswer> {
  const deltas: GenerationDelta[] = [];
  for await (const event of engine.generate(generation, signal)) {
    if (event.kind === "delta") deltas.push(event);
    else {
      const text = deltas.map((delta) => delta.text).join("");
      return { text, tokens: deltas.flatMap((delta) => delta.tokens), deltas, end: event };
    }
  }
  throw new Error("The answer had no end.");
}
