import { X509Certificate } from "node:crypto";
import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { PeerError } from "../../src/errors.ts";
import { newId } from "../../src/ids.ts";
import type { Log } from "../../src/log.ts";
import { peerErrorOf, sendError, sendJson } from "./errors.ts";
import { answerPreflight, checkCaller, type Guard } from "./guard.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { matchRoute, type Route } from "./route.ts";

/** Answers what it knows and returns true, or touches nothing and returns false. */
export type Mount = (
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  signal: AbortSignal,
) => Promise<boolean>;

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface HttpServerOptions extends Pick<Guard, "allowedOrigins"> {
  /** An IP address; 127.0.0.1 unless others are meant to call. */
  readonly address: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Names this server answers to beside loopback, the address called and those of its certificate; without a port. */
  readonly allowedHosts: readonly string[];
  /** PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Listen beyond loopback without TLS, because a reverse proxy in front brings it. */
  readonly allowInsecure?: boolean;
  readonly routes: readonly Route[];
  /** Asked in order for paths no route knows. */
  readonly mounts?: readonly Mount[];
  readonly metrics?: Metrics;
  readonly log: Log;
}

/** A listening server. `url` has no trailing slash. */
export interface HttpServer {
  readonly url: string;
  readonly port: number;
  readonly metrics: Metrics;
  /** Requests being answered now. */
  readonly activeRequests: number;
  /** Takes over WebSocket upgrades of `path`; other upgrades are refused. */
  onUpgrade(path: string, handler: UpgradeHandler): void;
  /** Stops accepting and resolves when all answers are out; when `signal` aborts, those left are cut. */
  drain(signal: AbortSignal): Promise<void>;
  /** Cuts everything. */
  close(): Promise<void>;
}

const headersTimeoutMs = 10_000;
const keepAliveTimeoutMs = 75_000;
const headerBytesMax = 16_384;
const connectionsMax = 4_096;
const unreadMsMax = 5_000;
const unreadBytesMax = 64 * 1024 * 1024;

/**
 * Listens, and answers `/healthz` and (to this machine alone) `/metrics` beside its routes.
 * Throws `usage_invalid` for plain HTTP beyond loopback, `already_running` where the port is taken.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  if (!isLoopback(options.address) && options.tls === undefined && options.allowInsecure !== true) {
    throw new PeerError(
      "usage_invalid",
      `Refused to listen on ${options.address} without TLS: API keys would travel in clear.`,
      { hint: "Give --tls-cert and --tls-key, or say --allow-clear where a reverse proxy brings TLS." },
    );
  }
  const metrics = options.metrics ?? createMetrics();
  const guard = guardOf(options);
  const active = new Set<AbortController>();
  const upgraded = new Set<Duplex>();
  const upgrades = new Map<string, UpgradeHandler>();
  const idle: (() => void)[] = [];
  let isDraining = false;
  metrics.gauge("peerllm_http_requests_active", () => active.size);

  const settings = {
    maxHeaderSize: headerBytesMax,
    requestTimeout: 0,
    headersTimeout: headersTimeoutMs,
    connectionsCheckingInterval: headersTimeoutMs / 2,
  } as const;
  const server: Server =
    options.tls === undefined
      ? createPlainServer(settings)
      : createTlsServer({ ...settings, cert: options.tls.certificate, key: options.tls.key });
  server.keepAliveTimeout = keepAliveTimeoutMs;
  server.maxConnections = connectionsMax;

  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const controller = new AbortController();
    active.add(controller);
    response.once("close", () => {
      if (!response.writableFinished) controller.abort(new PeerError("cancelled", "The client went away."));
      active.delete(controller);
      if (!isDraining) return;
      server.closeIdleConnections();
      if (active.size === 0) for (const resolve of idle.splice(0)) resolve();
    });
    if (isDraining) response.setHeader("connection", "close");
    void answer({ request, response, signal: controller.signal, isDraining, options, guard, metrics });
  });

  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const handler = upgrades.get(pathOf(request)?.pathname ?? "");
    // A peer that resets before the handler listens must not crash the process.
    socket.on("error", () => socket.destroy());
    try {
      checkCaller(request, guard);
    } catch {
      return void socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }
    if (handler === undefined || isDraining) {
      return void socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }
    upgraded.add(socket);
    socket.once("close", () => upgraded.delete(socket));
    handler(request, socket, head);
  });

  const port = await listen(server, options);
  const cut = () => {
    for (const controller of active) controller.abort(new PeerError("cancelled", "The server is going down."));
    for (const socket of upgraded) socket.destroy();
    server.closeAllConnections();
  };
  const close = async () => {
    isDraining = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    cut();
    await closed;
  };

  return {
    url: `${options.tls === undefined ? "http" : "https"}://${urlHost(options.address)}:${port}`,
    port,
    metrics,
    get activeRequests() {
      return active.size;
    },
    onUpgrade: (path, handler) => void upgrades.set(path, handler),
    async drain(signal) {
      isDraining = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      if (active.size > 0 && !signal.aborted) {
        await new Promise<void>((resolve) => {
          idle.push(resolve);
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      }
      cut();
      await closed;
    },
    close,
  };
}

function guardOf({ allowedHosts, allowedOrigins, tls }: HttpServerOptions): Guard {
  const names = allowedHosts.map((name) => name.toLowerCase());
  const certificate = tls === undefined ? null : new X509Certificate(tls.certificate);
  const isCertified = (name: string) => {
    const address = name.replace(/^\[|\]$/g, "");
    return (isIP(address) === 0 ? certificate?.checkHost(name) : certificate?.checkIP(address)) !== undefined;
  };
  return { allowedOrigins, isOwnHost: (name) => names.includes(name) || isCertified(name) };
}

interface Answering {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
  readonly isDraining: boolean;
  readonly options: HttpServerOptions;
  readonly guard: Guard;
  readonly metrics: Metrics;
}

async function answer({ request, response, signal, isDraining, options, guard, metrics }: Answering): Promise<void> {
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
    if (method === "GET" && url.pathname === "/healthz") {
      route = "/healthz";
      return sendJson(response, isDraining ? 503 : 200, { status: isDraining ? "draining" : "ok" });
    }
    if (method === "GET" && url.pathname === "/metrics" && isLocalCaller(request)) {
      route = "/metrics";
      return sendMetrics(response, metrics);
    }
    if (isDraining) {
      throw new PeerError("daemon_unreachable", "This server is going down.", { retryAfterSeconds: 5 });
    }
    const match = matchRoute(options.routes, method, url.pathname);
    if (match !== null && match !== "method") {
      route = match.route.path;
      return await match.route.handle({ request, response, url, parameters: match.parameters, requestId, signal });
    }
    for (const mount of options.mounts ?? []) {
      if (await mount(request, response, url, signal)) return;
    }
    if (match === "method") throw new PeerError("method_refused", `${method} is not a method of this path.`);
    throw new PeerError("not_found", `Unknown request URL: ${method} ${url.pathname.slice(0, 128)}.`);
  } catch (thrown) {
    const error = peerErrorOf(thrown);
    if (error.code === "unexpected") options.log.error("request-failed", { requestId, route, error: thrown });
    if (response.headersSent) return void (response.writableEnded || response.destroy());
    await discardBody(request);
    sendError(response, error);
  }
}

/**
 * Reads on what nobody wants of a body: a client that still writes when the connection closes would not get to see
 * the answer. Gives up after 5 s or 64 MiB.
 */
async function discardBody(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
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

function pathOf(request: IncomingMessage): URL | null {
  const target = request.url ?? "";
  if (!target.startsWith("/")) return null;
  return URL.canParse(`http://localhost${target}`) ? new URL(`http://localhost${target}`) : null;
}

function isLoopback(address: string): boolean {
  return address === "::1" || address === "localhost" || /^127(\.\d{1,3}){3}$/.test(address);
}

function urlHost(address: string): string {
  if (address === "0.0.0.0" || address === "::") return "127.0.0.1";
  return address.includes(":") ? `[${address}]` : address;
}

async function listen(server: Server, { address, port, log }: HttpServerOptions): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      reject(
        new PeerError("already_running", `Port ${port} on ${address} is taken by another program.`, {
          hint: "Choose another with --port, or --port 0 for any free one.",
        }),
      );
    });
    server.listen(port, address, () => resolve());
  });
  server.on("error", (error) => log.error("http-server-failed", { error }));
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : port;
}
