import type { Readable } from "node:stream";
import { got, HTTPError, type Method, RequestError, type Response } from "got";
import type * as z from "zod";
import { codeOfStatus, isErrorBody, parseErrorBody } from "../chat/openai-error.ts";
import { PeerError } from "../errors.ts";
import { packageVersion } from "../paths.ts";
import { networkUnreachable } from "./unreachable.ts";

/** What a route of src/protocol/api.ts says of itself. `:name` in the path is a parameter. */
interface JsonRoute<Request extends z.ZodType, Reply extends z.ZodType> {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly request: Request;
  readonly response: Reply;
}

export interface GatewayReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The parsed JSON body, or null where there was none. */
  readonly body: unknown;
}

/** A network's orchestrator (or any server of the same API) over HTTP, with an account's key. */
export interface Gateway {
  /** Without a trailing slash and without `/v1`. */
  readonly url: string;
  readonly apiKey: string | null;
  /**
   * One JSON call. `parameters` fill the path. Throws `network_unreachable`, the server's own error, or
   * `protocol_incompatible` where the reply isn't what the route promises.
   */
  call<Request extends z.ZodType, Reply extends z.ZodType>(
    route: JsonRoute<Request, Reply>,
    request: z.input<Request>,
    signal: AbortSignal,
    parameters?: Readonly<Record<string, string>>,
  ): Promise<z.output<Reply>>;
  /** A request with a body of its own making; bytes are not retried. Throws as `call`. */
  send(request: GatewayRequest, signal: AbortSignal): Promise<GatewayReply>;
}

export interface GatewayRequest {
  readonly method: Method;
  /** From the root, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly bytes?: Uint8Array | Readable;
}

const connectMsMax = 10_000;
/** How long a network may say nothing, or take nothing of what it is sent. */
const silenceMsDefault = 60_000;
/** How long a reply may take in all, where nothing long is sent. */
const replyMsMax = 300_000;
const replyBytesMaxDefault = 64 * 1024 * 1024;

export interface GatewayOptions {
  readonly url: string;
  readonly apiKey: string | null;
  readonly silenceMs?: number;
  readonly replyBytesMax?: number;
}

export function createGateway(options: GatewayOptions): Gateway {
  const url = options.url.replace(/\/+$/, "").replace(/\/v1$/, "");
  const silenceMs = options.silenceMs ?? silenceMsDefault;
  const replyBytesMax = options.replyBytesMax ?? replyBytesMaxDefault;
  const client = got.extend({
    headers: {
      "user-agent": `peerllm/${packageVersion()}`,
      ...(options.apiKey === null ? {} : { authorization: `Bearer ${options.apiKey}` }),
    },
    followRedirect: false,
    // So that the bytes that come are the bytes that are kept.
    decompress: false,
    retry: { limit: 2, methods: ["GET"], statusCodes: [502, 503, 504], errorCodes: ["ECONNRESET", "EPIPE"] },
    timeout: { connect: connectMsMax, secureConnect: connectMsMax },
  });

  async function send(request: GatewayRequest, signal: AbortSignal): Promise<GatewayReply> {
    const excess = new AbortController();
    try {
      const reply = client(`${url}${request.path}`, {
        method: request.method,
        headers: { ...request.headers },
        signal: AbortSignal.any([signal, excess.signal]),
        timeout: {
          connect: connectMsMax,
          // What is sent takes its time; that it moves on is seen at the socket.
          ...(request.bytes === undefined ? { response: silenceMs, request: replyMsMax } : { socket: silenceMs }),
        },
        ...(request.json === undefined ? {} : { json: request.json }),
        ...(request.bytes === undefined ? {} : { body: request.bytes }),
      });
      reply.on("downloadProgress", ({ transferred }) => {
        if (transferred > replyBytesMax) excess.abort();
      });
      const response = await reply;
      const { statusCode: status, headers } = response;
      if (status >= 300 && headers.location !== undefined) throw redirected(url, request.path, headers.location);
      return { status, headers, body: parseBody(response.body) };
    } catch (error) {
      if (excess.signal.aborted) throw new PeerError("upstream_failed", `${url} says more than a reply may hold.`);
      throw translate(error, url, signal);
    }
  }

  return {
    url,
    apiKey: options.apiKey,
    send,
    async call(route, request, signal, parameters = {}) {
      const path = fillPath(route.path, parameters);
      const isRead = route.method === "GET";
      const query = isRead ? queryOf(request) : "";
      const hasBody = route.method === "POST";
      const reply = await send(
        { method: route.method, path: `${path}${query}`, ...(hasBody ? { json: request } : {}) },
        signal,
      );
      const parsed = route.response.safeParse(reply.body);
      if (parsed.success) return parsed.data;
      throw new PeerError("protocol_incompatible", `${url} gave an answer to ${path} this version can't read.`, {
        cause: parsed.error,
        hint: "Update peerllm, or ask the network's operator to.",
      });
    },
  };
}

/** `:name` segments replaced by their values, encoded. */
function fillPath(path: string, parameters: Readonly<Record<string, string>>): string {
  return path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(parameters[name] ?? ""));
}

function queryOf(request: unknown): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request ?? {})) {
    if (value !== undefined && value !== null) query.set(name, String(value));
  }
  return query.size === 0 ? "" : `?${query}`;
}

function parseBody(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: whoever asked finds that the reply isn't what was promised.
    return text.slice(0, 200);
  }
}

/** Turns what a request failed with into one of our errors; a caller's abort stays the caller's reason. */
function translate(error: unknown, url: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof PeerError) return error;
  if (error instanceof HTTPError) return errorOfResponse(error.response, url);
  if (error instanceof RequestError) return networkUnreachable(url, error);
  return new PeerError("upstream_failed", `What came from ${url} could not be read.`, { cause: error });
}

/** Redirects aren't followed: the key is for the network that was named. */
function redirected(url: string, path: string, location: string): PeerError {
  const network = location.endsWith(path) ? location.slice(0, -path.length) : "";
  const isNetwork = URL.canParse(network);
  return new PeerError("upstream_failed", `${url} redirects to ${isNetwork ? network : location.slice(0, 200)}.`, {
    hint: isNetwork ? `Name that address: "--network ${network}".` : "Is this the address of a PeerLLM network?",
  });
}

/** Of a reverse proxy, when the network behind it is away. */
const awayStatuses: readonly number[] = [502, 503, 504];

function errorOfResponse({ body, statusCode, headers }: Response, url: string): PeerError {
  const retryAfter = Number(headers["retry-after"]);
  const retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : undefined;
  const parsed = parseBody(typeof body === "string" ? body : "");
  if (isErrorBody(parsed)) return parseErrorBody(parsed, statusCode, retryAfterSeconds);
  if (awayStatuses.includes(statusCode)) {
    return new PeerError("network_unreachable", `${url} answered with status ${statusCode}.`, {
      hint: "The network behind that address is away; try again in a while.",
    });
  }
  return new PeerError(codeOfStatus(statusCode), `${url} answered with status ${statusCode}.`, {
    hint: "Is this the address of a PeerLLM network?",
  });
}
