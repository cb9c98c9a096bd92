import { X509Certificate } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { PeerError } from "../../src/errors.ts";
import { timeLimit } from "../../src/time-limit.ts";
import { type AnsweringOptions, answer, pathOf } from "./answering.ts";
import { checkCaller, type Guard, isLoopback } from "./guard.ts";
import { createListener, listen, type TlsIdentity } from "./listener.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { keepRoom } from "./room.ts";

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface HttpServerOptions extends AnsweringOptions, Pick<Guard, "allowedOrigins"> {
  /** An IP address; 127.0.0.1 unless others are meant to call. */
  readonly address: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Names this server answers to beside loopback, the address called and those of its certificate; without a port. */
  readonly allowedHosts: readonly string[];
  readonly tls?: TlsIdentity;
  /** Listen beyond loopback without TLS, because a reverse proxy in front brings it. */
  readonly allowInsecure?: boolean;
  readonly metrics?: Metrics;
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
const connectionsFreeMin = 256;
const bodyBytesMax = 256 * 1024 * 1024;
/** How long an answer that is cut may take to say so. */
const lastWordsMsMax = 500;

/**
 * Listens, and answers `/healthz` and (to this machine alone) `/metrics` beside its routes.
 * Throws `usage_invalid` for plain HTTP beyond loopback, and as `createListener` and `listen`.
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
  const bodies = { bytesLeft: bodyBytesMax };
  const active = new Set<AbortController>();
  const upgraded = new Set<Duplex>();
  const upgrades = new Map<string, UpgradeHandler>();
  const idle: (() => void)[] = [];
  let isDraining = false;
  metrics.gauge("peerllm_http_requests_active", () => active.size);

  const server = createListener(options.tls, {
    maxHeaderSize: headerBytesMax,
    requestTimeout: 0,
    headersTimeout: headersTimeoutMs,
    connectionsCheckingInterval: headersTimeoutMs / 2,
  });
  const guard = guardOf(options);
  server.keepAliveTimeout = keepAliveTimeoutMs;
  keepRoom(server, { connectionsMax, freeMin: connectionsFreeMin });

  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const controller = new AbortController();
    active.add(controller);
    const over = () => {
      if (!active.delete(controller)) return;
      if (!response.writableFinished) controller.abort(new PeerError("cancelled", "The client went away."));
      if (isDraining) server.closeIdleConnections();
      if (active.size === 0) for (const resolve of idle.splice(0)) resolve();
    };
    // An answer that waits for those before it on one connection hears nothing when that is lost.
    const unwatch = whenClosed(request.socket, over);
    response.once("close", () => {
      over();
      unwatch();
    });
    if (isDraining) response.setHeader("connection", "close");
    void answer({ request, response, signal: controller.signal, isDraining, options, guard, bodies, metrics });
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

  const port = await listen(server, options.address, options.port);
  server.on("error", (error) => options.log.error("http-server-failed", { error }));
  const untilIdle = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (active.size === 0 || signal.aborted) return resolve();
      idle.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  const cut = async () => {
    for (const controller of active) controller.abort(new PeerError("daemon_unreachable", "The server is going down."));
    for (const socket of upgraded) socket.destroy();
    await untilIdle(timeLimit(lastWordsMsMax));
    server.closeAllConnections();
  };
  const close = async () => {
    isDraining = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await cut();
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
      await untilIdle(signal);
      await cut();
      await closed;
    },
    close,
  };
}

const closeWatchers = new WeakMap<Duplex, Set<() => void>>();

/** Acts when the connection closes, by one listener for all that wait for it; returns what takes `act` back. */
function whenClosed(socket: Duplex, act: () => void): () => void {
  const known = closeWatchers.get(socket);
  const watchers = known ?? new Set<() => void>();
  watchers.add(act);
  if (known === undefined) {
    closeWatchers.set(socket, watchers);
    socket.once("close", () => {
      for (const watcher of [...watchers]) watcher();
    });
  }
  return () => watchers.delete(act);
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

function urlHost(address: string): string {
  if (address === "0.0.0.0" || address === "::") return "127.0.0.1";
  return address.includes(":") ? `[${address}]` : address;
}
