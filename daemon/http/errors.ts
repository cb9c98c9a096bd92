import type { ServerResponse } from "node:http";
import { errorBodyOf } from "../../src/chat/openai-error.ts";
import { errorTable, isPeerError, PeerError } from "../../src/errors.ts";

/** Any failure as a PeerError. What is not one is `unexpected`, and its words stay here: they may quote a prompt. */
export function peerErrorOf(error: unknown): PeerError {
  if (isPeerError(error)) return error;
  return new PeerError("unexpected", "The server had an error while answering the request.", { cause: error });
}

/**
 * Answers with the error in OpenAI's shape, its status from the table. Does nothing once a head was sent or the
 * client is gone. OpenAI's clients retry 409, 429 and 5xx unless told not to; they are told where it can't help.
 */
export function sendError(response: ServerResponse, error: PeerError): void {
  beginError(response, error);
  response.end();
}

/** As `sendError`, but for the end, so that the connection stays open. */
export function beginError(response: ServerResponse, error: PeerError): void {
  if (response.headersSent || response.destroyed) return;
  if (error.retryAfterSeconds !== undefined) {
    response.setHeader("retry-after", String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  }
  if (error.allowedMethods !== undefined) {
    const methods = error.allowedMethods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    response.setHeader("allow", [...new Set(methods)].join(", "));
  }
  const isFinal = error.code === "insufficient_quota" || errorTable[error.code].httpStatus === 409;
  if (isFinal) response.setHeader("x-should-retry", "false");
  beginJson(response, errorTable[error.code].httpStatus, errorBodyOf(error));
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  beginJson(response, status, body);
  response.end();
}

function beginJson(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", "content-length": bytes.length });
  response.write(bytes);
}
