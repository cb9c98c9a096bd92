import { type History, predictedFirstTokenMs } from "./history.ts";
import type { Offer, PoolMember } from "./offer.ts";

/** A host with a free slot, and all that ranking looks at. */
export interface Candidate<Member extends PoolMember> {
  readonly member: Member;
  readonly offer: Offer;
  readonly history: History;
  readonly activeSubtasks: number;
}

export interface Placement {
  readonly promptTokens: number;
  readonly cacheKey: string;
  /** Owners who already saw a part of this request: others come first, however slow. */
  readonly avoidedOwners: ReadonlySet<string>;
}

const typicalAnswerTokens = 128;
/** The share of a prompt's prefill that a cached prefix is taken to save. */
const prefixSaving = 0.8;

/** Best first: owners not yet used before others, then by the expected time to a typical answer's end; ties by host id. */
export function rankCandidates<Member extends PoolMember>(
  candidates: readonly Candidate<Member>[],
  placement: Placement,
): Candidate<Member>[] {
  const keyed = candidates.map((candidate) => ({
    candidate,
    isAvoided: placement.avoidedOwners.has(candidate.member.owner),
    expectedMs: expectedAnswerMs(candidate, placement),
  }));
  keyed.sort((a, b) => {
    if (a.isAvoided !== b.isAvoided) return a.isAvoided ? 1 : -1;
    if (a.expectedMs !== b.expectedMs) return a.expectedMs - b.expectedMs;
    return a.candidate.member.hostId < b.candidate.member.hostId ? -1 : 1;
  });
  return keyed.map(({ candidate }) => candidate);
}

function expectedAnswerMs<Member extends PoolMember>(candidate: Candidate<Member>, placement: Placement): number {
  const { offer, history, activeSubtasks } = candidate;
  const holdsPrefix = history.cacheKeys.includes(placement.cacheKey);
  const prefillTokens = holdsPrefix ? placement.promptTokens * (1 - prefixSaving) : placement.promptTokens;
  const prefillMs = predictedFirstTokenMs(offer, prefillTokens) * history.slowdown;
  const intervalMs = history.tokenIntervalMs ?? 1_000 / Math.max(1, offer.decodeTokensPerSecond);
  const load = 1 + activeSubtasks / offer.sequences;
  const distrust = 1 + history.breaker.consecutiveFailures;
  return (prefillMs + typicalAnswerTokens * intervalMs) * load * distrust;
}
