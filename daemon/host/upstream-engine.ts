import type { Generation, GenerationEvent, Usage } from "../../src/chat/generation.ts";
import { messagesOf, type Prompt } from "../../src/chat/message.ts";
import { createStopScanner } from "../../src/chat/stop.ts";
import { createUpstream, type Upstream } from "../../src/client/upstream.ts";
import type { Clock } from "../../src/clock.ts";
import { type ErrorCode, isPeerError, PeerError } from "../../src/errors.ts";
import { timeLimit } from "../../src/time-limit.ts";
import type { HostedEngine } from "./served-models.ts";

export interface UpstreamEngineOptions {
  /** The server's address, with or without `/v1`. */
  readonly url: string;
  /** `owner/name:version`: what the network calls the model. */
  readonly reference: string;
  readonly contextLength: number;
  readonly sequences: number;
  readonly clock: Clock;
}

/** OpenAI's limit; more are applied here alone. */
const stopsSentMax = 4;
const startMsMax = 10_000;
/** Errors that say the same whoever reports them; any other of the server's is `upstream_failed`. */
const passedOn: readonly ErrorCode[] = ["context_length_exceeded", "model_missing", "upstream_failed"];

/**
 * An engine that is another OpenAI-compatible server: conversations go to `/v1/chat/completions`, text to
 * `/v1/completions`. It gives text without token ids, so its answers can't be continued elsewhere, and it takes no
 * token ids. Resolves once the server says which model it serves. Throws `upstream_failed` where it does not answer,
 * and `model_missing` where none of its models is this one.
 */
export async function startUpstreamEngine(options: UpstreamEngineOptions, signal: AbortSignal): Promise<HostedEngine> {
  const { url, reference, contextLength, sequences, clock } = options;
  const upstream = createUpstream({ url, apiKey: null, clock, retryMsMax: 0, isForeign: true });
  let isClosed = false;
  let activeStreams = 0;
  async function* counted(generation: Generation, model: string, limit: AbortSignal) {
    activeStreams += 1;
    try {
      yield* generate(generation, model, options, upstream, limit);
    } finally {
      activeStreams -= 1;
    }
  }
  try {
    const limited = AbortSignal.any([signal, timeLimit(startMsMax)]);
    const model = await modelOf(upstream, reference, limited);
    return {
      contextLength,
      sequences,
      reportsTokens: false,
      state: () => (isClosed ? "closed" : "ready"),
      get activeStreams() {
        return activeStreams;
      },
      generate: (generation, limit) => counted(generation, model, limit),
      async close() {
        isClosed = true;
        upstream.close();
      },
    };
  } catch (error) {
    upstream.close();
    signal.throwIfAborted();
    throw told(error, url);
  }
}

/** The one model that a server serves. Throws `usage_invalid` where there are several, and `upstream_failed`. */
export async function onlyUpstreamModel(url: string, clock: Clock, signal: AbortSignal): Promise<string> {
  const upstream = createUpstream({ url, apiKey: null, clock, retryMsMax: 0, isForeign: true });
  try {
    const models = await upstream.models(AbortSignal.any([signal, timeLimit(startMsMax)]));
    const [first] = models;
    if (first !== undefined && models.length === 1) return first.id;
    throw new PeerError(
      "usage_invalid",
      `The server at ${url} serves ${models.length} models: say which with --model.`,
      {
        hint: `It has ${models
          .slice(0, 8)
          .map(({ id }) => id)
          .join(", ")}.`,
      },
    );
  } catch (error) {
    signal.throwIfAborted();
    throw isPeerError(error, "usage_invalid") ? error : told(error, url);
  } finally {
    upstream.close();
  }
}

/** What the server calls the model: by our reference, or our name; a server of one model needs no name. */
async function modelOf(upstream: Upstream, reference: string, signal: AbortSignal): Promise<string> {
  const ids = (await upstream.models(signal)).map(({ id }) => id);
  const name = reference.split(":")[0];
  const [only] = ids.length === 1 ? ids : [];
  const model = ids.find((id) => id === reference) ?? ids.find((id) => id === name) ?? only;
  if (model !== undefined) return model;
  throw new PeerError(
    "model_missing",
    `The server at ${upstream.url} serves ${ids.length} models (${ids.slice(0, 5).join(", ")}), and none is "${reference}".`,
    { hint: "Let it serve this model alone, or under this name." },
  );
}

async function* generate(
  { prompt, resumedTokens, sampling }: Generation,
  model: string,
  { url, clock }: UpstreamEngineOptions,
  upstream: Upstream,
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent, void, undefined> {
  signal.throwIfAborted();
  if (prompt.kind === "tokens" || resumedTokens.length > 0) {
    throw new PeerError("request_invalid", "This engine is another server: it takes text, not token ids.");
  }
  const over = new AbortController();
  const scanner = createStopScanner(sampling.stop);
  const startedAt = clock.monotonic();
  let firstAt: number | null = null;
  let deltas = 0;
  let finishReason: "stop" | "length" = "stop";
  let isStopped = false;
  let usage: Usage | null = null;
  const request = {
    model,
    prompts: [prompt],
    sampling: { ...sampling, stop: sampling.stop.slice(0, stopsSentMax) },
    choices: 1,
    privacy: "standard" as const,
    plan: "single" as const,
    isMasked: false,
    isWhole: false,
  };
  try {
    for await (const event of upstream.answer(request, AbortSignal.any([signal, over.signal]))) {
      if (event.kind === "delta") {
        firstAt ??= clock.monotonic();
        deltas += 1;
        const scanned = scanner.push(event.text);
        if (scanned.text !== "") yield { kind: "delta", tokens: [], text: scanned.text };
        isStopped = scanned.isStopped;
        // One that the server was not told of: it would go on to its answer's end.
        if (isStopped) break;
      } else if (event.kind === "choice-end") {
        finishReason = finishReasonOf(event.finishReason, url);
      } else if (event.kind === "end") {
        usage = event.usage;
      }
    }
    const rest = scanner.flush();
    if (rest !== "") yield { kind: "delta", tokens: [], text: rest };
    if (isStopped) usage = { promptTokens: tokensAbout(prompt), completionTokens: deltas };
    if (usage === null) throw new PeerError("upstream_failed", `The answer of ${url} came without its usage.`);
    const now = clock.monotonic();
    const prefillMs = (firstAt ?? now) - startedAt;
    const decodeMs = now - (firstAt ?? now);
    yield { kind: "end", finishReason: isStopped ? "stop" : finishReason, usage, cachedTokens: 0, prefillMs, decodeMs };
  } catch (error) {
    signal.throwIfAborted();
    throw told(error, url);
  } finally {
    // Ends the connection where whoever asked stopped listening.
    over.abort(new PeerError("cancelled", "The answer is no longer needed."));
  }
}

/** By eye, as a server counts only the answers that it ends itself: a token is about four letters. */
function tokensAbout(prompt: Prompt): number {
  const letters = messagesOf(prompt).reduce((sum, { content }) => sum + content.length, 0);
  return Math.ceil(letters / 4);
}

/** An answer that the server's own filter cut is no whole answer, and must not look like one. */
function finishReasonOf(reason: "stop" | "length" | "content_filter", url: string): "stop" | "length" {
  if (reason !== "content_filter") return reason;
  throw new PeerError("upstream_failed", `The server at ${url} cut its answer by a filter of its own.`);
}

function told(error: unknown, url: string): unknown {
  if (!isPeerError(error) || passedOn.includes(error.code)) return error;
  const said = error.code === "network_unreachable" ? "can't be reached" : `refused the request (${error.code})`;
  return new PeerError("upstream_failed", `The server at ${url} ${said}.`, {
    cause: error,
    hint: "Check --upstream, and that the server runs and speaks OpenAI's API.",
  });
}
