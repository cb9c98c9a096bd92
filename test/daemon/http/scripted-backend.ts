import type { AnswerBackend } from "../../../daemon/http/openai-routes.ts";
import type { AnswerEvent, AnswerRequest, ModelListing } from "../../../src/chat/answer.ts";
import { modelMissing } from "../../../src/chat/openai-models.ts";

export type Script = (request: AnswerRequest, signal: AbortSignal) => AsyncIterable<AnswerEvent>;

export interface ScriptedBackend extends AnswerBackend {
  /** What was asked, in order. */
  readonly requests: AnswerRequest[];
}

export const scriptedModel: ModelListing = {
  id: "acme/tiny:1.2.0",
  createdAt: 1_700_000_000,
  owner: "acme",
  contextLength: 4_096,
};

/** A backend that answers as `script` says, and remembers what it was asked. */
export function scriptedBackend(script: Script = sayHello): ScriptedBackend {
  const requests: AnswerRequest[] = [];
  return {
    requests,
    authenticate: async () => ({ accountId: null, apiKeyId: null }),
    models: async () => [scriptedModel],
    async *answer(request, _caller, signal) {
      if (!["default", "acme/tiny", scriptedModel.id].includes(request.model))
        throw modelMissing(request.model, [scriptedModel]);
      requests.push(request);
      yield* script(request, signal);
    },
  };
}

export const scriptedReceipt = "receipt_aaaaaaaaaaaaaaaaaaaaaaaaaa";

/** Answers "Hello, world!" in three deltas to every choice, one choice after the other. */
export async function* sayHello(request: AnswerRequest): AsyncGenerator<AnswerEvent> {
  yield { kind: "begin", receipt: scriptedReceipt, model: scriptedModel.id };
  const choices = request.prompts.length * request.choices;
  for (let choice = 0; choice < choices; choice++) {
    for (const text of ["Hello", ", ", "world!"]) yield { kind: "delta", choice, text };
    yield { kind: "choice-end", choice, finishReason: "stop" };
  }
  yield {
    kind: "end",
    usage: { promptTokens: 7, completionTokens: 3 * choices },
    summary: {
      receipt: scriptedReceipt,
      plan: "single",
      hosts: 1,
      largestShare: 1,
      owners: 1,
      largestAnswerShare: 1,
      failovers: 0,
      masked: { PERSON: 1 },
      costUsd: "0.0001",
    },
  };
}
