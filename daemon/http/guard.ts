import type { IncomingMessage, ServerResponse } from "node:http";
import { PeerError } from "../../src/errors.ts";

export interface Guard {
  /** Whether a name, lower case and without a port, is this server's, beside loopback and the address called. */
  isOwnHost(name: string): boolean;
  /** Origins of web pages that may call it, like "https://app.example". */
  readonly allowedOrigins: readonly string[];
}

const loopbackHosts = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Throws `origin_refused` for what a web page must not do. A `Host` that is not ours is DNS rebinding: the page's
 * own name, made to point here. An `Origin` that is not allowed is a page calling across. Programs send no Origin.
 */
export function checkCaller(request: IncomingMessage, guard: Guard): void {
  const host = request.headers.host;
  if (host === undefined || !isOurHost(host, request.socket.localAddress, guard)) {
    throw new PeerError("origin_refused", "The Host header does not name this server.", {
      hint: 'Call it by its own address. A network takes other names with "peerllm network up --host-name".',
    });
  }
  const origin = request.headers.origin;
  if (origin !== undefined) {
    if (!isOurOrigin(origin, host, guard.allowedOrigins)) {
      throw new PeerError("origin_refused", "Pages of this origin may not call this server.", {
        hint: "Allow the page, where you trust it, with --allow-origin when starting the server.",
      });
    }
    return;
  }
  // A page's request without an Origin (an image, a script): a navigation reads nothing back, the rest is refused.
  const site = request.headers["sec-fetch-site"];
  if ((site === "cross-site" || site === "same-site") && request.headers["sec-fetch-mode"] !== "navigate") {
    throw new PeerError("origin_refused", "Pages of other sites may not load this server's resources.");
  }
}

/** Sets the headers an allowed page needs; answers the preflight itself and returns true. Comes after `checkCaller`. */
export function answerPreflight(request: IncomingMessage, response: ServerResponse): boolean {
  const origin = request.headers.origin;
  if (origin === undefined) return false;
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-expose-headers", "x-request-id, x-peerllm-receipt, retry-after");
  response.setHeader("vary", "origin");
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) return false;
  response.setHeader("access-control-allow-methods", "GET, POST, DELETE");
  response.setHeader("access-control-max-age", "600");
  const headers = request.headers["access-control-request-headers"];
  if (headers !== undefined) response.setHeader("access-control-allow-headers", headers);
  if (request.headers["access-control-request-private-network"] === "true") {
    response.setHeader("access-control-allow-private-network", "true");
  }
  response.writeHead(204).end();
  return true;
}

function isOurHost(header: string, localAddress: string | undefined, guard: Guard): boolean {
  const name = hostName(header);
  if (name === null) return false;
  if (loopbackHosts.includes(name) || guard.isOwnHost(name)) return true;
  if (localAddress === undefined) return false;
  const plain = localAddress.replace(/^::ffff:/, "");
  return name === plain || name === `[${plain}]`;
}

/** The name in a Host header, lower case, without its port; null where it is not one. */
function hostName(header: string): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header);
  return match?.[1]?.toLowerCase() ?? null;
}

/** Our own pages, whose origin names the same host and port as the (checked) Host header, and those allowed. */
function isOurOrigin(origin: string, host: string, allowed: readonly string[]): boolean {
  return allowed.includes(origin) || origin === `http://${host}` || origin === `https://${host}`;
}

export function isLoopback(address: string): boolean {
  return address === "::1" || address === "localhost" || /^127(\.\d{1,3}){3}$/.test(address);
}
