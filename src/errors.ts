/** How a failure leaves the program: as a process exit code, as an HTTP status and as an OpenAI error type. */
interface ErrorShape {
  /** 1 unexpected, 2 wrong usage or input, 3 refused, 4 not reachable, 5 verification failed. */
  readonly exitCode: 1 | 2 | 3 | 4 | 5;
  readonly httpStatus: number;
  readonly openaiType: string;
}

function shape(exitCode: ErrorShape["exitCode"], httpStatus: number, openaiType: string): ErrorShape {
  return { exitCode, httpStatus, openaiType };
}

/** Every code a PeerLLM error can carry. Add a row rather than reuse one that almost fits. */
export const errorTable = {
  unexpected: shape(1, 500, "server_error"),
  recogniser_failed: shape(1, 500, "server_error"),
  storage_failed: shape(1, 500, "server_error"),

  usage_invalid: shape(2, 400, "invalid_request_error"),
  request_invalid: shape(2, 400, "invalid_request_error"),
  request_too_large: shape(2, 413, "invalid_request_error"),
  media_type_refused: shape(2, 415, "invalid_request_error"),
  method_refused: shape(2, 405, "invalid_request_error"),
  parameter_unsupported: shape(2, 400, "invalid_request_error"),
  context_length_exceeded: shape(2, 400, "invalid_request_error"),
  id_malformed: shape(2, 400, "invalid_request_error"),
  money_malformed: shape(2, 400, "invalid_request_error"),
  config_invalid: shape(2, 400, "invalid_request_error"),
  reference_malformed: shape(2, 400, "invalid_request_error"),
  manifest_invalid: shape(2, 400, "invalid_request_error"),
  model_invalid: shape(2, 400, "invalid_request_error"),
  file_missing: shape(2, 404, "invalid_request_error"),
  not_found: shape(2, 404, "invalid_request_error"),
  conflict: shape(2, 409, "invalid_request_error"),
  already_running: shape(2, 409, "invalid_request_error"),
  privacy_unsatisfiable: shape(2, 422, "invalid_request_error"),

  authentication_failed: shape(3, 401, "authentication_error"),
  permission_denied: shape(3, 403, "permission_error"),
  origin_refused: shape(3, 403, "permission_error"),
  address_refused: shape(3, 403, "permission_error"),
  content_refused: shape(3, 400, "invalid_request_error"),
  insufficient_quota: shape(3, 402, "insufficient_quota"),
  rate_limit_exceeded: shape(3, 429, "rate_limit_error"),
  payment_required: shape(3, 402, "insufficient_quota"),
  payment_failed: shape(3, 402, "invalid_request_error"),
  name_taken: shape(3, 403, "permission_error"),

  daemon_unreachable: shape(4, 503, "server_error"),
  network_unreachable: shape(4, 503, "server_error"),
  upstream_failed: shape(4, 502, "server_error"),
  model_missing: shape(4, 404, "invalid_request_error"),
  host_unavailable: shape(4, 503, "server_error"),
  host_lost: shape(4, 502, "server_error"),
  queue_full: shape(4, 503, "server_error"),
  deadline_exceeded: shape(4, 504, "server_error"),
  engine_crashed: shape(4, 502, "server_error"),
  protocol_incompatible: shape(4, 426, "server_error"),
  protocol_violation: shape(4, 400, "server_error"),
  cancelled: shape(4, 499, "server_error"),

  signature_invalid: shape(5, 422, "invalid_request_error"),
  digest_mismatch: shape(5, 422, "invalid_request_error"),
  receipt_invalid: shape(5, 422, "invalid_request_error"),
} as const satisfies Record<string, ErrorShape>;

export type ErrorCode = keyof typeof errorTable;

export interface PeerErrorOptions {
  readonly cause?: unknown;
  /** What to do next, when the message does not already say it. */
  readonly hint?: string;
  /** The request field at fault, as OpenAI's `error.param`. */
  readonly parameter?: string;
  /** Seconds after which a retry makes sense, as `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

/** The one error class. `message` says what happened, to what, with which value; never a prompt, an answer or a key. */
export class PeerError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly parameter: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: PeerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PeerError";
    this.code = code;
    this.hint = options.hint;
    this.parameter = options.parameter;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export function isPeerError(error: unknown, code?: ErrorCode): error is PeerError {
  return error instanceof PeerError && (code === undefined || error.code === code);
}
