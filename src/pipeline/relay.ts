import type { Sampling } from "../chat/generation.ts";
import type { Prompt } from "../chat/message.ts";
import type { Clock } from "../clock.ts";
import { isPeerError, PeerError } from "../errors.ts";
import type { AccountId, HostId, SubtaskId } from "../ids.ts";
import type { Exposure, ShownPart } from "../scheduling/exposure.ts";
import type { Lease, LeaseOutcome, Wanted } from "../scheduling/pool.ts";
import type { SignedStatement } from "../verification/statement.ts";
import type { HostEvent, HostLink, Hosts } from "./ports.ts";
import { requireShare } from "./prompt-share.ts";

/** One host's part in one subtask, as the orchestrator saw it. */
export interface Leg {
  readonly link: Pick<HostLink, "hostId" | "accountId" | "owner" | "publicKey">;
  readonly epoch: number;
  /** Whether the host sends token ids; text is counted here. */
  readonly reportsTokens: boolean;
  /** Tokens delivered, those resumed from not counted. */
  deliveredTokens: number;
  outcome: "running" | "finished" | "lost" | "cancelled";
  statement: SignedStatement | null;
}

export interface RelayedSubtask {
  readonly subtaskId: SubtaskId;
  readonly accountId: AccountId;
  readonly digest: string;
  readonly prompt: Prompt;
  readonly promptTokens: readonly number[];
  /** Of its model: token ids are smaller. */
  readonly vocabularySize: number;
  readonly sampling: Sampling;
  readonly cacheKey: string;
  /** What its host gets to see of the request: its prompt's text, without what the template adds. */
  readonly shown: ShownPart;
  readonly exposure: Exposure;
  /** Filled as hosts take their turns, in that order. */
  readonly legs: Leg[];
}

export interface RelayDelta {
  readonly kind: "delta";
  readonly tokens: readonly number[];
  /** From hosts that report no tokens; otherwise text is made here, of the tokens. */
  readonly text: string;
  /** Whose delta it is. Tokens of text are counted by who receives it, into the leg. */
  readonly leg: Leg;
}

export type RelayEvent = RelayDelta | { readonly kind: "end"; readonly finishReason: "stop" | "length" };

/** Room for an answer that a host must have beside the prompt, where that much is asked for. */
const answerRoomTokens = 1_024;
/** What a host says that has no place for a subtask it was given: another takes it, and nobody is to blame. */
const declinedCodes: readonly string[] = ["host_unavailable", "queue_full"];
const hostsTriedMax = 5;
const firstHostPatienceMs = 30_000;
const replacementPatienceMs = 20_000;
/** How much longer than its backup's start a first token may still take before the host is given up. */
const firstTokenGrace = 4;

/**
 * One subtask's answer, from as many hosts as it takes. A backup starts when the first token is late, the first valid
 * delta wins. A host that dies, stalls or breaks the protocol hands over to another, which continues from the token
 * ids received so far. Throws the last host's error when no other can go on.
 */
export async function* relay(
  subtask: RelayedSubtask,
  hosts: Hosts,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<RelayEvent, void, undefined> {
  const course = new Course(subtask, hosts, clock);
  for (;;) {
    let runner = await course.start(signal);
    try {
      const first = await course.firstEvent(runner, signal);
      runner = first.runner;
      for (let event = first.event; ; event = await runner.next()) {
        course.accept(runner, event);
        if (event.kind === "failed") {
          if (isDeclined(event)) runner.close("cancelled");
          throw new PeerError("upstream_failed", `The host reported "${event.code}".`);
        }
        if (event.kind === "end") yield { kind: "end", finishReason: event.finishReason };
        else yield { kind: "delta", tokens: event.tokens, text: event.text, leg: runner.leg };
        if (event.kind === "end") return;
      }
    } catch (error) {
      course.giveUp(runner, error, signal);
    } finally {
      runner.close("cancelled");
    }
  }
}

/** What a relay knows of its subtask: what was received, and who failed. */
class Course {
  readonly #subtask: RelayedSubtask;
  readonly #hosts: Hosts;
  readonly #clock: Clock;
  readonly #received: number[] = [];
  readonly #failedHosts = new Set<HostId>();
  #hasText = false;
  #failures = 0;

  constructor(subtask: RelayedSubtask, hosts: Hosts, clock: Clock) {
    this.#subtask = subtask;
    this.#hosts = hosts;
    this.#clock = clock;
  }

  async start(signal: AbortSignal): Promise<Runner> {
    const { exposure, shown, digest } = this.#subtask;
    const patienceMs = this.#failures === 0 ? firstHostPatienceMs : replacementPatienceMs;
    requireShare(exposure, shown, this.#hosts, digest);
    try {
      return this.#run(await this.#hosts.acquire(this.#wanted(), patienceMs, signal), signal);
    } catch (error) {
      // Others may have been shown the rest of what could be shown meanwhile: that is why nobody was found.
      if (isPeerError(error, "host_unavailable")) requireShare(exposure, shown, this.#hosts, digest);
      throw error;
    }
  }

  /** The first event of `main`, or of a backup that started when `main` was late and spoke before it. */
  async firstEvent(main: Runner, signal: AbortSignal): Promise<{ runner: Runner; event: HostEvent }> {
    const mainTurn = turnOf(main);
    const late = new AbortController();
    const lateTurn = this.#clock.sleep(main.lease.firstTokenDeadlineMs, late.signal).then(
      () => "late" as const,
      () => mainTurn,
    );
    const early = await Promise.race([mainTurn, lateTurn]);
    late.abort();
    if (early !== "late") return eventOf(early);
    const lease = this.#hosts.acquireBackup(this.#wanted(main.lease.member.hostId));
    if (lease === null) return eventOf(await mainTurn);
    const backup = this.#run(lease, signal);
    const backupTurn = turnOf(backup);
    const faster = await Promise.race([mainTurn, backupTurn]);
    const isMain = faster.runner === main;
    if ("event" in faster && faster.event.kind !== "failed") {
      (isMain ? backup : main).close("cancelled");
      return faster;
    }
    if ("event" in faster && isDeclined(faster.event)) faster.runner.close("cancelled");
    this.#fail(faster.runner, signal);
    const slower = await (isMain ? backupTurn : mainTurn);
    if ("error" in slower) this.#fail(slower.runner, signal);
    return eventOf(slower);
  }

  /** Checks what a host sent against what was received before. Throws `protocol_violation`. */
  accept(runner: Runner, event: HostEvent): void {
    const { reportsTokens } = runner.lease.offer;
    if (event.kind !== "delta") {
      const { statement } = event;
      const isTrue =
        statement === null ||
        !reportsTokens ||
        (statement.promptTokens === this.#subtask.promptTokens.length &&
          statement.completionTokens === runner.leg.deliveredTokens);
      if (!isTrue) throw new PeerError("protocol_violation", "A host's statement does not count what it delivered.");
      runner.leg.statement = statement;
      if (event.kind === "end") runner.close("finished");
      return;
    }
    if (reportsTokens ? event.text !== "" : event.tokens.length > 0) {
      throw new PeerError("protocol_violation", "A host's delta is not of the kind it offered.");
    }
    if (event.tokens.some((token) => token >= this.#subtask.vocabularySize)) {
      throw new PeerError("protocol_violation", "A host sent a token that its model doesn't have.");
    }
    if (event.position !== this.#received.length) {
      throw new PeerError("protocol_violation", "A host's delta is not the next one.");
    }
    if (this.#received.length + event.tokens.length > this.#subtask.sampling.maxTokens) {
      throw new PeerError("protocol_violation", "A host sent more tokens than were asked for.");
    }
    this.#received.push(...event.tokens);
    this.#hasText ||= event.text !== "";
    runner.leg.deliveredTokens += event.tokens.length;
    runner.observe(reportsTokens ? event.tokens.length : 1);
  }

  /** Returns where another host may go on; throws where none may. What is too large for one host is for all. */
  giveUp(runner: Runner, error: unknown, signal: AbortSignal): void {
    if (signal.aborted || !isPeerError(error) || error.code === "request_too_large") throw error;
    this.#fail(runner, signal);
    this.#failures += 1;
    if (this.#failures >= hostsTriedMax) throw error;
    if (this.#hasText) {
      throw new PeerError("host_lost", "The host was lost, and its engine's answers can't be continued elsewhere.", {
        cause: error,
      });
    }
  }

  /** Closes a runner that gave no answer: its host is to blame, unless nobody waited for it any more. */
  #fail(runner: Runner, signal: AbortSignal): void {
    runner.close(signal.aborted ? "cancelled" : "failed");
    if (!signal.aborted) this.#failedHosts.add(runner.lease.member.hostId);
  }

  #run(lease: Lease<HostLink>, signal: AbortSignal): Runner {
    const subtask = this.#subtask;
    const epoch = subtask.legs.length + 1;
    const { reportsTokens } = lease.offer;
    const leg: Leg = {
      link: lease.member,
      epoch,
      reportsTokens,
      deliveredTokens: 0,
      outcome: "running",
      statement: null,
    };
    subtask.legs.push(leg);
    const answerTokens = subtask.sampling.maxTokens - this.#received.length;
    return new Runner(lease, leg, this.#clock, signal, answerTokens, (legSignal) =>
      lease.member.run(
        {
          subtaskId: subtask.subtaskId,
          epoch,
          digest: subtask.digest,
          prompt: subtask.prompt,
          promptTokens: subtask.promptTokens,
          resumedTokens: [...this.#received],
          sampling: subtask.sampling,
          cacheKey: subtask.cacheKey,
        },
        legSignal,
      ),
    );
  }

  #wanted(excluded: HostId | null = null): Wanted {
    const { accountId, digest, cacheKey, promptTokens, sampling, shown, exposure } = this.#subtask;
    const tokensLeft = sampling.maxTokens - this.#received.length;
    const tokens = promptTokens.length + this.#received.length;
    return {
      digest,
      accountId,
      cacheKey,
      promptTokens: tokens,
      contextTokens: tokens + Math.min(tokensLeft, answerRoomTokens),
      avoidedOwners: () => exposure.owners(),
      isEligible: (hostId, owner) => hostId !== excluded && exposure.mayShow(owner, shown) && this.#mayTry(hostId),
      placed: (owner) => exposure.record(owner, shown),
    };
  }

  /**
   * A host that failed gets a second chance only where every other has failed too; one that takes no token ids can't
   * continue what another began.
   */
  #mayTry(hostId: HostId): boolean {
    const member = this.#hosts.members().find((each) => each.hostId === hostId);
    if (this.#received.length > 0 && member?.offerOf(this.#subtask.digest)?.reportsTokens !== true) return false;
    if (!this.#failedHosts.has(hostId)) return true;
    return !this.#hosts
      .members()
      .some((member) => !this.#failedHosts.has(member.hostId) && member.offerOf(this.#subtask.digest) !== undefined);
  }
}

function isDeclined(event: HostEvent): boolean {
  return event.kind === "failed" && declinedCodes.includes(event.code);
}

type Turn = { readonly runner: Runner } & ({ readonly event: HostEvent } | { readonly error: unknown });

async function turnOf(runner: Runner): Promise<Turn> {
  try {
    return { runner, event: await runner.next() };
  } catch (error) {
    return { runner, error };
  }
}

function eventOf(turn: Turn): { runner: Runner; event: HostEvent } {
  if ("error" in turn) throw turn.error;
  return turn;
}

/** One lease at work, with its deadlines: for the first token, then for every silence, and for all of it. */
class Runner {
  readonly lease: Lease<HostLink>;
  readonly leg: Leg;
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #events: AsyncIterator<HostEvent>;
  readonly #startedAt: number;
  #lastAt: number;
  #hasSpoken = false;
  /** Since when its next event is waited for; null while nobody waits. */
  #waitingSince: number | null = null;
  #watch = new AbortController();

  constructor(
    lease: Lease<HostLink>,
    leg: Leg,
    clock: Clock,
    signal: AbortSignal,
    answerTokens: number,
    run: (signal: AbortSignal) => AsyncIterable<HostEvent>,
  ) {
    this.lease = lease;
    this.leg = leg;
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
    this.#lastAt = this.#startedAt;
    this.#events = run(AbortSignal.any([signal, this.#abort.signal]))[Symbol.asyncIterator]();
    this.#keepWatch(lease.firstTokenDeadlineMs * firstTokenGrace);
    clock.sleep(lease.totalDeadlineMs(answerTokens), this.#abort.signal).then(
      () => this.#abort.abort(new PeerError("deadline_exceeded", "A host took too long for its answer.")),
      () => "over in time",
    );
  }

  async next(): Promise<HostEvent> {
    this.#waitingSince = this.#clock.monotonic();
    try {
      const { done, value } = await this.#events.next();
      if (done) throw new PeerError("host_lost", "A host ended its answer without saying so.");
      return value;
    } finally {
      this.#waitingSince = null;
    }
  }

  /** Gives the host up once it was waited for so long at a stretch. One timer for all tokens, not one for each. */
  #keepWatch(silenceMsMax: number): void {
    const watch = new AbortController();
    this.#watch = watch;
    const look = async () => {
      for (let leftMs = silenceMsMax; ; ) {
        await this.#clock.sleep(leftMs, watch.signal);
        const silentMs = this.#waitingSince === null ? 0 : this.#clock.monotonic() - this.#waitingSince;
        leftMs = silenceMsMax - silentMs;
        if (leftMs > 0) continue;
        const message = `A host was silent for ${Math.round(silenceMsMax)} ms.`;
        return this.#abort.abort(new PeerError("deadline_exceeded", message));
      }
    };
    look().catch(() => "the watch is over");
  }

  /** Feeds what was measured into the host's ranking. */
  observe(tokens: number): void {
    const now = this.#clock.monotonic();
    if (!this.#hasSpoken) {
      this.lease.observeFirstToken(now - this.#startedAt);
      this.#watch.abort();
      this.#keepWatch(this.lease.silenceDeadlineMs);
    } else if (tokens > 0) this.lease.observeTokenInterval((now - this.#lastAt) / tokens);
    this.#hasSpoken = true;
    this.#lastAt = now;
  }

  /** Stops the host where it still runs and frees its slot. Only the first call counts. */
  close(outcome: LeaseOutcome): void {
    if (this.leg.outcome !== "running") return;
    this.leg.outcome = outcome === "failed" ? "lost" : outcome;
    this.lease.release(outcome);
    this.#watch.abort();
    this.#abort.abort(new PeerError("cancelled", "This host's answer is no longer needed."));
    void this.#events.return?.();
  }
}
