import { type RawData, WebSocket } from "ws";
import type { Engine } from "../../src/chat/generation.ts";
import type { Clock } from "../../src/clock.ts";
import { type ErrorCode, isPeerError, PeerError } from "../../src/errors.ts";
import { type KeyPair, type PublicKey, parsePublicKey } from "../../src/identity/key.ts";
import type { Log } from "../../src/log.ts";
import { packageVersion } from "../../src/paths.ts";
import {
  encodeFrame,
  frameBytesMax,
  type HostFrame,
  heartbeatIntervalsMax,
  type NetworkFrame,
  type OfferedModel,
  parseNetworkFrame,
  unreadBytesMax,
} from "../../src/protocol/frame.ts";
import {
  hostLinkPath,
  newNonce,
  protocolVersion,
  signTranscript,
  type Transcript,
  verifyTranscript,
} from "../../src/protocol/handshake.ts";
import { timeLimit } from "../../src/time-limit.ts";
import { reconnectDelayMs } from "./backoff.ts";
import { type RunFrame, runSubtask, type SubtaskObserver } from "./subtask-runner.ts";

export interface NetworkLinkOptions {
  /** The orchestrator's HTTP address, without a trailing slash. */
  readonly url: string;
  readonly apiKey: string;
  readonly key: KeyPair;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer: SubtaskObserver;
  /** Checks the orchestrator's proved key against the one known from before; throws `authentication_failed`. */
  trustNetwork(publicKey: PublicKey): Promise<void>;
  offers(): readonly OfferedModel[];
  isAccepting(): boolean;
  engineOf(digest: string): Engine | undefined;
}

const handshakeMsMax = 15_000;
const subtasksMax = 1_024;
/** A connection that held for so long was a good one. */
const steadyMs = 60_000;

/**
 * The host's outbound connection to its orchestrator, for as long as the host runs: rebuilt with full jitter whenever
 * it breaks or its heartbeats stay unanswered. A refusal that retrying can't mend ends it.
 */
export class NetworkLink {
  readonly #options: NetworkLinkOptions;
  readonly #over = new AbortController();
  #connection: Connection | null = null;

  constructor(options: NetworkLinkOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.#connection !== null;
  }

  /** Whether the orchestrator gives this host work; assumed until it says otherwise. */
  get isEntitled(): boolean {
    return this.#connection?.isEntitled ?? true;
  }

  get activeSubtasks(): number {
    return this.#connection?.activeSubtasks ?? 0;
  }

  /** Connects once; throws what kept it out. */
  async connect(signal: AbortSignal): Promise<void> {
    const connection = new Connection(this.#options);
    await connection.open(signal);
    if (signal.aborted) connection.close("The host is shutting down.");
    signal.throwIfAborted();
    this.#connection = connection;
    connection.sendOffer();
  }

  /** Stays connected until `close`; resolves then. Rejects with a refusal that retrying can't mend. */
  async keep(): Promise<void> {
    const signal = this.#over.signal;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      if (this.#connection !== null) {
        const openedAt = this.#options.clock.monotonic();
        await this.#connection.closed;
        this.#connection = null;
        // One that breaks as soon as it stands, again and again, is no better than one that never stood.
        if (this.#options.clock.monotonic() - openedAt >= steadyMs) attempt = 0;
      }
      try {
        await this.#options.clock.sleep(reconnectDelayMs(attempt, Math.random()), signal);
        await this.connect(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#options.log.warn("network-link-failed", { attempt, error });
        if (isFinal(error)) throw error;
      }
    }
  }

  /** Tells the orchestrator anew what is offered, and whether anything is accepted. */
  sendOffer(): void {
    this.#connection?.sendOffer();
  }

  close(): void {
    this.#over.abort(new PeerError("cancelled", "The host is shutting down."));
    this.#connection?.close("The host is shutting down.");
  }
}

/** One connection, from its handshake to its end. */
class Connection {
  readonly closed: Promise<void>;
  isEntitled = true;
  readonly #options: NetworkLinkOptions;
  readonly #running = new Map<string, AbortController>();
  #socket: WebSocket | null = null;
  #heartbeat: NodeJS.Timeout | null = null;
  #sequence = 0;
  #acknowledged = 0;
  #isClosed = false;
  #markClosed: () => void = () => {};

  constructor(options: NetworkLinkOptions) {
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#markClosed = resolve;
    });
  }

  get activeSubtasks(): number {
    return this.#running.size;
  }

  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const socket = new WebSocket(`${this.#options.url}${hostLinkPath}`, {
      handshakeTimeout: handshakeMsMax,
      maxPayload: frameBytesMax,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    const limited = AbortSignal.any([signal, timeLimit(handshakeMsMax)]);
    const onAbort = () => socket.terminate();
    limited.addEventListener("abort", onAbort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => this.#shakeHands(socket, resolve, reject));
    } catch (error) {
      socket.terminate();
      signal.throwIfAborted();
      throw error;
    } finally {
      limited.removeEventListener("abort", onAbort);
    }
  }

  sendOffer(): void {
    this.#send({ type: "offer", models: [...this.#options.offers()], isAccepting: this.#options.isAccepting() });
  }

  close(reason: string): void {
    if (!this.#isClosed) this.#options.log.info("network-link-closed", { reason, running: this.#running.size });
    this.#isClosed = true;
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    for (const controller of this.#running.values()) controller.abort(new PeerError("cancelled", reason));
    this.#running.clear();
    this.#socket?.terminate();
    this.#markClosed();
  }

  /** Resolves once the orchestrator said welcome. */
  #shakeHands(socket: WebSocket, resolve: () => void, reject: (error: unknown) => void): void {
    const { key, apiKey, trustNetwork } = this.#options;
    const hostNonce = newNonce();
    let transcript: Transcript | null = null;
    /** Only once the orchestrator's key was checked: that takes a while, and more frames may come meanwhile. */
    let isTrusted = false;
    const step = async (frame: NetworkFrame) => {
      if (frame.type === "refused") throw refusalOf(frame);
      if (frame.type === "challenge" && transcript === null) {
        const networkPublicKey = parsePublicKey(frame.publicKey);
        transcript = { hostPublicKey: key.publicKey, hostNonce, networkPublicKey, networkNonce: frame.nonce };
        verifyTranscript("network", transcript, frame.signature);
        await trustNetwork(networkPublicKey);
        isTrusted = true;
        this.#send({ type: "proof", signature: signTranscript("host", key, transcript), apiKey });
      } else if (frame.type === "welcome" && isTrusted) {
        socket.off("message", onMessage);
        this.#serve(socket, frame.heartbeatMs);
        resolve();
      } else {
        throw new PeerError("protocol_violation", `The orchestrator sent a ${frame.type} frame during the handshake.`);
      }
    };
    const onMessage = (data: RawData) => void parseStep(data, step).catch(reject);
    socket.on("open", () => {
      const software = packageVersion();
      this.#send({ type: "hello", protocol: protocolVersion, software, publicKey: key.publicKey, nonce: hostNonce });
    });
    socket.on("message", onMessage);
    socket.on("error", (cause) => reject(unreachable(this.#options.url, cause)));
    socket.on("close", () => reject(unreachable(this.#options.url, undefined)));
  }

  #serve(socket: WebSocket, heartbeatMs: number): void {
    socket.on("message", (data) => {
      try {
        this.#accept(parseNetworkFrame(bytesOf(data)));
      } catch (error) {
        this.#options.log.warn("network-link-violated", { error });
        this.close("The orchestrator broke the protocol.");
      }
    });
    socket.on("close", () => this.close("The connection to the orchestrator was lost."));
    this.#heartbeat = setInterval(() => {
      if (this.#sequence - this.#acknowledged >= heartbeatIntervalsMax) {
        this.close("The orchestrator did not answer heartbeats.");
        return;
      }
      this.#sequence += 1;
      this.#send({ type: "heartbeat", sequence: this.#sequence, activeSubtasks: this.#running.size });
    }, heartbeatMs);
  }

  #accept(frame: NetworkFrame): void {
    switch (frame.type) {
      case "run":
        void this.#run(frame);
        return;
      case "cancel":
        this.#running.get(nameOf(frame))?.abort(new PeerError("cancelled", "The orchestrator cancelled it."));
        return;
      case "heartbeat-ack":
        this.#acknowledged = Math.max(this.#acknowledged, Math.min(frame.sequence, this.#sequence));
        return;
      case "entitlement":
        this.isEntitled = frame.isEntitled;
        return;
      case "refused":
        throw refusalOf(frame);
      case "challenge":
      case "welcome":
        throw new PeerError("protocol_violation", "The handshake is over.");
      default:
        frame satisfies never;
    }
  }

  async #run(frame: RunFrame): Promise<void> {
    const name = nameOf(frame);
    const { key, clock, log, observer, engineOf, isAccepting } = this.#options;
    if (this.#running.has(name)) return log.warn("subtask-repeated", { subtaskId: frame.subtask });
    if (this.#running.size >= subtasksMax) return this.#refuse(frame, "queue_full");
    if (!isAccepting()) return this.#refuse(frame, "host_unavailable");
    const engine = engineOf(frame.digest);
    if (engine === undefined) return this.#refuse(frame, "model_missing");
    const controller = new AbortController();
    this.#running.set(name, controller);
    const send = (answer: HostFrame) => {
      if (!controller.signal.aborted) this.#send(answer);
    };
    await runSubtask(frame, engine, { key, clock, log, observer, send }, controller.signal);
    this.#running.delete(name);
  }

  /** Nothing was done, so there is nothing to state. */
  #refuse({ subtask, epoch, digest }: RunFrame, code: ErrorCode): void {
    this.#options.log.warn("subtask-refused", { subtaskId: subtask, digest, code, running: this.#running.size });
    this.#send({ type: "failed", subtask, epoch, code, statement: null });
  }

  #send(frame: HostFrame): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (this.#socket.bufferedAmount > unreadBytesMax) this.close("The orchestrator does not read what it is sent.");
    else this.#socket.send(encodeFrame(frame));
  }
}

async function parseStep(data: RawData, step: (frame: NetworkFrame) => Promise<void>): Promise<void> {
  await step(parseNetworkFrame(bytesOf(data)));
}

function bytesOf(data: RawData): Uint8Array {
  return Array.isArray(data) ? Buffer.concat(data) : new Uint8Array(data);
}

function nameOf(frame: { readonly subtask: string; readonly epoch: number }): string {
  return `${frame.subtask}:${frame.epoch}`;
}

const finalCodes = ["authentication_failed", "permission_denied", "protocol_incompatible", "payment_required"] as const;

function isFinal(error: unknown): boolean {
  return finalCodes.some((code) => isPeerError(error, code));
}

function refusalOf(frame: Extract<NetworkFrame, { type: "refused" }>): PeerError {
  const code = finalCodes.find((final) => final === frame.code) ?? "network_unreachable";
  return new PeerError(code, `The orchestrator refused this host: ${frame.message}`);
}

function unreachable(url: string, cause: unknown): PeerError {
  return new PeerError("network_unreachable", `No orchestrator answers at ${url}.`, {
    cause,
    hint: "Check --network and that the orchestrator runs (peerllm network status).",
  });
}
