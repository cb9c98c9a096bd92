import { isPeerError, PeerError } from "../../src/errors.ts";
import type { ChildFailure } from "./messages.ts";

/** An error as it crosses the process border: code and message, no stack. */
export function failureOf(error: unknown): ChildFailure {
  if (isPeerError(error)) return { code: error.code, message: error.message };
  return { code: "unexpected", message: error instanceof Error ? error.message : String(error) };
}

export function errorOf(failure: ChildFailure): PeerError {
  return new PeerError(failure.code, failure.message);
}
