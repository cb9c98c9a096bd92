import type { Engine, Generation, GenerationDelta, GenerationEnd, Sampling } from "../../src/chat/generation.ts";
import { packageFile } from "../../src/paths.ts";

export const demoModelFile = packageFile("src/models/demo/demo.gguf");

/**
 * The demo model counts on without end, far more than an engine makes ahead of who reads it (256 tokens), and near no
 * tie: continued from 233 of its first 700 tokens, the answer came out the same each time. A model that is trained anew
 * may want another question.
 */
export const endlessQuestion = "Count from 1 to 1000.";

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
