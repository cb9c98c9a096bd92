import type { IncomingMessage, ServerResponse } from "node:http";
import type * as z from "zod";
import { parseFields } from "../../src/chat/openai-fields.ts";
import { PeerError } from "../../src/errors.ts";
import { timeLimit } from "../../src/time-limit.ts";
import { sendJson } from "./errors.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";

/** One request being answered. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** What the path's `:names` stood for, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly requestId: string;
  /** Aborts with `cancelled` when the client goes away before the answer is out, `daemon_unreachable` when the server closes. */
  readonly signal: AbortSignal;
  readonly bodies: BodyBudget;
}

/** What all bodies that one server is reading may still take together. */
export interface BodyBudget {
  bytesLeft: number;
}

export interface Route {
  readonly method: Method;
  /** Segments, `:name` for any one of them, and at the end `*name` for all that follow: "/v1/models/*model". */
  readonly path: string;
  /** Answers, or throws; an error is answered by the server in OpenAI's shape. */
  handle(exchange: Exchange): Promise<void>;
}

/** What a body may be; it is refused beyond. */
export interface BodyLimits {
  readonly bytesMax: number;
  /** From the head to the last byte. */
  readonly timeoutMs: number;
}

const usualLimits: BodyLimits = { bytesMax: 4 * 1024 * 1024, timeoutMs: 30_000 };
/** Of a body that is read before it is known who sends it. */
export const strangerLimits: BodyLimits = { bytesMax: 64 * 1024, timeoutMs: 30_000 };

/** A route that reads JSON of up to 64 KiB by `schema` and answers JSON: 200, or 204 where the handler returns undefined. */
export function jsonRoute<Schema extends z.ZodType>(
  method: Method,
  path: string,
  schema: Schema,
  handler: (body: z.output<Schema>, exchange: Exchange) => Promise<unknown>,
): Route {
  return {
    method,
    path,
    async handle(exchange) {
      const isBodiless = method === "GET" || method === "HEAD" || method === "DELETE";
      const body = isBodiless
        ? Object.fromEntries(exchange.url.searchParams)
        : await readJson(exchange, strangerLimits);
      const answer = await handler(parseFields(schema, body), exchange);
      if (answer === undefined) exchange.response.writeHead(204).end();
      else sendJson(exchange.response, 200, answer);
    },
  };
}

/**
 * The body as JSON, 4 MiB within 30 s where nothing else is said. Throws `media_type_refused` where it is not declared
 * as JSON (what a web page can send without asking is text), `request_invalid`, and what `readBody` does.
 */
export async function readJson(exchange: Exchange, limits = usualLimits): Promise<unknown> {
  const { request } = exchange;
  const mediaType = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw new PeerError("media_type_refused", "The body must be JSON. Send it with Content-Type: application/json.");
  }
  if ((request.headers["content-encoding"] ?? "identity").toLowerCase() !== "identity") {
    throw new PeerError("media_type_refused", "A compressed body is not read here. Send it as plain JSON.");
  }
  const bytes = await readBody(exchange, limits);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message quotes the text, so it is not kept as the cause.
    throw new PeerError("request_invalid", "We could not parse the JSON body of your request.");
  }
}

/**
 * The body's bytes, within the limits that `readJson` has. Throws `request_too_large`, `deadline_exceeded`, or
 * `queue_full` where the bodies being read are too much together.
 */
export async function readBody({ request, signal, bodies }: Exchange, limits = usualLimits): Promise<Buffer> {
  const tooLarge = new PeerError("request_too_large", `The body is larger than ${limits.bytesMax} bytes.`);
  if (Number(request.headers["content-length"] ?? 0) > limits.bytesMax) throw tooLarge;
  return new Promise((resolve, reject) => {
    const limited = AbortSignal.any([signal, timeLimit(limits.timeoutMs)]);
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (act: () => void) => {
      request.off("data", onData).off("end", onEnd).off("error", onError);
      limited.removeEventListener("abort", onAbort);
      bodies.bytesLeft += length;
      act();
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      bodies.bytesLeft -= chunk.length;
      if (length > limits.bytesMax) settle(() => reject(tooLarge));
      else if (bodies.bytesLeft < 0) settle(() => reject(tooMany()));
      else chunks.push(chunk);
    };
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks, length)));
    const onError = () => settle(() => reject(new PeerError("cancelled", "The client went away.")));
    const onAbort = () =>
      settle(() =>
        reject(
          signal.aborted ? signal.reason : new PeerError("deadline_exceeded", "The body took too long to arrive."),
        ),
      );
    request.on("data", onData).on("end", onEnd).on("error", onError);
    limited.addEventListener("abort", onAbort, { once: true });
    if (limited.aborted) onAbort();
  });
}

function tooMany(): PeerError {
  return new PeerError("queue_full", "Too many requests are arriving at once. Try again in 5 s.", {
    retryAfterSeconds: 5,
  });
}

export interface RouteMatch {
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The route for a path, or the methods that the path has: none where nothing is there. HEAD falls back on GET. */
export function matchRoute(routes: readonly Route[], method: string, pathname: string): RouteMatch | readonly Method[] {
  const methods: Method[] = [];
  for (const route of routes) {
    const parameters = matchPath(route.path, pathname);
    if (parameters === null) continue;
    if (route.method === method || (method === "HEAD" && route.method === "GET")) return { route, parameters };
    methods.push(route.method);
  }
  return methods;
}

function matchPath(pattern: string, pathname: string): Readonly<Record<string, string>> | null {
  const wanted = pattern.split("/");
  const given = pathname.split("/");
  const parameters: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    if (segment.startsWith("*")) {
      const rest = decode(given.slice(index).join("/"));
      if (rest === null || rest === "") return null;
      parameters[segment.slice(1)] = rest;
      return parameters;
    }
    const value = given[index];
    if (value === undefined) return null;
    if (segment.startsWith(":")) {
      const decoded = decode(value);
      if (decoded === null || decoded === "") return null;
      parameters[segment.slice(1)] = decoded;
    } else if (segment !== value) return null;
  }
  return wanted.length === given.length ? parameters : null;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
