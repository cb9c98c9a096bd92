import { getLlama, LlamaLogLevel, type Token } from "node-llama-cpp";
import { createDecodeWindow } from "./decode-window.ts";

/**
 * node-llama-cpp as it comes: one independent `evaluate` loop for each answer, on libuv's default pool of threads.
 * Started by the engine's bench as a process of its own; says "ready", reads one JSON line a question, writes one.
 */
export interface NaiveQuestion {
  readonly prompts: readonly (readonly number[])[];
  readonly answerTokens: number;
}

export interface NaiveAnswer {
  readonly tokensPerSecond: number;
  readonly prefillMs: number;
}

const [modelFile = "", threads = "1", sequences = "8", contextLength = "768"] = process.argv.slice(2);
const llama = await getLlama({
  gpu: false,
  build: "never",
  skipDownload: true,
  maxThreads: Number(threads),
  logLevel: LlamaLogLevel.error,
});
const model = await llama.loadModel({ modelPath: modelFile });
const context = await model.createContext({
  sequences: Number(sequences),
  contextSize: Number(contextLength),
  threads: Number(threads),
});

process.on("message", (message) => {
  if (isQuestion(message)) void answer(message).then((answered) => process.send?.(answered));
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");

async function answer({ prompts, answerTokens }: NaiveQuestion): Promise<NaiveAnswer> {
  const window = createDecodeWindow(prompts.length);
  const startedAt = performance.now();
  let firstAt: number | undefined;
  await Promise.all(
    prompts.map(async (prompt, index) => {
      const sequence = context.getSequence();
      let count = 0;
      for await (const _token of sequence.evaluate(prompt.map(toToken), {
        temperature: 0,
        topK: 0,
        topP: 1,
        seed: 1,
      })) {
        const now = performance.now();
        firstAt ??= now;
        window.token(index, now);
        count += 1;
        if (count === answerTokens) break;
      }
      window.end(index, performance.now());
      await sequence.dispose();
    }),
  );
  return { tokensPerSecond: window.tokensPerSecond, prefillMs: (firstAt ?? startedAt) - startedAt };
}

function toToken(token: number): Token {
  return token as Token;
}

function isQuestion(message: unknown): message is NaiveQuestion {
  return typeof message === "object" && message !== null && "prompts" in message;
}
