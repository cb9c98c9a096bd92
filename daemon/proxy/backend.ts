import type { AnswerEvent, AnswerRequest, ModelListing } from "../../src/chat/answer.ts";
import type { Upstream } from "../../src/client/upstream.ts";
import { type ErrorCode, isPeerError, PeerError } from "../../src/errors.ts";
import { moderationsOf } from "../../src/safety/moderation.ts";
import { defaultPolicy } from "../../src/safety/policy.ts";
import { type AnswerBackend, anyModelNames } from "../http/openai-routes.ts";
import { type MaskingOptions, maskRequest } from "./masking.ts";

export interface ProxyBackendOptions {
  readonly network: Upstream;
  /** The local host that answers when the network can't; null for none. */
  readonly local: Upstream | null;
  /** Own words to mask, and the key that numbers placeholders. */
  readonly masking: MaskingOptions;
  /** What "default" and "auto" stand for; null: the first model listed. */
  readonly model: string | null;
}

/** Failures that another server could make good, as long as nothing of the answer was said. */
const fallbackCodes: readonly ErrorCode[] = [
  "network_unreachable",
  "daemon_unreachable",
  "host_unavailable",
  "queue_full",
  "upstream_failed",
];

/**
 * Answers by asking the network, with identifiers masked here and put back here, or, before the first word, the local
 * host instead. Whoever reaches it may use it: it listens on loopback only. A model is never swapped for another: a name the network does not know is `model_missing`.
 */
export function proxyBackend({ network, local, masking, model }: ProxyBackendOptions): AnswerBackend {
  return {
    hasDefaultModel: true,
    authenticate: async () => ({ accountId: null, apiKeyId: null }),

    async models(_caller, signal) {
      const listings = await modelsOf(network, local, signal);
      return [...listings].sort((a, b) => Number(b.id === model) - Number(a.id === model));
    },

    async *answer(request, _caller, signal) {
      let isStarted = false;
      try {
        const { request: masked, unmask } = maskRequest(request, masking);
        for await (const event of unmask(answerBy(network, masked, model, signal))) {
          isStarted ||= event.kind === "delta";
          yield event;
        }
      } catch (error) {
        if (local === null || isStarted || !isPeerError(error) || !fallbackCodes.includes(error.code)) throw error;
        yield* answerLocally(local, request, error, signal);
      }
    },

    // Judged on this machine: what is only to be looked at does not have to leave it.
    moderate: (inputs, _caller, signal) => moderationsOf(inputs, defaultPolicy, signal),
  };
}

async function modelsOf(network: Upstream, local: Upstream | null, signal: AbortSignal) {
  try {
    return await network.models(signal);
  } catch (error) {
    if (local === null || !isPeerError(error) || !fallbackCodes.includes(error.code)) throw error;
    return localModels(local, error, signal);
  }
}

/** Where the local host does not answer either, what is told is why the network did not. */
function localModels(local: Upstream, reason: PeerError, signal: AbortSignal): Promise<readonly ModelListing[]> {
  return local.models(signal).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new PeerError(reason.code, reason.message, {
      cause,
      hint: `The local host at ${local.url} does not answer either. Start it with "peerllm host up --local".`,
    });
  });
}

async function* answerBy(
  upstream: Upstream,
  request: AnswerRequest,
  model: string | null,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const named = anyModelNames.includes(request.model)
    ? { ...request, model: model ?? firstOf(await upstream.models(signal), upstream.url) }
    : request;
  yield* upstream.answer(named, signal);
}

/** The prompt stays on this machine, so it goes as it came. Only the model that was asked for will do. */
async function* answerLocally(
  local: Upstream,
  request: AnswerRequest,
  reason: PeerError,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const listings = await localModels(local, reason, signal);
  const isServed = anyModelNames.includes(request.model) || listings.some(({ id }) => id === request.model);
  if (!isServed) {
    throw new PeerError(reason.code, reason.message, {
      cause: reason,
      hint: `The local host does not serve "${request.model}" (it serves ${listings.map(({ id }) => id).join(", ")}).`,
    });
  }
  yield* answerBy(local, request, null, signal);
}

function firstOf(listings: readonly ModelListing[], url: string): string {
  const first = listings[0];
  if (first === undefined) {
    throw new PeerError("model_missing", `No model is served at ${url} right now.`, { parameter: "model" });
  }
  return first.id;
}
