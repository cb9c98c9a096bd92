import type { Clock } from "../clock.ts";
import { PeerError } from "../errors.ts";
import type { HostId } from "../ids.ts";
import { afterFailure, afterSuccess, isClosed } from "./breaker.ts";
import {
  blankHistory,
  firstTokenDeadlineMs,
  type History,
  silenceDeadlineMs,
  totalDeadlineMs,
  withCacheKey,
  withFirstToken,
  withTokenInterval,
} from "./history.ts";
import type { Offer, PoolMember } from "./offer.ts";
import { type Candidate, rankCandidates } from "./rank.ts";

/** A slot that some subtask asks for. */
export interface Wanted {
  readonly digest: string;
  /** Whose turn it takes in the queue. */
  readonly accountId: string;
  readonly cacheKey: string;
  readonly promptTokens: number;
  /** The least context a host must have: the prompt's and room for an answer. */
  readonly contextTokens: number;
  /** Asked anew each time a host is looked for: other parts of the same request may have been placed meanwhile. */
  avoidedOwners(): ReadonlySet<string>;
  isEligible(hostId: HostId, owner: string): boolean;
  /** Told at the instant the slot is given, before anyone else is placed. */
  placed(owner: string): void;
}

export type LeaseOutcome = "finished" | "failed" | "cancelled";

/** One slot of one host, held until released. What is observed through it ranks the host from then on. */
export interface Lease<Member extends PoolMember> {
  readonly member: Member;
  readonly offer: Offer;
  readonly firstTokenDeadlineMs: number;
  readonly silenceDeadlineMs: number;
  /** For a whole answer of at most so many tokens. */
  totalDeadlineMs(answerTokens: number): number;
  observeFirstToken(elapsedMs: number): void;
  observeTokenInterval(intervalMs: number): void;
  /** Once; later calls change nothing. */
  release(outcome: LeaseOutcome): void;
}

interface Seat<Member extends PoolMember> {
  readonly member: Member;
  history: History;
  readonly activeByDigest: Map<string, number>;
}

interface Ticket<Member extends PoolMember> {
  readonly wanted: Wanted;
  give(lease: Lease<Member>): void;
}

export interface PoolOptions {
  readonly clock: Clock;
  /** Most tickets waiting, over all accounts; one account's may take half of what the others leave. */
  readonly queueMax: number;
  /** Told when a host fails a lease, and when its breaker opens or closes by one. */
  readonly observe?: (kind: PoolEventKind, hostId: HostId) => void;
}

export type PoolEventKind = "host-failed" | "breaker-opened" | "breaker-closed";

const backupShareMax = 0.05;
const lookAgainMs = 1_000;
const never = new AbortController().signal;
/** Hosts remembered at once; the one seen longest ago is forgotten for another, and begins anew. */
const historiesMax = 100_000;

/**
 * The hosts that are connected, their free slots, and who waits for one. Fair across accounts: each account's oldest
 * ticket is tried in turn. A host that reconnects keeps its history.
 */
export class HostPool<Member extends PoolMember> {
  readonly #clock: Clock;
  readonly #queueMax: number;
  readonly #observe: NonNullable<PoolOptions["observe"]>;
  readonly #seats = new Map<HostId, Seat<Member>>();
  readonly #histories = new Map<HostId, History>();
  /** Tickets by account, in the order in which accounts get their turn. */
  readonly #queue = new Map<string, Ticket<Member>[]>();
  #isLooking = false;
  #leasesGiven = 0;
  #backupsGiven = 0;

  constructor(options: PoolOptions) {
    this.#clock = options.clock;
    this.#queueMax = options.queueMax;
    this.#observe = options.observe ?? (() => {});
  }

  join(member: Member): void {
    const history = this.#histories.get(member.hostId) ?? blankHistory;
    this.#seats.set(member.hostId, { member, history, activeByDigest: new Map() });
    this.offersChanged();
  }

  /** Takes out exactly this member: a newer connection of the same host stays. */
  leave(member: Member): void {
    const seat = this.#seats.get(member.hostId);
    if (seat?.member !== member) return;
    this.#remember(member.hostId, { ...seat.history, cacheKeys: [] });
    this.#seats.delete(member.hostId);
  }

  #remember(hostId: HostId, history: History): void {
    this.#histories.delete(hostId);
    this.#histories.set(hostId, history);
    const [oldest] = this.#histories.keys();
    if (this.#histories.size > historiesMax && oldest !== undefined) this.#histories.delete(oldest);
  }

  /** To be called when a member accepts again or offers more. */
  offersChanged(): void {
    this.#serveQueue();
  }

  members(): readonly Member[] {
    return [...this.#seats.values()].map(({ member }) => member);
  }

  activeSubtasksOf(hostId: HostId): number {
    const seat = this.#seats.get(hostId);
    return seat === undefined ? 0 : [...seat.activeByDigest.values()].reduce((sum, active) => sum + active, 0);
  }

  /** Whether a host gets no work now because it kept failing. */
  isResting(hostId: HostId): boolean {
    const seat = this.#seats.get(hostId);
    return seat !== undefined && !isClosed(seat.history.breaker, this.#clock.monotonic());
  }

  queueLength(): number {
    return [...this.#queue.values()].reduce((sum, tickets) => sum + tickets.length, 0);
  }

  /**
   * Waits for a slot, at most `patienceMs`. Throws `queue_full` at once when too many wait, `host_unavailable` when
   * patience ends, or the signal's reason.
   */
  async acquire(wanted: Wanted, patienceMs: number, signal: AbortSignal): Promise<Lease<Member>> {
    signal.throwIfAborted();
    const lease = this.#take(wanted);
    if (lease !== null) return lease;
    const waiting = this.queueLength();
    const own = this.#queue.get(wanted.accountId)?.length ?? 0;
    if (2 * own >= this.#queueMax - (waiting - own)) {
      throw new PeerError("queue_full", "Every host is busy and the queue is full. Try again shortly.", {
        retryAfterSeconds: 5,
      });
    }
    return this.#waitInQueue(wanted, patienceMs, signal);
  }

  /** A slot for a backup, now or not at all: never while others wait, never over 5% of leases. */
  acquireBackup(wanted: Wanted): Lease<Member> | null {
    if (this.queueLength() > 0 || this.#backupsGiven + 1 > this.#leasesGiven * backupShareMax) return null;
    const lease = this.#take(wanted);
    if (lease !== null) this.#backupsGiven += 1;
    return lease;
  }

  async #waitInQueue(wanted: Wanted, patienceMs: number, signal: AbortSignal): Promise<Lease<Member>> {
    const turn: { lease: Lease<Member> | null } = { lease: null };
    const come = new AbortController();
    const give = (lease: Lease<Member>) => {
      turn.lease = lease;
      come.abort();
    };
    this.#queue.set(wanted.accountId, [...(this.#queue.get(wanted.accountId) ?? []), { wanted, give }]);
    void this.#keepLooking();
    try {
      await this.#clock.sleep(patienceMs, AbortSignal.any([signal, come.signal]));
    } catch (error) {
      if (turn.lease === null) throw error;
    } finally {
      this.#withdraw(wanted);
    }
    if (turn.lease !== null) return turn.lease;
    throw this.#unavailable(wanted, patienceMs);
  }

  /** Every second while anybody waits: a breaker closes by time alone, with no event to tell of it. */
  async #keepLooking(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    while (this.#queue.size > 0) {
      await this.#clock.sleep(lookAgainMs, never);
      this.#serveQueue();
    }
    this.#isLooking = false;
  }

  #unavailable(wanted: Wanted, patienceMs: number): PeerError {
    const offering = this.members().filter((member) => member.offerOf(wanted.digest) !== undefined);
    const fitting = offering.filter(
      (member) =>
        (member.offerOf(wanted.digest)?.contextLength ?? 0) >= wanted.contextTokens &&
        wanted.isEligible(member.hostId, member.owner),
    );
    if (offering.length === 0) {
      return new PeerError("host_unavailable", "No host serves this model at the moment.", { retryAfterSeconds: 10 });
    }
    return new PeerError("host_unavailable", this.#whyNone(offering.length, fitting, Math.ceil(patienceMs / 1_000)), {
      retryAfterSeconds: 5,
    });
  }

  #whyNone(offering: number, fitting: readonly Member[], seconds: number): string {
    if (fitting.length === 0) return `None of the ${offering} hosts of this model may take this part of the request.`;
    if (!fitting.some(({ isAccepting }) => isAccepting)) return "Every host of this model is paused at the moment.";
    if (fitting.every(({ hostId }) => this.isResting(hostId)))
      return "Every host of this model failed lately and rests for a while.";
    return `Every host of this model was busy for ${seconds} s.`;
  }

  #withdraw(wanted: Wanted): void {
    const left = (this.#queue.get(wanted.accountId) ?? []).filter((ticket) => ticket.wanted !== wanted);
    if (left.length === 0) this.#queue.delete(wanted.accountId);
    else this.#queue.set(wanted.accountId, left);
  }

  /** Gives every account one turn after another until a whole round places nobody. */
  #serveQueue(): void {
    const full = new Set<string>();
    let placed = true;
    while (placed && this.#queue.size > 0) {
      placed = false;
      for (const accountId of [...this.#queue.keys()]) {
        if (this.#serveAccount(accountId, full)) placed = true;
      }
    }
  }

  /** Places the oldest ticket that can be placed and sends the account to the end of the round. Adds to what is `full`. */
  #serveAccount(accountId: string, full: Set<string>): boolean {
    for (const ticket of this.#queue.get(accountId) ?? []) {
      const { digest } = ticket.wanted;
      if (full.has(digest)) continue;
      const lease = this.#take(ticket.wanted);
      if (lease === null) {
        if (this.#free(digest).length === 0) full.add(digest);
        continue;
      }
      this.#withdraw(ticket.wanted);
      const left = this.#queue.get(accountId);
      if (left !== undefined) {
        this.#queue.delete(accountId);
        this.#queue.set(accountId, left);
      }
      ticket.give(lease);
      return true;
    }
    return false;
  }

  #take(wanted: Wanted): Lease<Member> | null {
    const { promptTokens, cacheKey } = wanted;
    const placement = { promptTokens, cacheKey, avoidedOwners: wanted.avoidedOwners() };
    const best = rankCandidates(this.#candidates(wanted), placement)[0];
    const seat = best === undefined ? undefined : this.#seats.get(best.member.hostId);
    if (best === undefined || seat === undefined) return null;
    this.#leasesGiven += 1;
    wanted.placed(seat.member.owner);
    return this.#lease(seat, best.offer, wanted);
  }

  #candidates(wanted: Wanted): Candidate<Member>[] {
    return this.#free(wanted.digest).filter(
      ({ member, offer }) =>
        offer.contextLength >= wanted.contextTokens && wanted.isEligible(member.hostId, member.owner),
    );
  }

  /** Hosts with a slot for the model, whoever may have it. */
  #free(digest: string): Candidate<Member>[] {
    const now = this.#clock.monotonic();
    const free: Candidate<Member>[] = [];
    for (const { member, history, activeByDigest } of this.#seats.values()) {
      const offer = member.offerOf(digest);
      const activeSubtasks = activeByDigest.get(digest) ?? 0;
      if (offer === undefined || !member.isAccepting || activeSubtasks >= offer.sequences) continue;
      if (isClosed(history.breaker, now)) free.push({ member, offer, history, activeSubtasks });
    }
    return free;
  }

  #lease(seat: Seat<Member>, offer: Offer, wanted: Wanted): Lease<Member> {
    const { digest } = offer;
    const number = this.#leasesGiven;
    seat.activeByDigest.set(digest, (seat.activeByDigest.get(digest) ?? 0) + 1);
    let isReleased = false;
    return {
      member: seat.member,
      offer,
      firstTokenDeadlineMs: firstTokenDeadlineMs(seat.history, offer, wanted.promptTokens),
      silenceDeadlineMs: silenceDeadlineMs(seat.history, offer),
      totalDeadlineMs: (answerTokens) => totalDeadlineMs(seat.history, offer, wanted.promptTokens, answerTokens),
      observeFirstToken: (elapsedMs) => {
        seat.history = withFirstToken(seat.history, offer, wanted.promptTokens, elapsedMs);
        seat.history = withCacheKey(seat.history, wanted.cacheKey);
      },
      observeTokenInterval: (intervalMs) => {
        seat.history = withTokenInterval(seat.history, intervalMs);
      },
      release: (outcome) => {
        if (isReleased) return;
        isReleased = true;
        seat.activeByDigest.set(digest, (seat.activeByDigest.get(digest) ?? 1) - 1);
        this.#judge(seat, outcome, number);
        this.#serveQueue();
      },
    };
  }

  #judge(seat: Seat<Member>, outcome: LeaseOutcome, lease: number): void {
    const { hostId } = seat.member;
    if (outcome === "finished") {
      if (seat.history.breaker.openUntil > 0) this.#observe("breaker-closed", hostId);
      seat.history = { ...seat.history, breaker: afterSuccess() };
    }
    if (outcome !== "failed") return;
    const now = this.#clock.monotonic();
    const { breaker } = seat.history;
    seat.history = { ...seat.history, breaker: afterFailure(breaker, lease, this.#leasesGiven, now) };
    this.#observe("host-failed", hostId);
    if (seat.history.breaker.openUntil > breaker.openUntil) this.#observe("breaker-opened", hostId);
    if (this.#seats.get(seat.member.hostId) !== seat) {
      const kept = this.#histories.get(seat.member.hostId) ?? blankHistory;
      this.#remember(seat.member.hostId, { ...kept, breaker: seat.history.breaker });
    }
  }
}
