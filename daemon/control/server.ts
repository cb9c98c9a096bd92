import { createServer, type Server, type Socket } from "node:net";
import type * as z from "zod";
import { PeerError } from "../../src/errors.ts";
import type { Log } from "../../src/log.ts";
import {
  type ControlCall,
  type ControlReply,
  controlCallSchema,
  controlLineBytesMax,
  errorDocument,
} from "../../src/protocol/control.ts";
import { readLines } from "../../src/protocol/lines.ts";

/** Answers one method: with one result, or with items where it returns an async iterable. */
export type ControlHandler = (params: unknown, signal: AbortSignal) => Promise<unknown> | AsyncIterable<unknown>;

export interface ControlServer {
  /** Ends the connections at once. */
  close(): Promise<void>;
}

export interface ControlServerOptions {
  /** Of the unix socket; nothing may be there. */
  readonly path: string;
  readonly handlers: Readonly<Record<string, ControlHandler>>;
  /** What each method's params must be; a method without one gets them as they came. */
  readonly schemas: Readonly<Record<string, { readonly params: z.ZodType }>>;
  readonly log: Log;
}

const connectionsMax = 64;
const callsPerConnectionMax = 32;

/** Serves the control socket of a daemon. Whoever may open the socket's file may call: its folder is the owner's. */
export async function serveControl(options: ControlServerOptions): Promise<ControlServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", (error) => options.log.debug("control-connection-failed", { error }));
    serveConnection(socket, options).catch((error) => {
      options.log.warn("control-connection-refused", { error });
      socket.destroy();
    });
  });
  server.maxConnections = connectionsMax;
  await listen(server, options.path);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function serveConnection(socket: Socket, options: ControlServerOptions): Promise<void> {
  const calls = new Map<number, AbortController>();
  socket.once("close", () => {
    for (const call of calls.values()) call.abort(new PeerError("cancelled", "The caller hung up."));
  });
  for await (const line of readLines(socket, controlLineBytesMax)) {
    const message = parseCall(line);
    if (message.kind === "cancel") {
      calls.get(message.id)?.abort(new PeerError("cancelled", "The caller gave the call up."));
      continue;
    }
    if (calls.size >= callsPerConnectionMax || calls.has(message.id)) {
      throw new PeerError("protocol_violation", `Too many calls on one connection, or the id ${message.id} twice.`);
    }
    const controller = new AbortController();
    calls.set(message.id, controller);
    void answer(message, socket, options, controller.signal).finally(() => calls.delete(message.id));
  }
}

function parseCall(line: string): ControlCall {
  try {
    return controlCallSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new PeerError("protocol_violation", "What came over the control socket is not a call.", { cause });
  }
}

type Call = Extract<ControlCall, { kind: "call" }>;

/** Never rejects: what goes wrong is told to the caller. */
async function answer(call: Call, socket: Socket, options: ControlServerOptions, signal: AbortSignal): Promise<void> {
  const { id, method } = call;
  try {
    const answered = handlerOf(method, options)(parseParams(call, options), signal);
    if (Symbol.asyncIterator in answered) {
      for await (const item of answered) await send(socket, { kind: "item", id, item }, signal);
      await send(socket, { kind: "end", id }, signal);
    } else {
      await send(socket, { kind: "result", id, result: (await answered) ?? null }, signal);
    }
  } catch (error) {
    if (signal.aborted) return;
    options.log.warn("control-call-failed", { method, error });
    await send(socket, { kind: "error", id, error: errorDocument(error) }, signal).catch(() => socket.destroy());
  }
}

function handlerOf(method: string, options: ControlServerOptions): ControlHandler {
  const handler = Object.hasOwn(options.handlers, method) ? options.handlers[method] : undefined;
  if (handler !== undefined) return handler;
  throw new PeerError("not_found", `This daemon has no control method "${method.slice(0, 64)}".`, {
    hint: "Update the older of command and daemon, and start the daemon again.",
  });
}

function parseParams(call: Call, options: ControlServerOptions): unknown {
  const schema = Object.hasOwn(options.schemas, call.method) ? options.schemas[call.method] : undefined;
  if (schema === undefined) return call.params;
  const parsed = schema.params.safeParse(call.params);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new PeerError(
    "request_invalid",
    `"${call.method}" was called with a bad ${issue?.path.join(".") || "argument"}: ${issue?.message ?? "invalid"}.`,
  );
}

/** Waits while the caller reads slower than we write. */
async function send(socket: Socket, reply: ControlReply, signal: AbortSignal): Promise<void> {
  const line = `${JSON.stringify(reply)}\n`;
  if (socket.destroyed || socket.write(line)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      socket.off("drain", done);
      socket.off("close", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    socket.once("drain", done);
    socket.once("close", done);
    signal.addEventListener("abort", done, { once: true });
  });
}
