import type { RawData, WebSocket } from "ws";
import { Channel } from "../../src/channel.ts";
import type { Clock } from "../../src/clock.ts";
import { isPeerError, PeerError } from "../../src/errors.ts";
import type { PublicKey } from "../../src/identity/key.ts";
import type { AccountId, ApiKeyId, HostId } from "../../src/ids.ts";
import type { Log } from "../../src/log.ts";
import type { Assignment, HostEvent, HostLink } from "../../src/pipeline/ports.ts";
import {
  encodeFrame,
  type HostFrame,
  heartbeatIntervalMs,
  heartbeatIntervalsMax,
  type NetworkFrame,
  parseHostFrame,
  unreadBytesMax,
} from "../../src/protocol/frame.ts";
import type { Offer } from "../../src/scheduling/offer.ts";
import { isStatementBy, type SignedStatement } from "../../src/verification/statement.ts";

/** Who is at the other end, as the handshake proved. */
export interface HostIdentity {
  readonly hostId: HostId;
  readonly publicKey: PublicKey;
  readonly accountId: AccountId;
  /** The key that let it in. */
  readonly apiKeyId: ApiKeyId;
  readonly owner: string;
  /** Whether it may be given work: where hosts subscribe, it paid. */
  readonly isEntitled: boolean;
}

export interface HostSessionOptions {
  readonly socket: WebSocket;
  readonly identity: HostIdentity;
  readonly clock: Clock;
  readonly log: Log;
  /** Its offer is new: slots may have come free. */
  onOffer(): void;
  /** Answer tokens came; text counts as one. */
  onTokens(tokens: number): void;
  onClosed(): void;
}

interface RunningSubtask {
  readonly channel: Channel<HostEvent>;
  readonly assignment: Assignment;
  framesLeft: number;
  charactersLeft: number;
}

/** Frames a host may send for one subtask beyond one per token. */
const framesBeyondTokensMax = 64;
/** Likewise of text, where it sends no token ids: a token is seldom over 8 characters, the longest are 128 or so. */
const charactersPerTokenMax = 64;
const charactersBeyondTokensMax = 65_536;

/** A host's connection once its key is proved: its offers, its heartbeat and the subtasks it runs. */
export class HostSession implements HostLink {
  readonly hostId: HostId;
  readonly publicKey: PublicKey;
  readonly accountId: AccountId;
  readonly apiKeyId: ApiKeyId;
  readonly connectedAt: number;
  owner: string;
  readonly #socket: WebSocket;
  readonly #options: HostSessionOptions;
  readonly #running = new Map<string, RunningSubtask>();
  readonly #watch: NodeJS.Timeout;
  #offers = new Map<string, Offer>();
  /** Files it may be given work with: those that are sold, its owner has bought. */
  #servable: ReadonlySet<string> = new Set();
  /** Checks since it was last heard: one that this process itself is late for counts once, however late. */
  #silentChecks = 0;
  /** What the host itself says. */
  #isOffering = false;
  #isEntitled: boolean;
  #isClosed = false;

  constructor(options: HostSessionOptions) {
    const { identity, socket, clock } = options;
    this.hostId = identity.hostId;
    this.publicKey = identity.publicKey;
    this.accountId = identity.accountId;
    this.apiKeyId = identity.apiKeyId;
    this.owner = identity.owner;
    this.#isEntitled = identity.isEntitled;
    this.#options = options;
    this.#socket = socket;
    this.connectedAt = clock.now();
    socket.on("message", (data) => this.#receive(data));
    socket.on("close", () => this.#over("The host's connection was lost."));
    socket.on("error", () => this.close("The host's connection failed."));
    this.#watch = setInterval(() => this.#checkHeartbeat(), heartbeatIntervalMs);
  }

  offerOf(digest: string): Offer | undefined {
    return this.#servable.has(digest) ? this.#offers.get(digest) : undefined;
  }

  /** The files it has, whether it may be given work with them or not. */
  offeredDigests(): readonly string[] {
    return [...this.#offers.keys()];
  }

  setServable(digests: ReadonlySet<string>): void {
    this.#servable = digests;
  }

  get isAccepting(): boolean {
    return this.#isOffering && this.#isEntitled;
  }

  setEntitled(isEntitled: boolean): void {
    if (isEntitled === this.#isEntitled) return;
    this.#isEntitled = isEntitled;
    this.#send({ type: "entitlement", isEntitled });
    this.#options.onOffer();
  }

  offers(): readonly Offer[] {
    return [...this.#offers.values()].filter(({ digest }) => this.#servable.has(digest));
  }

  async *run(assignment: Assignment, signal: AbortSignal): AsyncGenerator<HostEvent, void, undefined> {
    signal.throwIfAborted();
    if (this.#isClosed) throw new PeerError("host_lost", "The host's connection was lost.");
    const name = `${assignment.subtaskId}:${assignment.epoch}`;
    const { maxTokens } = assignment.sampling;
    const framesLeft = maxTokens + framesBeyondTokensMax;
    const charactersLeft = maxTokens * charactersPerTokenMax + charactersBeyondTokensMax;
    const channel = new Channel<HostEvent>(framesLeft);
    this.#running.set(name, { channel, assignment, framesLeft, charactersLeft });
    const onAbort = () => channel.fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const { subtaskId: subtask, epoch, digest, resumedTokens, sampling, cacheKey } = assignment;
    let isEnded = false;
    try {
      const takesTokens = this.#offers.get(digest)?.reportsTokens ?? false;
      this.#send({
        type: "run",
        subtask,
        epoch,
        digest,
        prompt: takesTokens ? { kind: "tokens", tokens: [...assignment.promptTokens] } : promptFrame(assignment),
        resumedTokens: [...resumedTokens],
        sampling: { ...sampling, stop: [...sampling.stop] },
        cacheKey,
      });
      for await (const event of channel) {
        isEnded = event.kind !== "delta";
        yield event;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#running.delete(name);
      if (!isEnded && !this.#isClosed) this.#send({ type: "cancel", subtask, epoch });
    }
  }

  /** Cuts the connection; the host may come back. */
  close(reason: string): void {
    this.#socket.terminate();
    this.#over(reason);
  }

  #receive(data: RawData): void {
    this.#silentChecks = 0;
    try {
      const bytes = Array.isArray(data) ? Buffer.concat(data) : new Uint8Array(data);
      this.#accept(parseHostFrame(bytes));
    } catch (error) {
      const reason = isPeerError(error) ? error.message : "A frame could not be taken.";
      this.#options.log.warn("host-link-violated", { hostId: this.hostId, error });
      this.close(reason);
    }
  }

  #accept(frame: HostFrame): void {
    switch (frame.type) {
      case "hello":
      case "proof":
        throw new PeerError("protocol_violation", "The handshake is over.");
      case "offer":
        this.#offers = new Map(frame.models.map((offer) => [offer.digest, offer]));
        this.#isOffering = frame.isAccepting;
        this.#options.onOffer();
        return;
      case "heartbeat":
        this.#send({ type: "heartbeat-ack", sequence: frame.sequence });
        return;
      case "delta":
        this.#deliver(frame.subtask, frame.epoch, {
          kind: "delta",
          position: frame.position,
          tokens: frame.tokens,
          text: frame.text,
        });
        return;
      case "end":
        this.#deliver(frame.subtask, frame.epoch, {
          kind: "end",
          finishReason: frame.finishReason,
          statement: this.#checkedStatement(frame.subtask, frame.epoch, frame.statement),
        });
        return;
      case "failed":
        this.#deliver(frame.subtask, frame.epoch, {
          kind: "failed",
          code: frame.code,
          statement:
            frame.statement === null ? null : this.#checkedStatement(frame.subtask, frame.epoch, frame.statement),
        });
        return;
      default:
        frame satisfies never;
    }
  }

  /** A frame of a subtask that is no longer this host's, or of an earlier lease, is what a ghost says: ignored. */
  #deliver(subtask: string, epoch: number, event: HostEvent): void {
    const running = this.#running.get(`${subtask}:${epoch}`);
    if (running === undefined) return;
    running.framesLeft -= 1;
    if (running.framesLeft <= 0) throw new PeerError("protocol_violation", "A host sent more frames than tokens.");
    if (event.kind === "delta") running.charactersLeft -= event.text.length;
    if (running.charactersLeft < 0) {
      throw new PeerError("protocol_violation", "A host sent more text than was asked for.");
    }
    running.channel.push(event);
    if (event.kind === "delta") this.#options.onTokens(Math.max(1, event.tokens.length));
    else running.channel.close();
  }

  #checkedStatement(subtask: string, epoch: number, statement: SignedStatement): SignedStatement {
    const running = this.#running.get(`${subtask}:${epoch}`);
    const isOfThisLease =
      statement.subtask === subtask &&
      statement.epoch === epoch &&
      (running === undefined || statement.digest === running.assignment.digest);
    if (!isOfThisLease || !isStatementBy(this.publicKey, statement)) {
      throw new PeerError("protocol_violation", "A host's statement is not signed by it, or is of other work.");
    }
    return statement;
  }

  #checkHeartbeat(): void {
    this.#silentChecks += 1;
    if (this.#silentChecks > heartbeatIntervalsMax) this.close("The host's heartbeat stopped.");
  }

  #send(frame: NetworkFrame): void {
    if (this.#socket.bufferedAmount > unreadBytesMax) this.close("The host does not read what it is sent.");
    else this.#socket.send(encodeFrame(frame));
  }

  #over(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isOffering = false;
    clearInterval(this.#watch);
    for (const { channel } of this.#running.values()) channel.fail(new PeerError("host_lost", reason));
    this.#options.onClosed();
  }
}

function promptFrame({ prompt }: Assignment): Extract<NetworkFrame, { type: "run" }>["prompt"] {
  if (prompt.kind === "chat") return { kind: "chat", messages: [...prompt.messages] };
  if (prompt.kind === "text") return prompt;
  return { kind: "tokens", tokens: [...prompt.tokens] };
}
