import * as z from "zod";
import { type ErrorCode, errorTable, isPeerError, PeerError, systemFailure } from "../errors.ts";

/**
 * What a command and a daemon of the same home say to each other over a unix socket: one JSON document a line.
 * A call is answered by one `result` or `error`, or, where the method streams, by `item`s and then `end` or `error`.
 * The caller gives up a call with `cancel`, or all of them by closing the socket.
 */
export const controlVersion = 1;

/** Longest line in bytes, either way; the peer that meets a longer one closes the socket. */
export const controlLineBytesMax = 4 * 1024 * 1024;

export type RoleName = "network" | "host" | "proxy";
export const roleNames = ["network", "host", "proxy"] as const satisfies readonly RoleName[];

/** What ends a role's daemon. */
export const stopCommands = {
  network: "peerllm network down",
  host: "peerllm host down",
  proxy: "peerllm consume down",
} as const satisfies Record<RoleName, string>;

const callId = z.int().min(0);

export const controlCallSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("call"),
    version: z.literal(controlVersion),
    id: callId,
    method: z.string().min(1).max(64),
    params: z.unknown(),
  }),
  z.object({ kind: z.literal("cancel"), version: z.literal(controlVersion), id: callId }),
]);
export type ControlCall = z.infer<typeof controlCallSchema>;

/** An error as it crosses a process border: of the socket, and of the channel a daemon reports its start on. */
export const errorDocumentSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
});
export type ErrorDocument = z.infer<typeof errorDocumentSchema>;

export const controlReplySchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("result"), id: callId, result: z.unknown() }),
  z.object({ kind: z.literal("item"), id: callId, item: z.unknown() }),
  z.object({ kind: z.literal("end"), id: callId }),
  z.object({ kind: z.literal("error"), id: callId, error: errorDocumentSchema }),
]);
export type ControlReply = z.infer<typeof controlReplySchema>;

/** What a starting daemon tells the command that started it, over the fork's channel. */
export const startReportSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("progress"),
    /** A few words for people: "Fetching acme/tiny:1.2.0". */
    step: z.string(),
    /** Bytes, where the step moves bytes. */
    done: z.number().optional(),
    total: z.number().optional(),
  }),
  z.object({ kind: z.literal("ready"), ready: z.record(z.string(), z.unknown()) }),
  z.object({ kind: z.literal("failed"), error: errorDocumentSchema }),
]);
export type StartReport = z.infer<typeof startReportSchema>;
export type StartProgress = Omit<Extract<StartReport, { kind: "progress" }>, "kind">;

/** Says of a failure what may leave the process: the code and the words of our own errors, nothing of others'. */
export function errorDocument(failure: unknown): ErrorDocument {
  const error = systemFailure(failure) ?? failure;
  if (isPeerError(error)) return { code: error.code, message: error.message, hint: error.hint ?? null };
  const name = error instanceof Error ? error.name : typeof error;
  return { code: "unexpected", message: `Something unexpected failed (${name}).`, hint: "Look into the log." };
}

/** The error a document tells of; a code this version doesn't know becomes `unexpected`. */
export function errorOfDocument(document: ErrorDocument): PeerError {
  const code = isErrorCode(document.code) ? document.code : "unexpected";
  return new PeerError(code, document.message, document.hint === null ? {} : { hint: document.hint });
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}
