import type { AnswerSummary } from "../src/chat/answer.ts";
import type { FinishReason, Usage } from "../src/chat/generation.ts";
import { createUpstream } from "../src/client/upstream.ts";
import { systemClock } from "../src/clock.ts";

export interface ChatAnswer {
  readonly answer: string;
  readonly model: string | null;
  readonly finishReason: FinishReason | null;
  readonly usage: Usage | null;
  /** The answer's `peerllm` field. */
  readonly peerllm: AnswerSummary | null;
}

/** Asks an OpenAI endpoint for one chat completion and hands on its text as it comes. */
export async function streamChat(
  baseUrl: string,
  body: Readonly<Record<string, unknown>>,
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<ChatAnswer> {
  const endpoint = createUpstream({ url: baseUrl, apiKey: null, clock: systemClock, retryMsMax: 0 });
  let told: ChatAnswer = { answer: "", model: null, finishReason: null, usage: null, peerllm: null };
  try {
    for await (const event of endpoint.chat(body, signal)) {
      if (event.kind === "begin") told = { ...told, model: event.model ?? null };
      else if (event.kind === "choice-end") told = { ...told, finishReason: event.finishReason };
      else if (event.kind === "end") told = { ...told, usage: event.usage, peerllm: event.summary };
      else {
        told = { ...told, answer: told.answer + event.text };
        onText(event.text);
      }
    }
    return told;
  } finally {
    endpoint.close();
  }
}
