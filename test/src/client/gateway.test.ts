import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createNetServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createGateway } from "../../../src/client/gateway.ts";
import { routes } from "../../../src/protocol/api.ts";

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

const signal = AbortSignal.timeout(120_000);

test("a call sends the key and its parameters and returns what the route promises", async () => {
  const url = await serve((request, response) => {
    const { method, url: path, headers } = request;
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({ models: [], next: null, seen: { method, path, authorization: headers.authorization } }),
    );
  });
  const gateway = createGateway({ url: `${url}/v1`, apiKey: "sk-peer-test" });
  expect(await gateway.call(routes["models-list"], { search: "tiny chat" }, signal)).toEqual({
    models: [],
    next: null,
    seen: { method: "GET", path: "/api/v1/models?search=tiny+chat", authorization: "Bearer sk-peer-test" },
  });
});

test("path parameters are encoded, so that a name can't reach another route", async () => {
  const paths: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    paths.push(request.url);
    response.end("{}");
  });
  const call = createGateway({ url, apiKey: null }).call(routes["keys-revoke"], {}, signal, { keyId: "../account?" });
  await expect(call).rejects.toMatchObject({ code: "protocol_incompatible" });
  expect(paths).toEqual(["/api/v1/account/keys/..%2Faccount%3F"]);
});

test.each([
  [
    402,
    { error: { message: "No credit left.", type: "insufficient_quota", code: "insufficient_quota", param: null } },
    "insufficient_quota",
  ],
  [400, { error: { message: "Unheard of.", type: "x", code: "brand_new_code", param: "n" } }, "request_invalid"],
  [401, "nothing JSON", "authentication_failed"],
  [404, {}, "not_found"],
  [500, {}, "upstream_failed"],
  [502, "Bad Gateway", "network_unreachable"],
])("status %i is told as its code, or by its status where there is none we know", async (status, body, code) => {
  const url = await serve((_, response) => {
    response.statusCode = status;
    response.end(JSON.stringify(body));
  });
  const call = createGateway({ url, apiKey: null }).call(routes["account-show"], {}, signal);
  await expect(call).rejects.toMatchObject({ name: "PeerError", code });
});

test("a network that isn't there is unreachable, and what to do is said", async () => {
  const call = createGateway({ url: "http://127.0.0.1:1", apiKey: null }).call(routes["network-show"], {}, signal);
  await expect(call).rejects.toMatchObject({
    code: "network_unreachable",
    message: expect.stringContaining("http://127.0.0.1:1"),
    hint: expect.stringContaining("peerllm network up"),
  });
});

test.each([
  ["takes nothing of what it is sent", false],
  ["takes it all and says nothing", true],
])("a network that %s is given up", async (_, takes) => {
  const server = createNetServer((socket) => {
    socket.on("error", () => {});
    if (takes) socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${Object(server.address()).port}`;
  const bytes = Buffer.alloc(64 * 1_048_576);
  const sent = createGateway({ url, apiKey: null, silenceMs: 500 }).send(
    { method: "PATCH", path: "/x", bytes },
    signal,
  );
  await expect(sent).rejects.toMatchObject({ code: "network_unreachable" });
});

test.each([
  [
    "https://peer.example/api/v1/account",
    "https://peer.example",
    'Name that address: "--network https://peer.example".',
  ],
  ["/login", "/login", "Is this the address of a PeerLLM network?"],
])("a redirect to %s is told, not followed: the key is for the network that was named", async (location, to, hint) => {
  const url = await serve((_, response) => void response.writeHead(301, { location }).end());
  const call = createGateway({ url, apiKey: "sk-peer-test" }).call(routes["account-show"], {}, signal);
  await expect(call).rejects.toMatchObject({ code: "upstream_failed", message: `${url} redirects to ${to}.`, hint });
});

test("a reply that never ends is cut at what a reply may hold", async () => {
  let isCut = false;
  const url = await serve((_, response) => {
    response.on("close", () => {
      isCut = true;
    });
    const more = () => {
      while (response.write("a".repeat(65_536)));
    };
    response.on("drain", more);
    more();
  });
  const call = createGateway({ url, apiKey: null, replyBytesMax: 1_048_576 }).call(routes["account-show"], {}, signal);
  await expect(call).rejects.toMatchObject({ code: "upstream_failed", message: expect.stringContaining("may hold") });
  await expect.poll(() => isCut).toBe(true);
});
