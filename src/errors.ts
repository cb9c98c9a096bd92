/** How a failure leaves the program: as a process exit code, as an HTTP status and as an OpenAI error type. */
interface ErrorShape {
  /** 1 unexpected, 2 wrong usage or input, 3 refused, 4 not reachable, 5 verification failed, 130 stopped (as shells say it). */
  readonly exitCode: 1 | 2 | 3 | 4 | 5 | 130;
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
  file_unusable: shape(2, 500, "server_error"),
  model_missing: shape(2, 404, "invalid_request_error"),
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
  host_unavailable: shape(4, 503, "server_error"),
  host_lost: shape(4, 502, "server_error"),
  queue_full: shape(4, 503, "server_error"),
  deadline_exceeded: shape(4, 504, "server_error"),
  engine_crashed: shape(4, 502, "server_error"),
  protocol_incompatible: shape(4, 426, "server_error"),
  protocol_violation: shape(4, 502, "server_error"),
  cancelled: shape(130, 499, "server_error"),

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
  /** Methods that a path has instead, as `Allow`; HEAD goes with GET. */
  readonly allowedMethods?: readonly string[];
}

/** The one error class. `message` says what happened, to what, with which value; never a prompt, an answer or a key. */
export class PeerError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly parameter: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly allowedMethods: readonly string[] | undefined;

  constructor(code: ErrorCode, message: string, options: PeerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PeerError";
    this.code = code;
    this.hint = options.hint;
    this.parameter = options.parameter;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.allowedMethods = options.allowedMethods;
  }
}

export function isPeerError(error: unknown, code?: ErrorCode): error is PeerError {
  return error instanceof PeerError && (code === undefined || error.code === code);
}

/** What an operating system refuses, by its code (errno(3)): our code, why, and what to do. */
const systemRefusals: Readonly<Record<string, readonly [ErrorCode, string, string]>> = {
  ENOENT: ["file_missing", "it isn't there", "Check the path."],
  EACCES: ["file_unusable", "this user may not", "Give this user the right to it, or name another place."],
  EPERM: ["file_unusable", "this user may not", "Give this user the right to it, or name another place."],
  EROFS: ["file_unusable", "its file system is read-only", "Name another place; --home names another home."],
  ENOTDIR: ["file_unusable", "a part of the path is not a folder", "Check the path."],
  EEXIST: ["file_unusable", "something else is there", "Move that away, or name another place."],
  EISDIR: ["file_unusable", "it is a folder", "Name a file."],
  ERR_FS_EISDIR: ["file_unusable", "it is a folder", "Move it away, or name another place."],
  ELOOP: ["file_unusable", "its links lead in a circle", "Mend the links, or name another place."],
  ENAMETOOLONG: ["file_unusable", "the name is too long", "Name a shorter one."],
  EFBIG: ["storage_failed", "it is larger than its file system takes", "Name a place on another one."],
  ENOSPC: ["storage_failed", "the disk is full", "Free some room, or name another place."],
  EDQUOT: ["storage_failed", "this user's share of the disk is used up", "Free some room, or ask for a larger share."],
  EIO: ["storage_failed", "the disk failed", "See what the system's log says of the disk."],
};

const unmakeable = ["file_unusable", "nothing can be made there", "Is its file system read-only?"] as const;

/** Calls on a file that is open: what the system refuses then does not name it. */
const openFileCalls: ReadonlySet<string> = new Set(["read", "write", "fsync", "fdatasync", "ftruncate", "close"]);

/**
 * A failed call to the operating system about a file, as one of our errors; undefined for all other failures. `openPath`
 * is that of a file that was open, for a failure that does not name it.
 */
export function systemFailure(error: unknown, openPath?: string): PeerError | undefined {
  if (!(error instanceof Error && "code" in error && "syscall" in error)) return undefined;
  const [systemCode, call] = [String(error.code), String(error.syscall)];
  // A folder that Node makes with those above it is refused so where its file system is read-only.
  const refusal = call === "mkdir" && systemCode === "ENOENT" ? unmakeable : systemRefusals[systemCode];
  // A process that can't be spawned has a path too, and is no file of anybody's.
  const isOfFile = "path" in error ? !call.startsWith("spawn") : openFileCalls.has(call);
  if (refusal === undefined || !isOfFile) return undefined;
  const [code, reason, hint] = refusal;
  const path = "path" in error ? String(error.path) : openPath;
  const what =
    path === undefined ? `A file can't be ${call === "read" ? "read" : "written"}` : `"${path}" can't be used`;
  return new PeerError(code, `${what}: ${reason} (${systemCode}).`, { cause: error, hint });
}
