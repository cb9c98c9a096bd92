import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { ApiKey } from "../../src/identity/api-key.ts";
import type { ApiKeyId } from "../../src/ids.ts";

const minuteMs = 60_000;
/** Keys remembered at once; the longest unused is forgotten for another, and begins with a full minute. */
const keysMaxDefault = 100_000;

interface Bucket {
  requests: number;
  tokens: number;
  refilledAt: number;
}

/** Requests and tokens a minute, per key: buckets that refill evenly. In memory; a restart refills them. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #keysMax: number;
  readonly #buckets = new Map<ApiKeyId, Bucket>();

  constructor(clock: Clock, keysMax = keysMaxDefault) {
    this.#clock = clock;
    this.#keysMax = keysMax;
  }

  /** Counts one request. Throws `rate_limit_exceeded` with the seconds until the next may pass. */
  takeRequest(key: ApiKey): void {
    const bucket = this.#refill(key);
    const { requestsPerMinute, tokensPerMinute } = key.rateLimits;
    if (bucket.requests < 1) throw exceeded("requests", requestsPerMinute, (1 - bucket.requests) / requestsPerMinute);
    if (bucket.tokens < 1) throw exceeded("tokens", tokensPerMinute, (1 - bucket.tokens) / tokensPerMinute);
    bucket.requests -= 1;
  }

  /** Counts what a request used, once that is known; the bucket may go below zero. */
  takeTokens(key: ApiKey, tokens: number): void {
    this.#refill(key).tokens -= tokens;
  }

  /**
   * As OpenAI sends them: limits, what is left, and the time until full, as "120ms", "1.5s" or "6m0s".
   * Source: OpenAI's API reference, "Rate limits in headers".
   */
  headers(key: ApiKey): Readonly<Record<string, string>> {
    const { requests, tokens } = this.#refill(key);
    const { requestsPerMinute, tokensPerMinute } = key.rateLimits;
    return {
      "x-ratelimit-limit-requests": String(requestsPerMinute),
      "x-ratelimit-limit-tokens": String(tokensPerMinute),
      "x-ratelimit-remaining-requests": String(Math.max(0, Math.floor(requests))),
      "x-ratelimit-remaining-tokens": String(Math.max(0, Math.floor(tokens))),
      "x-ratelimit-reset-requests": timeUntilFull(requests, requestsPerMinute),
      "x-ratelimit-reset-tokens": timeUntilFull(tokens, tokensPerMinute),
    };
  }

  #refill(key: ApiKey): Bucket {
    const now = this.#clock.monotonic();
    const { requestsPerMinute, tokensPerMinute } = key.rateLimits;
    const bucket = this.#buckets.get(key.id) ?? {
      requests: requestsPerMinute,
      tokens: tokensPerMinute,
      refilledAt: now,
    };
    const minutes = (now - bucket.refilledAt) / minuteMs;
    bucket.requests = Math.min(requestsPerMinute, bucket.requests + minutes * requestsPerMinute);
    bucket.tokens = Math.min(tokensPerMinute, bucket.tokens + minutes * tokensPerMinute);
    bucket.refilledAt = now;
    // Set anew, so that those longest unused come first.
    this.#buckets.delete(key.id);
    this.#buckets.set(key.id, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > this.#keysMax && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket;
  }
}

function timeUntilFull(left: number, perMinute: number): string {
  return formatReset(Math.ceil(((perMinute - left) * minuteMs) / perMinute));
}

/** A time as Go writes it, which OpenAI's headers follow. */
function formatReset(waitMs: number): string {
  if (waitMs > 0 && waitMs < 1_000) return `${waitMs}ms`;
  const [hours, minutes] = [Math.floor(waitMs / (60 * minuteMs)), Math.floor(waitMs / minuteMs) % 60];
  const seconds = `${(waitMs % minuteMs) / 1_000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

function exceeded(what: string, perMinute: number, minutes: number): PeerError {
  const retryAfterSeconds = Math.max(1, Math.ceil(minutes * 60));
  return new PeerError("rate_limit_exceeded", `This key's limit of ${perMinute} ${what} a minute is reached.`, {
    retryAfterSeconds,
    hint: `Try again in ${retryAfterSeconds} s.`,
  });
}
