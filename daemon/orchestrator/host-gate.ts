import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import type { Clock } from "../../src/clock.ts";
import { isPeerError, PeerError } from "../../src/errors.ts";
import { type AccountStore, ownerOf } from "../../src/identity/account.ts";
import { requireScope } from "../../src/identity/api-key.ts";
import { type KeyPair, parsePublicKey } from "../../src/identity/key.ts";
import type { HostStore } from "../../src/identity/known-host.ts";
import type { AccountId, ApiKeyId, HostId } from "../../src/ids.ts";
import type { Log } from "../../src/log.ts";
import { packageVersion } from "../../src/paths.ts";
import type { Hosts } from "../../src/pipeline/ports.ts";
import {
  encodeFrame,
  frameBytesMax,
  type HostFrame,
  heartbeatIntervalMs,
  type NetworkFrame,
  parseHostFrame,
} from "../../src/protocol/frame.ts";
import { hostIdOf, newNonce, protocolVersion, signTranscript, verifyTranscript } from "../../src/protocol/handshake.ts";
import { timeLimit } from "../../src/time-limit.ts";
import { type HostIdentity, HostSession } from "./host-session.ts";
import type { Vitals } from "./vitals.ts";

export interface HostGateOptions {
  readonly networkKey: KeyPair;
  readonly accounts: AccountStore;
  readonly knownHosts: HostStore;
  readonly hosts: Hosts;
  readonly clock: Clock;
  readonly log: Log;
  readonly vitals: Pick<Vitals, "event" | "tokensDelivered">;
  /** Whether a host may be given work now. */
  isEntitled(hostId: HostId): Promise<boolean>;
  /** Of these files, those that a host of the account may be given work with. */
  servable(accountId: AccountId, digests: readonly string[]): Promise<ReadonlySet<string>>;
}

const handshakeMsMax = 10_000;
const farewellMsMax = 2_000;
const hostsMax = 10_000;

/** Where hosts come in: proves keys in both directions, then seats the host in the pool. */
export class HostGate {
  readonly #options: HostGateOptions;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: frameBytesMax, perMessageDeflate: false });
  readonly #sessions = new Map<string, HostSession>();
  #isClosed = false;

  constructor(options: HostGateOptions) {
    this.#options = options;
  }

  /** Takes over an HTTP upgrade. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#isClosed || this.#server.clients.size >= hostsMax) {
      socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (link) => void this.#welcome(link));
  }

  sessions(): readonly HostSession[] {
    return [...this.#sessions.values()];
  }

  /** Asks again of every host whether it may be given work: months end, payments come. */
  async reviewEntitlements(): Promise<void> {
    for (const session of this.sessions()) {
      session.setEntitled(await this.#options.isEntitled(session.hostId));
      await this.#reviewServable(session);
    }
    this.#options.hosts.offersChanged();
  }

  /** To be called when accounts came to be one owner. */
  async reviewOwners(): Promise<void> {
    const { accounts } = this.#options;
    for (const session of this.sessions()) {
      const account = await accounts.find(session.accountId);
      if (account !== null) session.owner = ownerOf(account);
    }
  }

  /** To be called when a key was revoked: who came in by it is out at once. */
  keyRevoked(keyId: ApiKeyId): void {
    for (const session of this.sessions()) if (session.apiKeyId === keyId) session.close("Its API key was revoked.");
  }

  async #reviewServable(session: HostSession): Promise<void> {
    session.setServable(await this.#options.servable(session.accountId, session.offeredDigests()));
  }

  close(): void {
    this.#isClosed = true;
    for (const session of this.#sessions.values()) session.close("The orchestrator is shutting down.");
    for (const client of this.#server.clients) client.terminate();
  }

  async #welcome(socket: WebSocket): Promise<void> {
    const reader = new FrameReader(socket);
    try {
      const identity = await this.#shakeHands(socket, reader);
      reader.release();
      this.#seat(socket, identity);
    } catch (error) {
      reader.release();
      this.#refuse(socket, error);
    }
  }

  async #shakeHands(socket: WebSocket, reader: FrameReader): Promise<HostIdentity> {
    const { networkKey, accounts, knownHosts } = this.#options;
    const signal = timeLimit(handshakeMsMax);
    const hello = await reader.next("hello", signal);
    const publicKey = parsePublicKey(hello.publicKey);
    const transcript = {
      hostPublicKey: publicKey,
      hostNonce: hello.nonce,
      networkPublicKey: networkKey.publicKey,
      networkNonce: newNonce(),
    };
    send(socket, {
      type: "challenge",
      protocol: protocolVersion,
      software: packageVersion(),
      publicKey: networkKey.publicKey,
      nonce: transcript.networkNonce,
      signature: signTranscript("network", networkKey, transcript),
    });
    const proof = await reader.next("proof", signal);
    verifyTranscript("host", transcript, proof.signature);
    const { account, key } = await accounts.authenticate(proof.apiKey);
    requireScope(key, "host");
    const hostId = hostIdOf(publicKey);
    await knownHosts.seen({ id: hostId, accountId: account.id, publicKey });
    const isEntitled = await this.#options.isEntitled(hostId);
    // Revoked meanwhile, it would be told to no session.
    await accounts.authenticate(proof.apiKey);
    const whose = { accountId: account.id, apiKeyId: key.id, owner: ownerOf(account) };
    return { hostId, publicKey, ...whose, isEntitled };
  }

  #seat(socket: WebSocket, identity: HostIdentity): void {
    const { hosts, clock, log, vitals } = this.#options;
    const { hostId } = identity;
    this.#sessions.get(hostId)?.close("The host connected anew.");
    let wasAccepting: boolean | null = null;
    const offered = async () => {
      await this.#reviewServable(session);
      const { isAccepting } = session;
      if (wasAccepting === !isAccepting) vitals.event(isAccepting ? "host-resumed" : "host-paused", hostId);
      wasAccepting = isAccepting;
      hosts.offersChanged();
    };
    const session: HostSession = new HostSession({
      socket,
      identity,
      clock,
      log,
      // Until it is known what the host may serve it gets no work.
      onOffer: () => void offered().catch((error: unknown) => log.warn("offer-not-reviewed", { hostId, error })),
      onTokens: (tokens) => vitals.tokensDelivered(tokens),
      onClosed: () => {
        hosts.leave(session);
        if (this.#sessions.get(hostId) === session) this.#sessions.delete(hostId);
        vitals.event("host-left", hostId);
        log.info("host-left", { hostId });
      },
    });
    this.#sessions.set(hostId, session);
    hosts.join(session);
    send(socket, { type: "welcome", hostId, heartbeatMs: heartbeatIntervalMs });
    if (!identity.isEntitled) send(socket, { type: "entitlement", isEntitled: false });
    vitals.event("host-joined", hostId);
    log.info("host-joined", { hostId, accountId: identity.accountId });
  }

  #refuse(socket: WebSocket, error: unknown): void {
    const refusal = isPeerError(error) ? error : new PeerError("unexpected", "The handshake failed.", { cause: error });
    this.#options.vitals.event("host-refused", null);
    this.#options.log.warn("host-refused", { error: refusal });
    socket.on("error", () => socket.terminate());
    if (socket.readyState !== socket.OPEN) return;
    send(socket, { type: "refused", code: refusal.code, message: refusal.message });
    socket.close(1008);
    // Whoever does not close in turn is not waited for: what it still sends is read and thrown away until then.
    setTimeout(() => socket.terminate(), farewellMsMax).unref();
  }
}

function send(socket: WebSocket, frame: NetworkFrame): void {
  socket.send(encodeFrame(frame));
}

/** Reads the handshake's frames one by one; at most one may be waiting, and who sends more is cut off. */
class FrameReader {
  readonly #socket: WebSocket;
  #frames: RawData[] = [];
  #wake: (() => void) | null = null;
  #isOver = false;
  readonly #onMessage = (data: RawData) => {
    if (this.#frames.length > 0) this.#socket.terminate();
    else this.#frames.push(data);
    this.#wake?.();
  };
  readonly #onClose = () => {
    this.#isOver = true;
    this.#wake?.();
  };

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", this.#onMessage).on("close", this.#onClose).on("error", this.#onClose);
  }

  async next<Type extends HostFrame["type"]>(type: Type, signal: AbortSignal): Promise<HostFrame & { type: Type }> {
    const onAbort = () => this.#onClose();
    signal.addEventListener("abort", onAbort, { once: true });
    while (this.#frames.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    signal.removeEventListener("abort", onAbort);
    const data = this.#frames.shift();
    if (data === undefined) throw new PeerError("protocol_violation", "The handshake was not finished in time.");
    const frame = parseHostFrame(Array.isArray(data) ? Buffer.concat(data) : new Uint8Array(data));
    if (!isOfType(frame, type)) throw new PeerError("protocol_violation", `Expected a ${type} frame.`);
    return frame;
  }

  release(): void {
    this.#socket.off("message", this.#onMessage).off("close", this.#onClose).off("error", this.#onClose);
  }
}

function isOfType<Type extends HostFrame["type"]>(frame: HostFrame, type: Type): frame is HostFrame & { type: Type } {
  return frame.type === type;
}
