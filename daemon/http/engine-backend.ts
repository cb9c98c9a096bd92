import type { AnswerEvent, AnswerRequest, ModelListing } from "../../src/chat/answer.ts";
import type { Engine } from "../../src/chat/generation.ts";
import { interleave } from "../../src/chat/interleave.ts";
import type { Prompt } from "../../src/chat/message.ts";
import { modelMissing } from "../../src/chat/openai-models.ts";
import { type AnswerBackend, anyModelNames } from "./openai-routes.ts";

/** A model that this machine serves to itself. */
export interface ServedEngine {
  readonly listing: ModelListing;
  readonly engine: Engine;
}

const seedRange = 2 ** 32;

/**
 * Answers straight from engines, for programs on this machine alone: no account, no masking, no receipt. A model is
 * named by its id, with or without its version; "default" and "auto" name the first. The answers to one prompt are
 * seeded by the request's seed and their number, so `n` answers differ and all can be repeated.
 */
export function engineBackend(served: () => readonly ServedEngine[]): AnswerBackend {
  return {
    hasDefaultModel: true,
    authenticate: async () => ({ accountId: null, apiKeyId: null }),
    models: async () => served().map(({ listing }) => listing),

    async *answer(request, _caller, signal) {
      const { engine, listing } = findEngine(request.model, served());
      const choices = request.prompts.flatMap((prompt, promptIndex) =>
        Array.from({ length: request.choices }, (_, answerIndex) => ({
          prompt,
          answerIndex,
          choice: promptIndex * request.choices + answerIndex,
        })),
      );
      const usage = { promptTokens: 0, completionTokens: 0 };
      yield { kind: "begin", receipt: null, model: listing.id };
      yield* interleave(
        choices.map((each) => (limited: AbortSignal) => answerChoice(engine, request, each, usage, limited)),
        engine.sequences,
        signal,
      );
      yield { kind: "end", usage, summary: null };
    },
  };
}

interface Choice {
  readonly prompt: Prompt;
  readonly answerIndex: number;
  readonly choice: number;
}

/** Adds to `usage`; a prompt counts once however many answers it gets, as OpenAI counts. */
async function* answerChoice(
  engine: Engine,
  { sampling }: AnswerRequest,
  { prompt, answerIndex, choice }: Choice,
  usage: { promptTokens: number; completionTokens: number },
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const generation = {
    prompt,
    resumedTokens: [],
    sampling: {
      ...sampling,
      seed: (sampling.seed + answerIndex) % seedRange,
      maxTokens: sampling.maxTokens ?? engine.contextLength,
    },
    cacheKey: "local",
  };
  for await (const event of engine.generate(generation, signal)) {
    if (event.kind === "delta") {
      if (event.text !== "") yield { kind: "delta", choice, text: event.text };
      continue;
    }
    if (answerIndex === 0) usage.promptTokens += event.usage.promptTokens;
    usage.completionTokens += event.usage.completionTokens;
    yield { kind: "choice-end", choice, finishReason: event.finishReason };
  }
}

function findEngine(model: string, served: readonly ServedEngine[]): ServedEngine {
  const isAny = anyModelNames.includes(model);
  const found = served.find(({ listing }) => isAny || listing.id === model || listing.id.startsWith(`${model}:`));
  if (found !== undefined) return found;
  throw modelMissing(
    model,
    served.map(({ listing }) => listing),
  );
}
