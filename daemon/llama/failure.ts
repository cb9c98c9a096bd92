import { isPeerError, PeerError } from "../../src/errors.ts";
import type { ChildFailure } from "./messages.ts";

/**
 * An error as it crosses the process border: code and message, no stack. Of others' errors the name alone: their
 * messages quote what they choked on, which may be a prompt.
 */
export function failureOf(error: unknown): ChildFailure {
  if (isPeerError(error)) return { code: error.code, message: error.message };
  return { code: "unexpected", message: `The engine failed (${error instanceof Error ? error.name : typeof error}).` };
}

export function errorOf(failure: ChildFailure): PeerError {
  return new PeerError(failure.code, failure.message);
}
