import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { expect, test, vi } from "vitest";
import { createListener, listen } from "../../../daemon/http/listener.ts";
import { keepRoom } from "../../../daemon/http/room.ts";
import { makeCertificate } from "../../worlds/certificates.ts";

const certificate = makeCertificate({ subject: "localhost" });
const identity = {
  certificate: certificate.pem,
  key: certificate.key.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
};

/** Sends a request; resolves with the first bytes of the answer. */
async function ask(socket: Socket, headers = ""): Promise<string> {
  socket.write(`GET / HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n`);
  const [said] = await once(socket, "data");
  return String(said);
}

test.each([
  ["plain HTTP", undefined],
  ["TLS", identity],
])("who idles longest makes room for who comes, over %s", async (_, tls) => {
  const server = createListener(tls, {});
  keepRoom(server, { connectionsMax: 6, freeMin: 2 });
  const waiting: ServerResponse[] = [];
  server.on("request", (request, response) => {
    if (request.url === "/slow") waiting.push(response);
    else response.end("here");
  });
  server.on("upgrade", (_, socket) => {
    socket.resume().once("end", () => socket.end());
    socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
  });
  const port = await listen(server, "127.0.0.1", 0);
  const sockets: Socket[] = [];
  const open = async () => {
    const accepted = once(server, "connection");
    const socket =
      tls === undefined
        ? connect(port, "127.0.0.1")
        : connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    sockets.push(socket);
    socket.on("error", () => {});
    await Promise.all([accepted, once(socket, tls === undefined ? "connect" : "secureConnect")]);
    return socket;
  };
  try {
    const busy = await open();
    busy.write("GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await vi.waitUntil(() => waiting.length === 1, { timeout: 30_000 });
    const linked = await open();
    expect(await ask(linked, "connection: upgrade\r\nupgrade: websocket\r\n")).toContain("101");
    const talker = await open();
    expect(await ask(talker)).toContain("here");
    const silent = await open();
    expect(await ask(talker)).toContain("here");
    const closed = once(silent.resume(), "close");
    await open();
    await closed;
    expect(await ask(talker)).toContain("here");
    expect(await ask(await open())).toContain("here");
    expect([busy, linked, talker].map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
    waiting[0]?.end("at last");
    const [said] = await once(busy, "data");
    expect(String(said)).toContain("at last");
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
});
