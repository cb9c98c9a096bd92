import { isPeerError, PeerError } from "../../src/errors.ts";
import type { ChildFailure } from "./messages.ts";

/**
 * An error as it crosses the process border: what it says and what to do next, no stack. Of others' errors the name
 * alone: their messages quote what they choked on, which may be a prompt.
 */
export function failureOf(error: unknown): ChildFailure {
  if (!isPeerError(error)) {
    const name = error instanceof Error ? error.name : typeof error;
    return { code: "unexpected", message: `The engine failed (${name}).`, details: {} };
  }
  const { code, message, hint, retryAfterSeconds } = error;
  const details = {
    ...(hint === undefined ? {} : { hint }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
  return { code, message, details };
}

export function errorOf({ code, message, details }: ChildFailure): PeerError {
  return new PeerError(code, message, details);
}
