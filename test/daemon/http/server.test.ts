import { once } from "node:events";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import * as z from "zod";
import { openEventStream } from "../../../daemon/http/event-stream.ts";
import { type Exchange, jsonRoute, type Route, readBody, readJson } from "../../../daemon/http/route.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "../../../daemon/http/server.ts";
import { errorTable, isPeerError, PeerError } from "../../../src/errors.ts";
import { type LogFields, silentLog } from "../../../src/log.ts";
import { makeCertificate } from "../../worlds/certificates.ts";
import { deferred } from "../../worlds/deferred.ts";
import { rawConnection, rawRequest, readAll } from "./raw-http.ts";

const servers: HttpServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const echo = jsonRoute("POST", "/echo", z.object({ word: z.string() }), async ({ word }) => ({ word }));

async function serve(options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  const server = await createHttpServer({
    address: "127.0.0.1",
    port: 0,
    allowedHosts: [],
    allowedOrigins: [],
    routes: [echo],
    log: silentLog,
    ...options,
  });
  servers.push(server);
  return server;
}

function route(path: string, handle: (exchange: Exchange) => Promise<void>): Route {
  return { method: "GET", path, handle };
}

const json = { "content-type": "application/json" };
const word = JSON.stringify({ word: "hi" });

describe("who may call", () => {
  it.each([
    ["localhost", 200],
    ["127.0.0.1:1", 200],
    ["[::1]:7421", 200],
    ["LOCALHOST", 200],
    ["peer.example", 200],
    ["evil.example", 403],
    ["localhost.evil.example", 403],
    ["127.0.0.1.evil.example", 403],
    ["10.1.2.3", 403],
    ["localhost@evil.example", 403],
  ])("a Host of %j is answered %d", async (host, status) => {
    const { url } = await serve({ allowedHosts: ["peer.example"] });
    const reply = await rawRequest(`${url}/echo`, { method: "POST", headers: { ...json, host }, body: word });
    expect(reply.status).toBe(status);
  });

  it("a page whose name was rebound to this address reads nothing, not even what exists", async () => {
    const { url } = await serve();
    for (const path of ["/healthz", "/metrics", "/nothing"]) {
      const reply = await rawRequest(url + path, { headers: { host: "rebound.example:7421" } });
      expect(reply).toMatchObject({ status: 403, headers: { "content-type": "application/json; charset=utf-8" } });
      expect(JSON.parse(reply.text)).toMatchObject({ error: { code: "origin_refused", type: "permission_error" } });
    }
  });

  it("a caller by another name is told which command gives a server more names", async () => {
    const { url } = await serve();
    const { text } = await rawRequest(`${url}/healthz`, { headers: { host: "box.lan" } });
    expect(text).toContain("peerllm network up --host-name");
  });

  it.each([
    ["https://app.example", 200],
    ["https://app.example.evil.example", 403],
    ["http://app.example", 403],
    ["http://localhost:3000", 403],
    ["null", 403],
  ])("an Origin of %s is answered %d", async (origin, status) => {
    const { url } = await serve({ allowedOrigins: ["https://app.example"] });
    const reply = await rawRequest(`${url}/echo`, { method: "POST", headers: { ...json, origin }, body: word });
    expect(reply.status).toBe(status);
    expect(reply.headers["access-control-allow-origin"]).toBe(status === 200 ? origin : undefined);
  });

  it("a page of the server's own may call it", async () => {
    const { url } = await serve();
    const reply = await rawRequest(`${url}/echo`, { method: "POST", headers: { ...json, origin: url }, body: word });
    expect(reply.status).toBe(200);
  });

  it("a preflight is answered for an allowed page and refused for others", async () => {
    const { url } = await serve({ allowedOrigins: ["https://app.example"] });
    const preflight = (origin: string) =>
      rawRequest(`${url}/echo`, {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization, content-type",
          "access-control-request-private-network": "true",
        },
      });
    expect(await preflight("https://app.example")).toMatchObject({
      status: 204,
      headers: {
        "access-control-allow-origin": "https://app.example",
        "access-control-allow-headers": "authorization, content-type",
        "access-control-allow-private-network": "true",
      },
    });
    const refused = await preflight("https://evil.example");
    expect(refused.status).toBe(403);
    expect(refused.headers["access-control-allow-origin"]).toBeUndefined();
  });

  it("an image or script of another site is refused, a link followed is not", async () => {
    const { url } = await serve();
    const load = (mode: string) =>
      rawRequest(`${url}/healthz`, { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": mode } });
    expect((await load("no-cors")).status).toBe(403);
    expect((await load("navigate")).status).toBe(200);
  });
});

describe("what may be sent", () => {
  it.each([
    ["text/plain", 415],
    ["application/x-www-form-urlencoded", 415],
    ["multipart/form-data; boundary=x", 415],
    [undefined, 415],
    ["application/json", 200],
    ["Application/JSON; charset=utf-8", 200],
  ])("a body of type %s is answered %d", async (type, status) => {
    const { url } = await serve();
    const headers = type === undefined ? {} : { "content-type": type };
    const reply = await rawRequest(`${url}/echo`, { method: "POST", headers, body: word });
    expect(reply.status).toBe(status);
  });

  it("a compressed body is refused, so that a small one can't become a large one", async () => {
    const { url } = await serve();
    const headers = { ...json, "content-encoding": "gzip" };
    expect((await rawRequest(`${url}/echo`, { method: "POST", headers, body: "x" })).status).toBe(415);
  });

  it("a body that is not JSON is told so without being repeated", async () => {
    const { url } = await serve();
    const reply = await rawRequest(`${url}/echo`, { method: "POST", headers: json, body: '{"word": secret' });
    expect(reply.status).toBe(400);
    expect(reply.text).not.toContain("secret");
  });

  it("a body that is too large is answered 413, announced or not", async () => {
    const { url } = await serve();
    const body = JSON.stringify({ word: "x".repeat(4 * 1024 * 1024) });
    const announced = await rawRequest(`${url}/echo`, {
      method: "POST",
      headers: { ...json, "content-length": String(body.length) },
      body,
    });
    const chunked = await rawRequest(`${url}/echo`, {
      method: "POST",
      headers: { ...json, "transfer-encoding": "chunked" },
      body,
    });
    expect([announced.status, chunked.status]).toEqual([413, 413]);
    expect(JSON.parse(announced.text)).toMatchObject({ error: { code: "request_too_large" } });
  });

  it("headers without end are refused", async () => {
    const { url } = await serve();
    const socket = await rawConnection(url);
    socket.write(`GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-long: ${"x".repeat(20_000)}\r\n\r\n`);
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it.each([
    ["GET http://evil.example/healthz HTTP/1.1\r\nhost: localhost\r\n\r\n", "400"],
    ["GET //evil.example/healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", "404"],
    ["GET /%ff HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", "404"],
    ["GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n", "400"],
    ["nonsense\r\n\r\n", "400"],
  ])("the request %j is answered %s", async (bytes, status) => {
    const { url } = await serve();
    const socket = await rawConnection(url);
    socket.end(bytes);
    expect((await readAll(socket)).slice(9, 12)).toBe(status);
  });
});

describe("what is answered", () => {
  it("paths and methods that are not there get OpenAI's error shape", async () => {
    const { url } = await serve();
    const missing = await fetch(`${url}/v2/nothing`);
    expect([missing.status, await missing.json()]).toEqual([
      404,
      {
        error: {
          message: "Unknown request URL: GET /v2/nothing.",
          type: "invalid_request_error",
          param: null,
          code: "not_found",
        },
      },
    ]);
    const refused = await fetch(`${url}/echo`);
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("a wrong method is told every method that the path has", async () => {
    const done = async ({ response }: Exchange) => void response.end();
    const { url } = await serve({ routes: [route("/thing", done), { method: "PUT", path: "/thing", handle: done }] });
    const refused = await fetch(`${url}/thing`, { method: "DELETE" });
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD, PUT"]);
    expect((await fetch(`${url}/thing`, { method: "HEAD" })).status).toBe(200);
    expect((await fetch(`${url}/healthz`, { method: "HEAD" })).status).toBe(200);
  });

  it("every error of the table has its status, type and code", async () => {
    const { url } = await serve({
      routes: [
        {
          method: "GET",
          path: "/fail/:code",
          async handle({ parameters }) {
            const code = Object.keys(errorTable).find(
              (each): each is keyof typeof errorTable => each === parameters.code,
            );
            throw new PeerError(code ?? "not_found", "It failed.", {
              hint: "Try this.",
              parameter: "x",
              retryAfterSeconds: 2.5,
            });
          },
        },
      ],
    });
    for (const [code, { httpStatus, openaiType }] of Object.entries(errorTable)) {
      const reply = await fetch(`${url}/fail/${code}`);
      expect([reply.status, await reply.json(), reply.headers.get("retry-after")]).toEqual([
        httpStatus,
        { error: { message: "It failed. Try this.", type: openaiType, param: "x", code } },
        "3",
      ]);
    }
  });

  it("an unexpected failure is logged without its words, and told without them", async () => {
    const logged: [string, LogFields | undefined][] = [];
    const log = { ...silentLog, error: (event: string, fields?: LogFields) => void logged.push([event, fields]) };
    const { url } = await serve({
      log,
      routes: [route("/boom", async () => Promise.reject(new Error("the prompt was: secret")))],
    });
    const reply = await fetch(`${url}/boom`);
    expect(reply.status).toBe(500);
    expect(await reply.text()).not.toContain("secret");
    expect(logged.map(([event]) => event)).toEqual(["request-failed"]);
  });

  it("path parameters are decoded, also where slashes are encoded", async () => {
    const { url } = await serve({
      routes: [
        jsonRoute("GET", "/a/:one/*rest", z.object({ q: z.string() }), async ({ q }, { parameters }) => ({
          q,
          ...parameters,
        })),
      ],
    });
    const reply = await fetch(`${url}/a/x%20y/acme%2Ftiny/v:1?q=2`);
    expect(await reply.json()).toEqual({ q: "2", one: "x y", rest: "acme/tiny/v:1" });
  });

  it("metrics count by route and never by what was asked, and are for this machine alone", async () => {
    const { url } = await serve();
    await fetch(`${url}/echo?secret=1`, { method: "POST", headers: json, body: word });
    await fetch(`${url}/secret-path`);
    const page = await (await fetch(`${url}/metrics`)).text();
    expect(page).toContain('peerllm_http_requests_total{route="/echo",status="200"} 1');
    expect(page).toContain('peerllm_http_requests_total{route="other",status="404"} 1');
    expect(page).not.toContain("secret");
    expect((await fetch(`${url}/metrics`, { headers: { "x-forwarded-for": "1.2.3.4" } })).status).toBe(404);
  });
});

describe("a client that hangs up", () => {
  it("aborts what was working for it", async () => {
    const started = deferred<AbortSignal>();
    const { url } = await serve({
      routes: [
        route("/slow", async ({ signal }) => {
          started.resolve(signal);
          await once(signal, "abort");
          signal.throwIfAborted();
        }),
      ],
    });
    const client = new AbortController();
    const reply = fetch(`${url}/slow`, { signal: client.signal });
    const signal = await started.promise;
    client.abort();
    await expect(reply).rejects.toThrow();
    if (!signal.aborted) await once(signal, "abort");
    expect(isPeerError(signal.reason, "cancelled")).toBe(true);
  });

  it("while its body is still awaited, ends that wait", async () => {
    const ended = deferred<unknown>();
    const { url } = await serve({
      routes: [
        {
          method: "POST",
          path: "/body",
          handle: async (exchange) => void (await readJson(exchange).catch(ended.resolve)),
        },
      ],
    });
    const socket = await rawConnection(url);
    socket.write(
      "POST /body HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{",
    );
    setImmediate(() => socket.destroy());
    expect(isPeerError(await ended.promise, "cancelled")).toBe(true);
  });
});

describe("bodies that arrive", () => {
  it("may take so much together and no more, and are told when to come again", async () => {
    const small = { bytesLeft: 10 };
    const budgets = new Set();
    const { url } = await serve({
      routes: [
        {
          method: "POST",
          path: "/body",
          async handle(exchange) {
            budgets.add(exchange.bodies);
            exchange.response.end((await readBody({ ...exchange, bodies: small })).toString());
          },
        },
      ],
    });
    const first = await rawConnection(url);
    first.write("POST /body HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 8\r\n\r\n1234567");
    await vi.waitUntil(() => small.bytesLeft === 3, { timeout: 30_000 });
    const second = await rawRequest(`${url}/body`, { method: "POST", body: "1234" });
    expect([second.status, second.headers["retry-after"]]).toEqual([503, "5"]);
    first.write("8");
    expect(await readAll(first)).toContain("12345678");
    expect(small).toEqual({ bytesLeft: 10 });
    expect(budgets.size, "all of a server share one budget").toBe(1);
  });

  it("are short where nobody has said who sends them", async () => {
    const { url } = await serve();
    const body = JSON.stringify({ word: "x".repeat(65_536) });
    expect((await rawRequest(`${url}/echo`, { method: "POST", headers: json, body })).status).toBe(413);
  });
});

describe("an event stream", () => {
  it("says something every 15 seconds while there is nothing to say", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      const opened = deferred();
      const { url } = await serve({
        routes: [
          route("/events", async (exchange) => {
            openEventStream(exchange);
            opened.resolve();
            await once(exchange.signal, "abort");
          }),
        ],
      });
      const socket = await rawConnection(url);
      socket.write("GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n");
      await opened.promise;
      vi.advanceTimersByTime(45_000);
      let text = "";
      for await (const chunk of socket) {
        text += chunk;
        if (text.split(": keep-alive\n\n").length === 4) break;
      }
      expect(text).toMatch(/^HTTP\/1\.1 200 /);
    } finally {
      vi.useRealTimers();
    }
  });

  it("waits for a client that reads slowly, holding back no more than the sockets do", async () => {
    let sent = 0;
    const done = deferred<void>();
    const { url } = await serve({
      routes: [
        route("/events", async (exchange) => {
          const stream = openEventStream(exchange);
          try {
            for (; sent < 100_000; sent++) await stream.send("x".repeat(1_000));
          } finally {
            done.resolve();
          }
        }),
      ],
    });
    const socket = await rawConnection(url);
    socket.pause();
    socket.write("GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n");
    // It stands still once the sockets' buffers are full: the same count at two looks, far below the whole.
    let before = -1;
    while (before !== sent || sent === 0) {
      before = sent;
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(sent).toBeLessThan(50_000);
    socket.destroy();
    await done.promise;
    expect(sent).toBeLessThan(50_000);
  });
});

describe("requests sent behind one another on one connection", () => {
  it("are all given up when it is lost, also those whose turn to answer never came", async () => {
    const signals: AbortSignal[] = [];
    const server = await serve({
      routes: [
        route("/forever", async ({ signal }) => {
          signals.push(signal);
          await once(signal, "abort");
        }),
      ],
    });
    const socket = await rawConnection(server.url);
    socket.write("GET /forever HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(20));
    await vi.waitUntil(() => signals.length === 20, { timeout: 30_000 });
    expect(server.activeRequests).toBe(20);
    socket.destroy();
    await vi.waitUntil(() => server.activeRequests === 0, { timeout: 30_000 });
    expect(signals.map(({ reason }) => isPeerError(reason, "cancelled"))).not.toContain(false);
  });
});

describe("a body that is refused before it has come", () => {
  const head = (length: number, more = "") =>
    `POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n${more}\r\n`;

  it("is answered at once, while the client still sends it", async () => {
    const { url } = await serve();
    const socket = await rawConnection(url);
    socket.write(head(50_000_000));
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413 /);
    expect(String(answer)).toContain('"code":"request_too_large"');
    socket.destroy();
  });

  it("leaves the answer readable by a client that reads only once it has sent all", async () => {
    const { url } = await serve();
    const socket = await rawConnection(url);
    socket.pause();
    const bodyBytes = 8_000_000;
    socket.write(head(bodyBytes));
    for (let sent = 0; sent < bodyBytes; sent += 100_000) {
      if (!socket.write(Buffer.alloc(100_000, 32))) await once(socket, "drain");
    }
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 413 /);
  });
});

it("a body that says it is not compressed is read", async () => {
  const { url } = await serve();
  const headers = { ...json, "content-encoding": "identity" };
  expect(await rawRequest(`${url}/echo`, { method: "POST", headers, body: word })).toMatchObject({ status: 200 });
});

describe("a server that goes down", () => {
  it("finishes the answers under way, refuses new ones and then is gone", async () => {
    const release = deferred<void>();
    const started = deferred<void>();
    const server = await serve({
      routes: [
        route("/slow", async ({ response }) => {
          response.write("first ");
          started.resolve();
          await release.promise;
          response.end("last");
        }),
      ],
    });
    const reply = fetch(`${server.url}/slow`).then((response) => response.text());
    await started.promise;
    const drained = server.drain(new AbortController().signal);
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    release.resolve();
    expect(await reply).toBe("first last");
    await drained;
  });

  it("cuts what is left when the patience of the drain ends", async () => {
    const started = deferred<AbortSignal>();
    const server = await serve({
      routes: [
        route("/forever", async ({ response, signal }) => {
          response.write("first ");
          started.resolve(signal);
          await once(signal, "abort");
        }),
      ],
    });
    const reply = fetch(`${server.url}/forever`).then((response) => response.text());
    const signal = await started.promise;
    const patience = new AbortController();
    const drained = server.drain(patience.signal);
    patience.abort();
    await drained;
    await expect(reply).rejects.toThrow();
    expect(isPeerError(signal.reason, "daemon_unreachable")).toBe(true);
  });
});

describe("listening", () => {
  it("in clear beyond loopback is refused unless it is asked for", async () => {
    await expect(serve({ address: "0.0.0.0" })).rejects.toSatisfy((error) => isPeerError(error, "usage_invalid"));
    const server = await serve({ address: "0.0.0.0", allowInsecure: true });
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  it("with TLS answers to the names of its certificate, and to no other", async () => {
    const certificate = makeCertificate({ subject: "peer.example" });
    const key = certificate.key.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const { url } = await serve({ address: "0.0.0.0", tls: { certificate: certificate.pem, key } });
    const call = (host: string) => rawRequest(`${url}/healthz`, { headers: { host }, ca: certificate.pem });
    expect(url).toMatch(/^https:/);
    expect((await call("peer.example")).status).toBe(200);
    expect((await call("evil.example")).status).toBe(403);
  });

  it("on a port that is taken says which", async () => {
    const { port } = await serve();
    await expect(serve({ port })).rejects.toMatchObject({
      code: "already_running",
      message: expect.stringContaining(String(port)),
    });
  });
});

describe("WebSocket upgrades", () => {
  async function serveSockets() {
    const server = await serve();
    const sockets = new WebSocketServer({ noServer: true });
    server.onUpgrade("/link", (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (each) => each.send("welcome")),
    );
    return server.url.replace("http", "ws");
  }

  it("of a known path are handed over", async () => {
    const socket = new WebSocket(`${await serveSockets()}/link`);
    const [data] = await once(socket, "message");
    expect(String(data)).toBe("welcome");
  });

  it.each([
    ["of an unknown path", "/other", {}, 404],
    ["of a web page", "/link", { origin: "https://evil.example" }, 403],
    ["under another name", "/link", { headers: { host: "evil.example" } }, 403],
  ])("%s are refused", async (_, path, options, status) => {
    const socket = new WebSocket((await serveSockets()) + path, options);
    const [, response] = await once(socket, "unexpected-response");
    expect(response.statusCode).toBe(status);
    socket.on("error", () => {});
    socket.terminate();
  });
});
