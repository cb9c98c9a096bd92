import { connect, type Socket } from "node:net";
import type * as z from "zod";
import { PeerError } from "../errors.ts";
import type { Home } from "../paths.ts";
import {
  type ControlReply,
  controlLineBytesMax,
  controlReplySchema,
  controlVersion,
  errorOfDocument,
  type RoleName,
  stopCommands,
} from "../protocol/control.ts";
import { type ControlMethod, frameMethods } from "../protocol/control-methods.ts";
import { readLines } from "../protocol/lines.ts";
import { isAlive } from "./process-identity.ts";
import { readEndRecord, readRunRecord } from "./run-record.ts";

const [callId, pingId] = [1, 2];

/** After this long without a word a daemon is pinged; after as long again without an answer it is given up. */
const silenceMsMax = 5_000;

/**
 * Asks the daemon of that role and home, and waits for its answer as long as it lives. Throws `daemon_unreachable`
 * where none serves or it is stuck, what the daemon answered with, or the signal's reason.
 */
export async function callDaemon<Params extends z.ZodType, Result extends z.ZodType>(
  home: Home,
  role: RoleName,
  method: ControlMethod<Params, Result, false>,
  params: z.input<Params>,
  signal: AbortSignal,
): Promise<z.output<Result>> {
  for await (const reply of exchange(home, role, method.name, params, signal)) {
    if (reply.kind === "result") return parseResult(role, method, reply.result);
  }
  throw lostConnection(role);
}

/** The items of a streaming method, until it ends. Leaving the loop cancels the call. Throws as `callDaemon`. */
export async function* streamDaemon<Params extends z.ZodType, Result extends z.ZodType>(
  home: Home,
  role: RoleName,
  method: ControlMethod<Params, Result, true>,
  params: z.input<Params>,
  signal: AbortSignal,
): AsyncGenerator<z.output<Result>> {
  for await (const reply of exchange(home, role, method.name, params, signal)) {
    if (reply.kind === "item") yield parseResult(role, method, reply.item);
    if (reply.kind === "end") return;
  }
  throw lostConnection(role);
}

/** One call on a connection of its own; the connection's end is the call's. Errors that come back are thrown. */
async function* exchange(
  home: Home,
  role: RoleName,
  method: string,
  params: unknown,
  signal: AbortSignal,
): AsyncGenerator<ControlReply> {
  signal.throwIfAborted();
  const { socket, pid } = await connectTo(home, role);
  giveUpInSilence(socket, () => stuck(role, pid));
  const onAbort = () => socket.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    call(socket, callId, method, params);
    for await (const line of readLines(socket, controlLineBytesMax)) {
      const reply = parseReply(role, line);
      if (reply.id !== callId) continue;
      if (reply.kind === "error") throw errorOfDocument(reply.error);
      yield reply;
    }
    signal.throwIfAborted();
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof PeerError ? error : lostConnection(role, error);
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.destroy();
  }
}

function call(socket: Socket, id: number, method: string, params: unknown): void {
  socket.write(`${JSON.stringify({ kind: "call", version: controlVersion, id, method, params })}\n`);
}

/** What is asked may take long, but a daemon that lives answers a ping meanwhile. */
function giveUpInSilence(socket: Socket, failure: () => PeerError): void {
  let bytesBeforePing: number | undefined;
  socket.setTimeout(silenceMsMax).on("timeout", () => {
    if (bytesBeforePing === socket.bytesRead) return socket.destroy(failure());
    bytesBeforePing = socket.bytesRead;
    call(socket, pingId, frameMethods.ping.name, {});
  });
}

async function connectTo(home: Home, role: RoleName): Promise<{ readonly socket: Socket; readonly pid: number }> {
  const record = await readRunRecord(home, role);
  if (record === null || !isAlive(record)) throw await notRunning(home, role);
  const socket = connect(record.socket);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
  } catch (cause) {
    throw await notRunning(home, role, cause);
  }
  return { socket, pid: record.pid };
}

function parseReply(role: RoleName, line: string): ControlReply {
  try {
    return controlReplySchema.parse(JSON.parse(line));
  } catch (cause) {
    throw misunderstood(role, cause);
  }
}

function parseResult<Params extends z.ZodType, Result extends z.ZodType>(
  role: RoleName,
  method: ControlMethod<Params, Result, boolean>,
  result: unknown,
): z.output<Result> {
  const parsed = method.result.safeParse(result);
  if (!parsed.success) throw misunderstood(role, parsed.error);
  return parsed.data;
}

const startCommands = {
  network: "peerllm network up",
  host: "peerllm host up",
  proxy: "peerllm consume --detach",
} as const satisfies Record<RoleName, string>;

const roleTitles = {
  network: "network's orchestrator",
  host: "host",
  proxy: "consumer's endpoint",
} as const satisfies Record<RoleName, string>;

async function notRunning(home: Home, role: RoleName, cause?: unknown): Promise<PeerError> {
  const why = await lastEnd(home, role);
  return new PeerError("daemon_unreachable", `No ${roleTitles[role]} is running in "${home.root}".${why}`, {
    cause,
    hint: `Start it with "${startCommands[role]}", or name another home with --home.`,
  });
}

/** Why the last one ended, as a sentence; empty where it was told to end. */
async function lastEnd(home: Home, role: RoleName): Promise<string> {
  const end = await readEndRecord(home, role);
  if (end !== null) {
    const hint = end.error.hint === null ? "" : ` ${end.error.hint}`;
    return ` The last one ended on ${new Date(end.endedAt).toLocaleString("sv")}: ${end.error.message}${hint}`;
  }
  const record = await readRunRecord(home, role);
  return record === null || isAlive(record) ? "" : ` The last one, process ${record.pid}, was killed or crashed.`;
}

function lostConnection(role: RoleName, cause?: unknown): PeerError {
  return new PeerError("daemon_unreachable", `The ${roleTitles[role]} went away before it had answered.`, {
    cause,
    hint: `Look at its log, and start it again with "${startCommands[role]}".`,
  });
}

function stuck(role: RoleName, pid: number): PeerError {
  return new PeerError("daemon_unreachable", `The ${roleTitles[role]}, process ${pid}, doesn't answer.`, {
    hint: `It is stopped or stuck: "${stopCommands[role]}" ends it, and "${startCommands[role]}" starts it again.`,
  });
}

function misunderstood(role: RoleName, cause: unknown): PeerError {
  return new PeerError("protocol_incompatible", `The ${roleTitles[role]} gave an answer this version can't read.`, {
    cause,
    hint: "It may be of another version: stop it and start it again.",
  });
}
