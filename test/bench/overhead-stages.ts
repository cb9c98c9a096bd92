import { randomBytes } from "node:crypto";
import { startTokenizers } from "../../daemon/llama/tokenizer.ts";
import type { Prompt } from "../../src/chat/message.ts";
import { PromptMeter } from "../../src/pipeline/prompt-meter.ts";
import { planningBudget } from "../../src/planning/budget.ts";
import { planRequest } from "../../src/planning/planner.ts";
import { anonymise } from "../../src/privacy/anonymise.ts";
import { createRehydrator } from "../../src/privacy/rehydrate.ts";
import { defaultPolicy } from "../../src/safety/policy.ts";
import { createReview } from "../../src/safety/review.ts";
import { triageMessages } from "../../src/safety/triage.ts";

export interface StageTime {
  readonly stage: string;
  /** Median, for one answer. */
  readonly ms: number;
}

const { signal } = new AbortController();
const contextLength = 1_024;
const rounds = 5;

/** What the pipeline's own stages take for these texts, in this process. */
export async function stageTimes(
  texts: readonly { readonly question: string; readonly answer: string }[],
  modelFile: string,
): Promise<readonly StageTime[]> {
  const tokenizers = startTokenizers();
  const options = { level: "standard" as const, key: randomBytes(32), ownWords: [] };
  const planning = { mode: "auto" as const, isBound: false, ...planningBudget(contextLength) };
  const stages: Record<string, (prompt: Chat, answer: string) => unknown> = {
    "1 safety": ({ messages }) => triageMessages(messages, defaultPolicy),
    // On the consumer's machine; the orchestrator leaves what is masked alone.
    "2 anonymise": ({ messages }) => anonymise(messages, options),
    "3 plan": (prompt) => planRequest(prompt, planning),
    "4 dispatch: counts the prompt's tokens": (prompt) => new PromptMeter(modelFile, tokenizers).measure(prompt),
    "6 rehydrate, to the first sentence": ({ messages }, answer) =>
      createRehydrator(anonymise(messages, options).vault).push(firstSentence(answer)),
    "7 review, of the first sentence": (_prompt, answer) =>
      createReview({ policy: defaultPolicy, signal }).push(`${firstSentence(answer)} `),
  };
  try {
    const times = new Map(Object.keys(stages).map((stage) => [stage, [] as number[]]));
    for (let round = 0; round < rounds; round += 1) {
      for (const { question, answer } of texts) {
        const prompt: Chat = { kind: "chat", messages: [{ role: "user", content: question }] };
        for (const [stage, work] of Object.entries(stages)) {
          const startedAt = performance.now();
          await work(prompt, answer);
          // The first round loads weights and vocabularies.
          if (round > 0) times.get(stage)?.push(performance.now() - startedAt);
        }
      }
    }
    return [...times].map(([stage, taken]) => ({ stage, ms: median(taken) }));
  } finally {
    await tokenizers.close();
  }
}

type Chat = Extract<Prompt, { kind: "chat" }>;

/** When review would have let the first of these pieces go. */
export async function firstReleaseAt(
  pieces: readonly { readonly text: string; readonly atMs: number }[],
): Promise<number> {
  const review = createReview({ policy: defaultPolicy, signal });
  for (const { text, atMs } of pieces) {
    if ((await review.push(text)).text !== "") return atMs;
  }
  return pieces.at(-1)?.atMs ?? Number.NaN;
}

function firstSentence(answer: string): string {
  return /^.*?[.!?](?=\s|$)/s.exec(answer)?.[0] ?? answer;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
