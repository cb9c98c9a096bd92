import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { type ControlHandler, serveControl } from "../../../daemon/control/server.ts";
import { callDaemon, streamDaemon } from "../../../src/client/control.ts";
import { ownIdentity } from "../../../src/client/process-identity.ts";
import { runRecordPath } from "../../../src/client/run-record.ts";
import { PeerError } from "../../../src/errors.ts";
import { silentLog } from "../../../src/log.ts";
import type { Home } from "../../../src/paths.ts";
import { writePrivateFile } from "../../../src/private-file.ts";
import { controlLineBytesMax } from "../../../src/protocol/control.ts";
import type { ControlMethod } from "../../../src/protocol/control-methods.ts";
import { callTrivial, temporaryHome, trivialDaemon } from "../../worlds/trivial-daemon.ts";

const signal = AbortSignal.timeout(120_000);
const numbered = z.object({ number: z.int() });
const echo: ControlMethod<typeof numbered, typeof numbered, false> = {
  name: "echo",
  params: numbered,
  result: numbered,
  streams: false,
};
const count: ControlMethod<typeof numbered, typeof numbered, true> = { ...echo, name: "count", streams: true };

let home: Home;
let path: string;

beforeEach(async () => {
  home = await temporaryHome();
  path = join(home.runDirectory, "host.sock");
});

async function serve(handlers: Record<string, ControlHandler>): Promise<void> {
  await mkdir(home.runDirectory, { recursive: true });
  const server = await serveControl({ path, handlers, schemas: { echo, count }, log: silentLog });
  onTestFinished(() => server.close());
  const record = { role: "host", ...ownIdentity(0), version: "0", socket: path, ready: {} };
  await writePrivateFile(runRecordPath(home, "host"), JSON.stringify(record));
}

test("a call is answered with its result, however large within the limit", async () => {
  await serve({ echo: async (params) => ({ ...numbered.parse(params), filling: "x".repeat(3_000_000) }) });
  expect(await callDaemon(home, "host", echo, { number: 7 }, signal)).toEqual({ number: 7 });
});

test.each<[string, ControlHandler, string]>([
  ["an error of ours with its code", () => Promise.reject(new PeerError("conflict", "Taken.")), "conflict"],
  ["another's without its words", () => Promise.reject(new TypeError("somebody's prompt")), "unexpected"],
  ["one that is thrown at once", () => thrown(new PeerError("not_found", "Gone.")), "not_found"],
  ["a result that isn't JSON", async () => ({ number: 1n }), "unexpected"],
  ["a result that isn't what was promised", async () => ({ number: "one" }), "protocol_incompatible"],
])("what goes wrong is told: %s", async (_, handler, code) => {
  await serve({ echo: handler });
  const call = callDaemon(home, "host", echo, { number: 1 }, signal);
  await expect(call).rejects.toMatchObject({ code, message: expect.not.stringContaining("prompt") });
});

function thrown(error: Error): never {
  throw error;
}

test("params are checked before the method sees them, and a method nobody has is named", async () => {
  let calls = 0;
  await serve({
    echo: async () => {
      calls += 1;
    },
  });
  const wrong = JSON.parse('{"number":"seven"}');
  await expect(callDaemon(home, "host", echo, wrong, signal)).rejects.toMatchObject({ code: "request_invalid" });
  await expect(callDaemon(home, "host", { ...echo, name: "toString" }, { number: 1 }, signal)).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringContaining("toString"),
  });
  expect(calls).toBe(0);
});

test("a stream yields its items in order, then what went wrong", async () => {
  await serve({
    count: async function* (params) {
      for (let number = 0; number < numbered.parse(params).number; number += 1) yield { number };
      throw new PeerError("cancelled", "Enough.");
    },
  });
  const items: number[] = [];
  const read = async () => {
    for await (const item of streamDaemon(home, "host", count, { number: 1_000 }, signal)) items.push(item.number);
  };
  await expect(read()).rejects.toMatchObject({ code: "cancelled" });
  expect(items).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
});

test.each(["leaving the loop", "aborting"])("%s ends the stream on the daemon's side", async (how) => {
  let onEnd = () => {};
  const ended = new Promise<void>((resolve) => {
    onEnd = resolve;
  });
  await serve({
    count: async function* (_params, aborted) {
      try {
        for (let number = 0; !aborted.aborted; number += 1) {
          yield { number };
          await new Promise(setImmediate);
        }
      } finally {
        onEnd();
      }
    },
  });
  const controller = new AbortController();
  const read = async () => {
    for await (const _ of streamDaemon(home, "host", count, { number: 0 }, controller.signal)) {
      if (how === "aborting") controller.abort(new PeerError("cancelled", "Given up."));
      else return;
    }
  };
  if (how === "aborting") await expect(read()).rejects.toMatchObject({ message: "Given up." });
  else await read();
  await ended;
});

async function rawConnection(): Promise<Socket> {
  const socket = connect(path);
  await once(socket, "connect");
  socket.on("error", () => {});
  return socket;
}

test.each([
  ["isn't JSON", "hello\n"],
  ["isn't a call", '{"kind":"order"}\n'],
  ["is of another version", '{"kind":"call","version":2,"id":1,"method":"echo","params":{"number":1}}\n'],
  ["never ends", "x".repeat(controlLineBytesMax + 1)],
])("a line that %s ends its connection, and no other", async (_, text) => {
  await serve({ echo: async (params) => params });
  const [wrong, right] = [await rawConnection(), await rawConnection()];
  wrong.write(text);
  await once(wrong, "close");
  right.write('{"kind":"call","version":1,"id":5,"method":"echo","params":{"number":2}}\n');
  const [reply] = await once(right, "data");
  expect(JSON.parse(String(reply))).toEqual({ kind: "result", id: 5, result: { number: 2 } });
  right.destroy();
});

test("calls on one connection run at once, and each can be cancelled alone", async () => {
  await serve({
    echo: (params, aborted) =>
      new Promise((resolve) => {
        const { number } = numbered.parse(params);
        if (number === 2) resolve({ number });
        else aborted.addEventListener("abort", () => resolve(null));
      }),
  });
  const socket = await rawConnection();
  const call = (id: number, number: number) =>
    `${JSON.stringify({ kind: "call", version: 1, id, method: "echo", params: { number } })}\n`;
  socket.write(`${call(1, 1)}${call(2, 2)}{"kind":"cancel","version":1,"id":1}\n`);
  const [reply] = await once(socket, "data");
  expect(JSON.parse(String(reply).split("\n")[0] ?? "")).toMatchObject({ kind: "result", id: 2 });
  socket.destroy();
});

test("a call may take long, as long as the daemon answers pings", async () => {
  let pings = 0;
  let pingedTwice = () => {};
  const answer = new Promise<void>((resolve) => {
    pingedTwice = resolve;
  });
  await serve({
    echo: async (params) => {
      await answer;
      return params;
    },
    ping: async () => {
      pings += 1;
      if (pings === 2) pingedTwice();
    },
  });
  expect(await callDaemon(home, "host", echo, { number: 7 }, signal)).toEqual({ number: 7 });
  expect(pings).toBe(2);
}, 60_000);

test("a daemon that is stopped is given up, and named", async () => {
  const daemon = trivialDaemon(home);
  await daemon.started;
  daemon.process.kill("SIGSTOP");
  await expect(callTrivial(home, "hold")).rejects.toMatchObject({
    code: "daemon_unreachable",
    message: `The network's orchestrator, process ${daemon.pid}, doesn't answer.`,
    hint: expect.stringContaining('"peerllm network down" ends it'),
  });
}, 60_000);
