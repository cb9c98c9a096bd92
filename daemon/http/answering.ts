import type { IncomingMessage, ServerResponse } from "node:http";
import { PeerError } from "../../src/errors.ts";
import { newId } from "../../src/ids.ts";
import type { Log } from "../../src/log.ts";
import { beginError, peerErrorOf, sendError, sendJson } from "./errors.ts";
import { answerPreflight, checkCaller, type Guard, isLoopback } from "./guard.ts";
import type { Metrics } from "./metrics.ts";
import { type BodyBudget, matchRoute, type Route } from "./route.ts";

export interface AnsweringOptions {
  readonly routes: readonly Route[];
  readonly log: Log;
}

const unreadMsMax = 5_000;
const unreadBytesMax = 64 * 1024 * 1024;

/** One request, and the server's state as it came in. */
export interface Answering {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
  readonly isDraining: boolean;
  readonly options: AnsweringOptions;
  readonly guard: Guard;
  readonly bodies: BodyBudget;
  readonly metrics: Metrics;
}

/** Answers one request, whatever becomes of it: a check, a route, or an error in OpenAI's shape. */
export async function answer({
  request,
  response,
  signal,
  isDraining,
  options,
  guard,
  bodies,
  metrics,
}: Answering): Promise<void> {
  const startedAt = performance.now();
  const requestId = newId("request");
  let route = "other";
  response.setHeader("x-request-id", requestId);
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
  response.once("close", () => {
    const seconds = (performance.now() - startedAt) / 1_000;
    const status = response.writableFinished ? String(response.statusCode) : "499";
    metrics.count("peerllm_http_requests_total", { route, status });
    metrics.observe("peerllm_http_request_seconds", seconds, { route });
    options.log.debug("request-answered", { requestId, route, status, elapsedMs: Math.round(seconds * 1_000) });
  });
  try {
    checkCaller(request, guard);
    if (answerPreflight(request, response)) return;
    const url = pathOf(request);
    if (url === null) throw new PeerError("request_invalid", "The request's target is not a path.");
    const method = request.method ?? "GET";
    const isRead = method === "GET" || method === "HEAD";
    if (isRead && url.pathname === "/healthz") {
      route = "/healthz";
      return sendJson(response, isDraining ? 503 : 200, { status: isDraining ? "draining" : "ok" });
    }
    if (isRead && url.pathname === "/metrics" && isLocalCaller(request)) {
      route = "/metrics";
      return sendMetrics(response, metrics);
    }
    if (isDraining) {
      throw new PeerError("daemon_unreachable", "This server is going down.", { retryAfterSeconds: 5 });
    }
    const match = matchRoute(options.routes, method, url.pathname);
    if ("route" in match) {
      route = match.route.path;
      const { parameters } = match;
      return await match.route.handle({ request, response, url, parameters, requestId, signal, bodies });
    }
    if (match.length > 0) {
      throw new PeerError("method_refused", `${method} is not a method of this path.`, { allowedMethods: match });
    }
    throw new PeerError("not_found", `Unknown request URL: ${method} ${url.pathname.slice(0, 128)}.`);
  } catch (thrown) {
    const error = peerErrorOf(thrown);
    if (error.code === "unexpected") options.log.error("request-failed", { requestId, route, error: thrown });
    if (response.headersSent) return void (response.writableEnded || response.destroy());
    if (request.complete || request.destroyed) return sendError(response, error);
    response.setHeader("connection", "close");
    beginError(response, error);
    await discardBody(request);
    response.end();
  }
}

/**
 * Reads on what nobody wants of a body: a client that still writes when the connection closes would not get to see
 * the answer, which is on its way. Gives up after 5 s or 64 MiB.
 */
async function discardBody(request: IncomingMessage): Promise<void> {
  const timer = setTimeout(() => request.destroy(), unreadMsMax);
  let length = 0;
  request.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > unreadBytesMax) request.destroy();
  });
  await new Promise<void>((resolve) => request.once("close", resolve).once("end", resolve).resume());
  clearTimeout(timer);
}

function sendMetrics(response: ServerResponse, metrics: Metrics): void {
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  response.end(metrics.render());
}

/** This machine, and not a reverse proxy on it that speaks for others. */
function isLocalCaller(request: IncomingMessage): boolean {
  const { remoteAddress } = request.socket;
  const isForwarded = ["x-forwarded-for", "forwarded", "via"].some((name) => request.headers[name] !== undefined);
  return remoteAddress !== undefined && isLoopback(remoteAddress.replace(/^::ffff:/, "")) && !isForwarded;
}

/** The target as a URL; null where it is not a path, such as the absolute form meant for proxies. */
export function pathOf(request: IncomingMessage): URL | null {
  const target = request.url ?? "";
  if (!target.startsWith("/")) return null;
  return URL.canParse(`http://localhost${target}`) ? new URL(`http://localhost${target}`) : null;
}
