import { PeerError } from "../../src/errors.ts";
import { generateKeyPair } from "../../src/identity/key.ts";
import { type AccountId, newId } from "../../src/ids.ts";
import type { Assignment, HostEvent, HostLink } from "../../src/pipeline/ports.ts";
import { hostIdOf } from "../../src/protocol/handshake.ts";
import type { Offer } from "../../src/scheduling/offer.ts";
import { AnswerDigest, signStatement } from "../../src/verification/statement.ts";

export const readingDigest = `sha256:${"cd".repeat(32)}`;

/** The letter at which a host dies instead of reading it. */
export const dying = "\0";

/** The answer that repeats the last message, as it reached the host. */
export function echo({ prompt }: Assignment): string {
  if (prompt.kind === "chat") return prompt.messages.at(-1)?.content ?? "";
  return prompt.kind === "text" ? prompt.text : String.fromCharCode(...prompt.tokens);
}

/** A host that reads its answers out, a letter at a time, and keeps what it was sent: what no model can be made to say. */
export class ReadingHost implements HostLink {
  readonly accountId: AccountId = newId("account");
  readonly #key = generateKeyPair();
  readonly publicKey = this.#key.publicKey;
  readonly hostId = hostIdOf(this.publicKey);
  readonly owner: string;
  readonly isAccepting = true;
  readonly assignments: Assignment[] = [];
  readonly #answer: string | ((assignment: Assignment) => string);
  readonly #reportsTokens: boolean;

  /** With `reportsTokens` a letter is a token; without, letters come as text and the statement counts as it likes. */
  constructor(answer: string | ((assignment: Assignment) => string), reportsTokens = true, owner?: string) {
    this.owner = owner ?? this.accountId;
    this.#answer = answer;
    this.#reportsTokens = reportsTokens;
  }

  offerOf(digest: string): Offer | undefined {
    if (digest !== readingDigest) return undefined;
    return {
      model: "acme/reading:1.0.0",
      digest,
      contextLength: 4_096,
      sequences: 4,
      reportsTokens: this.#reportsTokens,
      prefillTokensPerSecond: 1_000,
      decodeTokensPerSecond: 1_000,
    };
  }

  async *run(assignment: Assignment, signal: AbortSignal): AsyncGenerator<HostEvent, void, undefined> {
    this.assignments.push(assignment);
    const answerDigest = new AnswerDigest();
    let position = assignment.resumedTokens.length;
    const answer = typeof this.#answer === "string" ? this.#answer : this.#answer(assignment);
    for (const letter of answer.slice(assignment.resumedTokens.length)) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      if (letter === dying) throw new PeerError("host_lost", "The host's connection was lost.");
      const tokens = this.#reportsTokens ? [letter.charCodeAt(0)] : [];
      const text = this.#reportsTokens ? "" : letter;
      answerDigest.add(tokens, text);
      yield { kind: "delta", position, tokens, text };
      position += tokens.length;
    }
    const statement = signStatement(this.#key, {
      subtask: assignment.subtaskId,
      epoch: assignment.epoch,
      digest: readingDigest,
      promptTokens: this.#reportsTokens ? assignment.promptTokens.length : 1_000_000,
      completionTokens: this.#reportsTokens ? position - assignment.resumedTokens.length : 1_000_000,
      answerDigest: answerDigest.value(),
      firstTokenMs: 0,
      elapsedMs: 0,
    });
    yield { kind: "end", finishReason: "stop", statement };
  }
}
