import { once } from "node:events";
import { Agent as PlainAgent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { got } from "got";
import type { AnswerEvent, AnswerRequest, ModelListing } from "../chat/answer.ts";
import { composeChatBody } from "../chat/openai-chat.ts";
import { decodeChunks } from "../chat/openai-chunks.ts";
import { composeCompletionBody } from "../chat/openai-completion.ts";
import { parseErrorBody } from "../chat/openai-error.ts";
import { parseModelList } from "../chat/openai-models.ts";
import { parseEvents } from "../chat/sse.ts";
import type { Clock } from "../clock.ts";
import { isPeerError, PeerError } from "../errors.ts";
import { packageVersion } from "../paths.ts";
import { networkUnreachable } from "./unreachable.ts";

/** An OpenAI-compatible server that answers for us: a network's orchestrator, a local host, or anybody's. */
export interface Upstream {
  readonly url: string;
  models(signal: AbortSignal): Promise<readonly ModelListing[]>;
  /** Throws the server's own error, `network_unreachable`, or `upstream_failed` once the answer can't go on. */
  answer(request: AnswerRequest, signal: AbortSignal): AsyncIterable<AnswerEvent>;
  /** The same for a body of `/v1/chat/completions`: what it doesn't say is left to the server. */
  chat(body: Readonly<Record<string, unknown>>, signal: AbortSignal): AsyncIterable<AnswerEvent>;
  close(): void;
}

export interface UpstreamOptions {
  /** Without `/v1`. */
  readonly url: string;
  readonly apiKey: string | null;
  readonly clock: Clock;
  /** How long an unreachable server is tried again, so that one that restarts is not noticed. */
  readonly retryMsMax: number;
  /** Servers other than ours may refuse requests with fields that OpenAI does not have. */
  readonly isForeign?: boolean;
}

const connectMsMax = 5_000;
/** A request may wait in the server's queue for as long as the server lets it; this is the end of all patience. */
const responseMsMax = 600_000;
/** Servers of ours send at least a comment every 15 s. */
const silenceMsMax = 60_000;
const errorBytesMax = 65_536;
const modelsBytesMax = 16 * 1024 * 1024;
const socketsMax = 256;
const retryDelayMsMax = 1_500;
const retryAfterSeconds = 5;

export function createUpstream(options: UpstreamOptions): Upstream {
  const { url: base, apiKey, clock, retryMsMax, isForeign = false } = options;
  const url = base.replace(/\/+$/, "").replace(/\/v1$/, "");
  const agentOptions = { keepAlive: true, maxSockets: socketsMax, scheduling: "lifo" } as const;
  const agents = { http: new PlainAgent(agentOptions), https: new TlsAgent(agentOptions) };
  const client = got.extend({
    agent: agents,
    headers: {
      "user-agent": `peerllm/${packageVersion()}`,
      ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
    },
    retry: { limit: 0 },
    timeout: { connect: connectMsMax, secureConnect: connectMsMax, response: responseMsMax },
    throwHttpErrors: false,
    followRedirect: false,
  });

  /** Opens a response, again and again while nothing of it has come and the server can't be reached. */
  async function open(path: string, body: Body | null, signal: AbortSignal) {
    const startedAt = clock.monotonic();
    for (let attempt = 0; ; attempt++) {
      try {
        return await openOnce(path, body, signal);
      } catch (error) {
        const isTransient = isPeerError(error, "network_unreachable") || isPeerError(error, "daemon_unreachable");
        const delayMs = Math.random() * Math.min(retryDelayMsMax, 100 * 2 ** attempt);
        if (!isTransient || clock.monotonic() - startedAt + delayMs > retryMsMax) throw error;
        await clock.sleep(delayMs, signal);
      }
    }
  }

  async function openOnce(path: string, body: Body | null, signal: AbortSignal) {
    const stream =
      body === null
        ? client.stream.get(`${url}${path}`, { signal })
        : client.stream.post(`${url}${path}`, {
            signal,
            json: body.json,
            headers: { accept: "text/event-stream", ...body.headers },
          });
    // Failures reach whoever reads the stream; one that comes when nobody does is not an uncaught exception.
    stream.on("error", () => {});
    try {
      await once(stream, "response");
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw networkUnreachable(url, error, retryAfterSeconds);
    }
    const { response } = stream;
    if (response === undefined) throw new PeerError("upstream_failed", `${url} gave no response.`);
    if (response.statusCode === 200) return { stream, headers: response.headers };
    const retryAfter = Number(response.headers["retry-after"] ?? Number.NaN);
    // The status alone says enough where the body can't be read.
    const errorBody = await readJson(stream, errorBytesMax).catch(() => null);
    stream.destroy();
    throw parseErrorBody(errorBody, response.statusCode, Number.isFinite(retryAfter) ? retryAfter : undefined);
  }

  async function* read(path: string, body: Body, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
    const { stream, headers } = await open(path, body, signal);
    const receipt = headers["x-peerllm-receipt"];
    try {
      yield* decodeChunks(parseEvents(watched(stream)), typeof receipt === "string" ? receipt : null);
    } catch (error) {
      throw broken(error, url, signal);
    } finally {
      stream.destroy();
    }
  }

  return {
    url,
    async models(signal) {
      const { stream } = await open("/v1/models", null, signal);
      try {
        return parseModelList(await readJson(stream, modelsBytesMax));
      } catch (error) {
        throw broken(error, url, signal);
      } finally {
        stream.destroy();
      }
    },
    answer(request, signal) {
      const { path, json } = composeBody(request, isForeign);
      return read(path, { json, headers: headersOf(request) }, signal);
    },
    chat(body, signal) {
      const json = { ...body, stream: true, stream_options: { include_usage: true } };
      return read("/v1/chat/completions", { json, headers: {} }, signal);
    },
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

interface Body {
  readonly json: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a request says besides its body, to servers of ours. */
function headersOf({ isMasked, isWhole }: AnswerRequest): Body["headers"] {
  return {
    ...(isMasked ? { "x-peerllm-masked": "proxy" } : {}),
    ...(isWhole ? { "x-peerllm-delivery": "whole" } : {}),
  };
}

function composeBody(request: AnswerRequest, isForeign: boolean): { readonly path: string; readonly json: unknown } {
  const first = request.prompts[0];
  const isChat = first?.kind === "chat";
  const { peerllm, ...common } = isChat ? composeChatBody(request, first.messages) : composeCompletionBody(request);
  const json = isForeign ? common : { ...common, peerllm };
  return { path: isChat ? "/v1/chat/completions" : "/v1/completions", json };
}

/** The bytes as they come; throws `upstream_failed` when nothing came for a minute, not even a comment. */
async function* watched(stream: NodeJS.ReadableStream & { destroy(error?: Error): void }): AsyncGenerator<Buffer> {
  const silence = new PeerError("upstream_failed", "The answer broke off: the server fell silent.");
  const timer = setTimeout(() => stream.destroy(silence), silenceMsMax);
  timer.unref();
  try {
    for await (const chunk of stream) {
      timer.refresh();
      yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** A body of at most `bytesMax`, as JSON. Throws `upstream_failed`. */
async function readJson(stream: AsyncIterable<Buffer>, bytesMax: number): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > bytesMax) throw new PeerError("upstream_failed", `An answer is longer than ${bytesMax} bytes.`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

function broken(error: unknown, url: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (isPeerError(error)) return error;
  return new PeerError("upstream_failed", `The answer broke off: the connection to ${url} was lost.`, { cause: error });
}
