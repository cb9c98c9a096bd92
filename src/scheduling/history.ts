import { type Breaker, closedBreaker } from "./breaker.ts";
import type { Offer } from "./offer.ts";

const weightOfNewest = 0.3;
const cacheKeysMax = 256;

const firstTokenMsMin = 1_500;
const firstTokenMsMax = 120_000;
const tokenMsMin = 1_000;
const totalMsMax = 24 * 3_600_000;
const silenceMsMin = 4_000;
const silenceMsMax = 30_000;

/** What the orchestrator itself has seen of one host. */
export interface History {
  readonly breaker: Breaker;
  /** Measured time to the first token over the time its offer predicts; 1 until measured. */
  readonly slowdown: number;
  /** Between two tokens, on average. Null until measured. */
  readonly tokenIntervalMs: number | null;
  /** Conversations whose prefix its cache likely holds, the oldest first. */
  readonly cacheKeys: readonly string[];
}

export const blankHistory: History = { breaker: closedBreaker, slowdown: 1, tokenIntervalMs: null, cacheKeys: [] };

export function withFirstToken(history: History, offer: Offer, promptTokens: number, firstTokenMs: number): History {
  const ratio = Math.min(20, Math.max(0.05, firstTokenMs / predictedFirstTokenMs(offer, promptTokens)));
  return { ...history, slowdown: history.slowdown * (1 - weightOfNewest) + ratio * weightOfNewest };
}

export function withTokenInterval(history: History, intervalMs: number): History {
  const { tokenIntervalMs } = history;
  const next =
    tokenIntervalMs === null ? intervalMs : tokenIntervalMs * (1 - weightOfNewest) + intervalMs * weightOfNewest;
  return { ...history, tokenIntervalMs: next };
}

export function withCacheKey(history: History, cacheKey: string): History {
  const others = history.cacheKeys.filter((other) => other !== cacheKey);
  return { ...history, cacheKeys: [...others, cacheKey].slice(-cacheKeysMax) };
}

/** From the offer's own rates, with the fixed cost of a step. Milliseconds. */
export function predictedFirstTokenMs(offer: Offer, promptTokens: number): number {
  return 20 + (1_000 * promptTokens) / Math.max(1, offer.prefillTokensPerSecond);
}

/** When a backup may start: three times what this host's history promises, between 1.5 s and 2 minutes. */
export function firstTokenDeadlineMs(history: History, offer: Offer, promptTokens: number): number {
  const expected = predictedFirstTokenMs(offer, promptTokens) * history.slowdown;
  return Math.min(firstTokenMsMax, Math.max(firstTokenMsMin, 3 * expected));
}

/** When a host that went silent between two tokens is given up: 25 usual intervals, between 4 s and 30 s. */
export function silenceDeadlineMs(history: History, offer: Offer): number {
  return Math.min(silenceMsMax, Math.max(silenceMsMin, 25 * usualIntervalMs(history, offer)));
}

/**
 * When a host that still speaks is given up, though never silent for long: after its first token's time, a second or
 * eight usual intervals for each token of an answer, the longer; at most a day.
 */
export function totalDeadlineMs(history: History, offer: Offer, promptTokens: number, answerTokens: number): number {
  const tokenMs = Math.max(tokenMsMin, 8 * usualIntervalMs(history, offer));
  return Math.min(totalMsMax, 4 * firstTokenDeadlineMs(history, offer, promptTokens) + answerTokens * tokenMs);
}

function usualIntervalMs(history: History, offer: Offer): number {
  return history.tokenIntervalMs ?? (1_000 * offer.sequences) / Math.max(1, offer.decodeTokensPerSecond);
}
