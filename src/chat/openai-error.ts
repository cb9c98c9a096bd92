import * as z from "zod";
import { type ErrorCode, errorTable, PeerError } from "../errors.ts";

/** An error as OpenAI's clients read it. `code` is a code of the error table, `param` the request field at fault. */
export interface OpenAiErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

const errorSchema = z.object({
  error: z.object({
    message: z.string().max(8_192).catch("The error has no message."),
    param: z.string().max(256).nullish().catch(null),
    code: z.string().max(64).nullish().catch(null),
  }),
});

export function errorBodyOf(error: PeerError): OpenAiErrorBody {
  return {
    error: {
      message: error.hint === undefined ? error.message : `${error.message} ${error.hint}`,
      type: errorTable[error.code].openaiType,
      param: error.parameter ?? null,
      code: error.code,
    },
  };
}

/**
 * The error another server reported, in a body or in a stream. A code of our own table is kept, so that an error
 * passes through any number of servers unchanged; a foreign one becomes `upstream_failed`, or the code that
 * `status` stands for.
 */
export function parseErrorBody(body: unknown, status: number | null, retryAfterSeconds?: number): PeerError {
  const parsed = errorSchema.safeParse(body);
  const message = parsed.success ? parsed.data.error.message : `The server answered ${status ?? "an error"}.`;
  const code = parsed.success ? parsed.data.error.code : null;
  const parameter = parsed.success ? parsed.data.error.param : null;
  return new PeerError(isErrorCode(code) ? code : codeOfStatus(status), message, {
    ...(parameter === null || parameter === undefined ? {} : { parameter }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

function isErrorCode(code: string | null | undefined): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(errorTable, code);
}

/** Whether `body` is an error in OpenAI's form, whatever it says. */
export function isErrorBody(body: unknown): boolean {
  return errorSchema.safeParse(body).success;
}

export function codeOfStatus(status: number | null): ErrorCode {
  switch (status) {
    case 401:
      return "authentication_failed";
    case 402:
      return "payment_required";
    case 403:
      return "permission_denied";
    case 404:
      return "not_found";
    case 409:
      return "conflict";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_exceeded";
    default:
      return status !== null && status >= 400 && status < 500 ? "request_invalid" : "upstream_failed";
  }
}
