import type { HostId } from "../ids.ts";

/** What a host offers of one model. Rates are the host's own measurement, in tokens per second. */
export interface Offer {
  readonly model: string;
  readonly digest: string;
  readonly contextLength: number;
  /** Answers it decodes at once. */
  readonly sequences: number;
  /** Whether its deltas carry token ids, so that another host can continue its answer. */
  readonly reportsTokens: boolean;
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
}

/** A host as the pool sees it. `owner` groups hosts that may collude: one person's, or all that nobody vouches for. */
export interface PoolMember {
  readonly hostId: HostId;
  readonly owner: string;
  /** False while it drains, is paused or its link is being rebuilt. */
  readonly isAccepting: boolean;
  offerOf(digest: string): Offer | undefined;
}
