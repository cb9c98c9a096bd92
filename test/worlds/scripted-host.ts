import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import { generateKeyPair } from "../../src/identity/key.ts";
import { type AccountId, type HostId, newId } from "../../src/ids.ts";
import type { Assignment, HostEvent, HostLink, Hosts } from "../../src/pipeline/ports.ts";
import { hostIdOf } from "../../src/protocol/handshake.ts";
import type { Offer } from "../../src/scheduling/offer.ts";
import { AnswerDigest, signStatement } from "../../src/verification/statement.ts";

/** What a host does instead of answering well; at which token of its lease, where that matters. */
export type Fault =
  | { readonly kind: "none" }
  | { readonly kind: "dies"; readonly atToken: number }
  | { readonly kind: "stalls"; readonly atToken: number }
  | { readonly kind: "repeats"; readonly atToken: number }
  | { readonly kind: "skips"; readonly atToken: number }
  | { readonly kind: "overcounts" }
  /** Says that it failed, with a statement of what it delivered before. */
  | { readonly kind: "gives-up"; readonly atToken: number }
  | { readonly kind: "trickles"; readonly tokenMs: number }
  | { readonly kind: "starts-late"; readonly delayMs: number }
  | { readonly kind: "dies-late"; readonly delayMs: number }
  /** Sends a token that no vocabulary has. */
  | { readonly kind: "invents"; readonly atToken: number }
  /** Says that it has no place. */
  | { readonly kind: "declines" }
  /** What it was to be sent is longer than a frame. */
  | { readonly kind: "can't-be-sent" }
  | { readonly kind: "refuses" };

export interface ScriptedHostOptions {
  readonly clock: Clock;
  readonly hosts: Hosts;
  readonly digest: string;
  readonly owner: string;
  readonly sequences: number;
  readonly tokenMs: number;
  /** The fault of its n-th lease, 0-based. */
  faultOf(lease: number): Fault;
  /** When it comes back after it died; null for never. */
  readonly returnsAfterMs: number | null;
}

/** The answer a model gives to a prompt: the same tokens on every host, so that it can be continued anywhere. */
export function scriptedAnswer(promptTokens: readonly number[]): number[] {
  const sum = promptTokens.reduce((total, token, index) => (total + token * (index + 1)) % 9_973, 7);
  return Array.from({ length: 3 + (sum % 40) }, (_, index) => 97 + ((sum + index * index) % 26));
}

/** A host that answers by script: right, or wrong in a way it is told. It stands in for what no model can be made to do. */
export class ScriptedHost implements HostLink {
  readonly hostId: HostId;
  readonly accountId: AccountId = newId("account");
  readonly owner: string;
  readonly publicKey;
  isAccepting = true;
  /** Leases it runs now; 0 when all slots are free. */
  running = 0;
  readonly #key = generateKeyPair();
  readonly #options: ScriptedHostOptions;
  #leases = 0;

  constructor(options: ScriptedHostOptions) {
    this.#options = options;
    this.owner = options.owner;
    this.publicKey = this.#key.publicKey;
    this.hostId = hostIdOf(this.publicKey);
  }

  offerOf(digest: string): Offer | undefined {
    const { sequences, tokenMs } = this.#options;
    if (digest !== this.#options.digest) return undefined;
    const decodeTokensPerSecond = 1_000 / tokenMs;
    return {
      model: "acme/scripted:1.0.0",
      digest,
      contextLength: 4_096,
      sequences,
      reportsTokens: true,
      prefillTokensPerSecond: 20 * decodeTokensPerSecond,
      decodeTokensPerSecond,
    };
  }

  async *run(assignment: Assignment, signal: AbortSignal): AsyncGenerator<HostEvent, void, undefined> {
    const { clock, tokenMs, digest } = this.#options;
    const fault = this.#options.faultOf(this.#leases);
    this.#leases += 1;
    this.running += 1;
    try {
      if (fault.kind === "refuses") throw new PeerError("upstream_failed", "The host refuses.");
      if (fault.kind === "can't-be-sent") throw new PeerError("request_too_large", "The frame is too long.");
      if (fault.kind === "starts-late" || fault.kind === "dies-late") await clock.sleep(fault.delayMs, signal);
      if (fault.kind === "dies-late") this.#die();
      if (fault.kind === "declines") {
        yield { kind: "failed", code: "host_unavailable", statement: null };
        return;
      }
      const answer = scriptedAnswer(assignment.promptTokens).slice(0, assignment.sampling.maxTokens);
      const answerDigest = new AnswerDigest();
      let delivered = 0;
      const statementOf = (completionTokens: number) =>
        signStatement(this.#key, {
          subtask: assignment.subtaskId,
          epoch: assignment.epoch,
          digest,
          promptTokens: assignment.promptTokens.length,
          completionTokens,
          answerDigest: answerDigest.value(),
          firstTokenMs: 0,
          elapsedMs: 0,
        });
      for (let position = assignment.resumedTokens.length; position < answer.length; position += 1) {
        await clock.sleep(fault.kind === "trickles" ? fault.tokenMs : tokenMs, signal);
        if ("atToken" in fault && delivered === fault.atToken) {
          if (fault.kind === "dies") this.#die();
          if (fault.kind === "gives-up") {
            yield { kind: "failed", code: "engine_crashed", statement: statementOf(delivered) };
            return;
          }
          if (fault.kind === "stalls") await clock.sleep(Number.MAX_SAFE_INTEGER, signal);
          if (fault.kind === "repeats" && position > 0) position -= 1;
          if (fault.kind === "skips") position += 1;
        }
        const isInvented = fault.kind === "invents" && delivered === fault.atToken;
        const tokens = isInvented ? [4_294_967_295] : answer.slice(position, position + 1);
        answerDigest.add(tokens, "");
        delivered += 1;
        yield { kind: "delta", position, tokens, text: "" };
      }
      const statement = statementOf(delivered + (fault.kind === "overcounts" ? 100 : 0));
      const finishReason = answer.length < assignment.sampling.maxTokens ? "stop" : "length";
      yield { kind: "end", finishReason, statement };
    } finally {
      this.running -= 1;
    }
  }

  #die(): never {
    const { hosts, clock, returnsAfterMs } = this.#options;
    hosts.leave(this);
    if (returnsAfterMs !== null) {
      clock.sleep(returnsAfterMs, new AbortController().signal).then(
        () => hosts.join(this),
        () => "never aborted",
      );
    }
    throw new PeerError("host_lost", "The host's connection was lost.");
  }
}
