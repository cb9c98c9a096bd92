import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { got, type Request } from "got";
import { Channel } from "../channel.ts";
import { type ErrorCode, isPeerError, PeerError } from "../errors.ts";
import { packageVersion } from "../paths.ts";
import { checkLiteralAddress, publicLookup, type Resolve, systemResolve } from "./public-address.ts";

/** Bytes kept elsewhere that can be read from any place on. */
export interface ByteSource {
  /** For messages; holds no secret. */
  readonly label: string;
  /**
   * Bytes from `start` up to `end`, or to the last. Throws `network_unreachable`, `upstream_failed` or
   * `deadline_exceeded` (which may pass), `address_refused`, or what the server's status says.
   */
  read(start: number, end: number | undefined, signal: AbortSignal): Promise<ByteStream>;
}

export interface ByteStream {
  /** Size of the whole, where the server tells. */
  readonly totalBytes: number | undefined;
  /** Throws as `read` does. Whoever stops early closes the connection. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

export interface HttpSourceOptions {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long a connection may bring too little before it is given up. */
  readonly stallMs?: number;
  /**
   * Follows redirects (to https: alone), and refuses every address that is not public but for those of this one
   * origin, which whoever runs this chose. Without it redirects are faults and any address will do.
   */
  readonly guard?: PublicGuard;
}

export interface PublicGuard {
  readonly trustedOrigin: string | undefined;
  readonly resolve?: Resolve;
  readonly allowsPrivateAddresses?: boolean;
}

const connectMs = 10_000;
const stallMsDefault = 30_000;
/** Less is no download that would ever end: whoever waits for it is held up, if not on purpose. */
const bytesPerSecondMin = 4_096;
const redirectsMax = 5;

/** Whether trying again may help. */
export function isPassing(error: unknown): boolean {
  const codes: readonly ErrorCode[] = [
    "network_unreachable",
    "upstream_failed",
    "deadline_exceeded",
    "rate_limit_exceeded",
    "queue_full",
  ];
  return isPeerError(error) && codes.includes(error.code);
}

/** A file behind a URL, read by HTTP Range. */
export function httpSource(options: HttpSourceOptions): ByteSource {
  const first = new URL(options.url);
  return {
    label: `${first.origin}${first.pathname}`,
    async read(start, end, signal) {
      let url = first;
      for (let hops = 0; hops <= redirectsMax; hops++) {
        const attempt = await connect(url, start, end, options, signal);
        const location = attempt.headers.location;
        if (attempt.status < 300 || attempt.status >= 400 || location === undefined) return accept(attempt, start, end);
        attempt.close();
        if (options.guard === undefined) {
          throw new PeerError("upstream_failed", `${first.origin} redirects, which it should not.`);
        }
        url = new URL(location, url);
      }
      throw new PeerError("upstream_failed", `${first.origin} redirects more than ${redirectsMax} times.`);
    },
  };
}

interface Attempt {
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: AsyncIterable<Uint8Array>;
  close(): void;
}

async function connect(
  url: URL,
  start: number,
  end: number | undefined,
  options: HttpSourceOptions,
  signal: AbortSignal,
): Promise<Attempt> {
  signal.throwIfAborted();
  const isGuarded = options.guard !== undefined && !isTrusted(url, options.guard);
  if (isGuarded) checkTarget(url);
  const stalled = new AbortController();
  const stallMs = options.stallMs ?? stallMsDefault;
  const watch = stallWatch(stallMs, (bytes) => stalled.abort(stall(url, bytes, stallMs)));
  const limited = AbortSignal.any([signal, stalled.signal]);
  const range = end === undefined ? `bytes=${start}-` : `bytes=${start}-${end - 1}`;
  const stream: Request = got.stream(url, {
    headers: { "user-agent": `peerllm/${packageVersion()}`, ...options.headers, range, "accept-encoding": "identity" },
    decompress: false,
    followRedirect: false,
    throwHttpErrors: false,
    retry: { limit: 0 },
    timeout: { connect: connectMs, secureConnect: connectMs },
    signal: limited,
    ...(isGuarded ? { dnsLookup: publicLookup(options.guard?.resolve ?? systemResolve) } : {}),
  });
  const close = () => {
    watch.disarm();
    stream.destroy();
  };
  // A failure before or after the stream is read is told by what reads it; none may crash the process.
  stream.on("error", () => {});
  try {
    watch.arm();
    await once(stream, "response");
    watch.disarm();
  } catch (error) {
    close();
    throw translate(error, url, limited);
  }
  const bytes = readAll(stream, arriving(stream, watch), { url, signal: limited, watch, close });
  return { url, status: stream.response?.statusCode ?? 0, headers: stream.response?.headers ?? {}, bytes, close };
}

/** Counts the time that the other side takes alone, not that in which its bytes are dealt with here. */
interface StallWatch {
  arm(): void;
  /** Told of bytes that came: enough of them are a new start. */
  took(bytes: number): void;
  disarm(): void;
}

function stallWatch(stallMs: number, onStall: (bytes: number) => void): StallWatch {
  let timer: NodeJS.Timeout | undefined;
  let came = 0;
  const arm = () => {
    clearTimeout(timer);
    came = 0;
    timer = setTimeout(() => onStall(came), stallMs);
  };
  return {
    arm,
    took(bytes) {
      came += bytes;
      if (came * 1_000 >= bytesPerSecondMin * stallMs) arm();
    },
    disarm: () => clearTimeout(timer),
  };
}

/** What has come and was not read yet; at most these, then the sender waits. */
const chunksMax = 16;

/** Takes bytes as they come: those that came before a connection broke are not lost with it. */
function arriving(stream: Request, watch: StallWatch): Channel<Uint8Array> {
  const chunks = new Channel<Uint8Array>(chunksMax);
  stream.on("data", (chunk: Uint8Array) => {
    watch.took(chunk.length);
    chunks.push(chunk);
    if (chunks.length < chunksMax) return;
    watch.disarm();
    stream.pause();
  });
  stream.once("end", () => chunks.close());
  stream.once("error", (error) => chunks.fail(error));
  stream.once("close", () => chunks.fail(new Error("The stream was closed.")));
  watch.arm();
  return chunks;
}

interface Reading {
  readonly url: URL;
  readonly signal: AbortSignal;
  readonly watch: StallWatch;
  close(): void;
}

async function* readAll(
  stream: Request,
  chunks: Channel<Uint8Array>,
  { url, signal, watch, close }: Reading,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of chunks) {
      if (stream.isPaused() && chunks.length < chunksMax / 2) {
        watch.arm();
        stream.resume();
      }
      yield chunk;
    }
  } catch (error) {
    throw translate(error, url, signal);
  } finally {
    close();
  }
}

/**
 * 206 of the right place, or 200 with the whole, of which what lies before the place is thrown away; of neither more
 * than its head promised, whatever comes after that.
 */
function accept(attempt: Attempt, start: number, end: number | undefined): ByteStream {
  const { status, headers, url } = attempt;
  if (status === 206) {
    const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers["content-range"] ?? "");
    const isRight = match !== null && Number(match[1]) === start && (end === undefined || Number(match[2]) < end);
    if (!isRight) {
      attempt.close();
      throw new PeerError("upstream_failed", `${url.origin} sent another range than was asked for.`);
    }
    const bytes = between(attempt.bytes, 0, Number(match[2]) - start + 1);
    return { totalBytes: match[3] === "*" ? undefined : Number(match[3]), bytes };
  }
  if (status === 200) {
    const length = headers["content-length"];
    const totalBytes = length === undefined ? undefined : Number(length);
    return { totalBytes, bytes: between(attempt.bytes, start, end ?? totalBytes ?? Number.POSITIVE_INFINITY) };
  }
  attempt.close();
  throw ofStatus(status, url, headers);
}

/** What a server sends, cut to what was asked for. */
async function* between(
  bytes: AsyncIterable<Uint8Array>,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let position = 0;
  for await (const chunk of bytes) {
    const wanted = chunk.subarray(Math.max(0, start - position), Math.max(0, end - position));
    position += chunk.length;
    if (wanted.length > 0) yield wanted;
    if (position >= end) return;
  }
}

function isTrusted(url: URL, guard: PublicGuard): boolean {
  return guard.allowsPrivateAddresses === true || url.origin === guard.trustedOrigin;
}

function checkTarget(url: URL): void {
  if (url.protocol !== "https:") {
    throw new PeerError("address_refused", `"${url.origin}" is not read: only https: addresses are.`);
  }
  checkLiteralAddress(url);
}

function ofStatus(status: number, url: URL, headers: IncomingHttpHeaders): PeerError {
  const where = `${url.origin}${url.pathname}`;
  if (status === 401) return new PeerError("authentication_failed", `${where} wants other credentials.`);
  if (status === 402) return new PeerError("payment_required", `${where} wants to be paid for first.`);
  if (status === 403) return new PeerError("permission_denied", `${where} may not be read.`);
  if (status === 404 || status === 410) return new PeerError("not_found", `There is nothing at ${where}.`);
  if (status === 416) return new PeerError("digest_mismatch", `The file at ${where} is shorter than was signed.`);
  if (status === 429) {
    const seconds = Number(headers["retry-after"]);
    const retry = Number.isFinite(seconds) ? { retryAfterSeconds: seconds } : {};
    return new PeerError("rate_limit_exceeded", `${url.origin} asks to slow down.`, retry);
  }
  if (status < 500) return new PeerError("request_invalid", `${where} answered with status ${status}.`);
  return new PeerError("upstream_failed", `${where} answered with status ${status}.`);
}

function stall(url: URL, bytes: number, stallMs: number): PeerError {
  const came = bytes === 0 ? "nothing" : `${bytes} bytes`;
  return new PeerError("deadline_exceeded", `${url.origin} sent ${came} in ${stallMs / 1000} s, and was given up.`);
}

/** The caller's abort stays the caller's reason; a refusal inside the lookup comes wrapped. */
function translate(error: unknown, url: URL, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if (isPeerError(each)) return each;
  }
  return new PeerError("network_unreachable", `${url.origin} can't be reached, or broke off.`, { cause: error });
}
