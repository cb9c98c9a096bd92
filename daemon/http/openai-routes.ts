import type { IncomingMessage } from "node:http";
import type { AnswerEvent, AnswerRequest, ModelListing, PrivacyLevel } from "../../src/chat/answer.ts";
import { chatFormat, parseChatRequest } from "../../src/chat/openai-chat.ts";
import { completionFormat, parseCompletionRequest } from "../../src/chat/openai-completion.ts";
import { errorBodyOf } from "../../src/chat/openai-error.ts";
import { modelMissing, wireModel, wireModelList } from "../../src/chat/openai-models.ts";
import { type Moderation, parseModerationRequest, wireModerations } from "../../src/chat/openai-moderation.ts";
import type { OpenAiRequest, RequestExtras } from "../../src/chat/openai-request.ts";
import { type AnswerHead, collectAnswer, createChunkEncoder, type WireFormat } from "../../src/chat/openai-stream.ts";
import { doneData } from "../../src/chat/sse.ts";
import { PeerError } from "../../src/errors.ts";
import { peerErrorOf, sendJson } from "./errors.ts";
import { type EventStream, openEventStream } from "./event-stream.ts";
import { type Exchange, type Route, readJson } from "./route.ts";

/** Who calls, as far as money and limits are concerned; nulls where nobody asks. */
export interface Caller {
  readonly accountId: string | null;
  readonly apiKeyId: string | null;
}

/** What answers behind an OpenAI surface: the orchestrator's pipeline, the consumer's proxy, or an engine. */
export interface AnswerBackend<Who = Caller> {
  /** Throws `authentication_failed`. */
  authenticate(request: IncomingMessage): Promise<Who>;
  /** Counts one answer or moderation, before its body is read. Throws `rate_limit_exceeded`. */
  takeRequest?(caller: Who): void;
  models(caller: Who, signal: AbortSignal): Promise<readonly ModelListing[]>;
  answer(request: AnswerRequest, caller: Who, signal: AbortSignal): AsyncIterable<AnswerEvent>;
  moderate?(inputs: readonly string[], caller: Who, signal: AbortSignal): Promise<readonly Moderation[]>;
  /** Whether "default" and "auto" name the first of its models. */
  readonly hasDefaultModel?: boolean;
  /** Headers such as `x-ratelimit-remaining-requests`, lower case, sent with every answer to this caller; as of now. */
  limitHeaders?(caller: Who): Readonly<Record<string, string>>;
}

/** What stands for whichever model comes first. */
export const anyModelNames: readonly string[] = ["default", "auto"];

type ParseRequest = (body: unknown, extras: RequestExtras) => OpenAiRequest;

/** Never changes within a version of this server; OpenAI's clients log it. */
const systemFingerprint = "fp_peerllm_1";

/**
 * The OpenAI surface over `backend`: models, chat completions, completions, and moderations where it moderates.
 * `privacy` is the level of requests that name none.
 */
export function openaiRoutes<Who>(
  backend: AnswerBackend<Who>,
  { privacy }: { readonly privacy: PrivacyLevel } = { privacy: "standard" },
): readonly Route[] {
  const moderate = backend.moderate?.bind(backend);
  const answering = (path: string, format: WireFormat, parse: ParseRequest): Route => ({
    method: "POST",
    path,
    handle: (exchange) =>
      answerRequest(backend, exchange, format, (body) => parse(body, extrasOf(exchange.request, privacy))),
  });
  return [
    answering("/v1/chat/completions", chatFormat, parseChatRequest),
    answering("/v1/completions", completionFormat, parseCompletionRequest),
    {
      method: "GET",
      path: "/v1/models",
      async handle(exchange) {
        const caller = await identify(backend, exchange);
        sendJson(exchange.response, 200, wireModelList(await backend.models(caller, exchange.signal)));
      },
    },
    {
      method: "GET",
      path: "/v1/models/*model",
      async handle(exchange) {
        const caller = await identify(backend, exchange);
        const id = exchange.parameters.model ?? "";
        const listings = await backend.models(caller, exchange.signal);
        // A name without its version is a model too, wherever requests may name it so.
        const listing =
          listings.find((each) => each.id === id) ??
          listings.find((each) => each.id.startsWith(`${id}:`)) ??
          (backend.hasDefaultModel === true && anyModelNames.includes(id) ? listings[0] : undefined);
        if (listing === undefined) throw modelMissing(id, listings);
        sendJson(exchange.response, 200, wireModel(listing));
      },
    },
    ...(moderate === undefined
      ? []
      : [
          {
            method: "POST",
            path: "/v1/moderations",
            async handle(exchange: Exchange) {
              const caller = await admit(backend, exchange);
              const { inputs, model } = parseModerationRequest(await readJson(exchange));
              const moderations = await moderate(inputs, caller, exchange.signal);
              sendJson(exchange.response, 200, wireModerations(`modr-${suffix(exchange)}`, model, moderations));
            },
          } satisfies Route,
        ]),
  ];
}

async function answerRequest<Who>(
  backend: AnswerBackend<Who>,
  exchange: Exchange,
  format: WireFormat,
  parse: (body: unknown) => OpenAiRequest,
): Promise<void> {
  const caller = await admit(backend, exchange);
  const { answer, stream } = parse(await readJson(exchange));
  const head: AnswerHead = {
    id: `${format.idPrefix}${suffix(exchange)}`,
    createdAt: Math.floor(Date.now() / 1_000),
    model: answer.model,
    systemFingerprint,
  };
  const tellLimits = () => setLimits(backend, caller, exchange);
  const events = withLimits(backend.answer(answer, caller, exchange.signal), tellLimits);
  if (stream !== null) return streamAnswer(events, exchange, format, head, stream.includeUsage);
  const body = await collectAnswer(events, format, head, (receipt) => setReceipt(exchange, receipt));
  exchange.signal.throwIfAborted();
  sendJson(exchange.response, 200, body);
}

/**
 * The head goes out with the first text or the end, so that a request that fails before is answered by its status.
 * A failure after it is an `{"error": …}` event, and the stream closes without `[DONE]`.
 */
async function streamAnswer(
  events: AsyncIterable<AnswerEvent>,
  exchange: Exchange,
  format: WireFormat,
  head: AnswerHead,
  includeUsage: boolean,
): Promise<void> {
  const encoder = createChunkEncoder(format, head, includeUsage);
  const waiting: object[] = [];
  let stream: EventStream | null = null;
  let isEnded = false;
  try {
    for await (const event of events) {
      if (event.kind === "begin") setReceipt(exchange, event.receipt);
      waiting.push(...encoder.encode(event));
      isEnded = event.kind === "end";
      if (stream === null && !isEnded && !(event.kind === "delta" && event.text !== "")) continue;
      stream ??= openEventStream(exchange);
      for (const chunk of waiting.splice(0)) await stream.send(JSON.stringify(chunk));
    }
    exchange.signal.throwIfAborted();
    if (!isEnded || stream === null) throw new PeerError("unexpected", "The answer ended before it was complete.");
    stream.end(doneData);
  } catch (thrown) {
    if (stream === null || exchange.response.destroyed) throw thrown;
    const error = peerErrorOf(exchange.signal.aborted ? exchange.signal.reason : thrown);
    stream.end(JSON.stringify(errorBodyOf(error)));
    if (error.code === "unexpected") throw thrown;
  }
}

async function admit<Who>(backend: AnswerBackend<Who>, exchange: Exchange): Promise<Who> {
  const caller = await identify(backend, exchange);
  backend.takeRequest?.(caller);
  setLimits(backend, caller, exchange);
  return caller;
}

async function identify<Who>(backend: AnswerBackend<Who>, exchange: Exchange): Promise<Who> {
  const caller = await backend.authenticate(exchange.request);
  setLimits(backend, caller, exchange);
  return caller;
}

function setLimits<Who>(backend: AnswerBackend<Who>, caller: Who, { response }: Exchange): void {
  if (response.headersSent) return;
  for (const [name, value] of Object.entries(backend.limitHeaders?.(caller) ?? {})) response.setHeader(name, value);
}

/** Tells the limits again whenever this very answer may have changed them: as it begins, ends or fails. */
async function* withLimits(events: AsyncIterable<AnswerEvent>, tellLimits: () => void): AsyncGenerator<AnswerEvent> {
  try {
    for await (const event of events) {
      if (event.kind === "begin" || event.kind === "end") tellLimits();
      yield event;
    }
  } catch (error) {
    tellLimits();
    throw error;
  }
}

function setReceipt({ response }: Exchange, receipt: string | null): void {
  if (receipt !== null && !response.headersSent) response.setHeader("x-peerllm-receipt", receipt);
}

function extrasOf({ headers }: IncomingMessage, privacy: PrivacyLevel): RequestExtras {
  const text = (name: string) => {
    const value = headers[name];
    return typeof value === "string" ? value : null;
  };
  return {
    privacy: text("x-peerllm-privacy") ?? privacy,
    plan: text("x-peerllm-plan"),
    isMasked: text("x-peerllm-masked") === "proxy",
    isWhole: text("x-peerllm-delivery") === "whole",
  };
}

/** The random part of the request's id, shared by the answer's id. */
function suffix({ requestId }: Exchange): string {
  return requestId.slice(requestId.indexOf("_") + 1);
}
