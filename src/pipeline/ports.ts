import type { Sampling } from "../chat/generation.ts";
import type { Message, Prompt } from "../chat/message.ts";
import type { Clock } from "../clock.ts";
import type { Budget } from "../identity/api-key.ts";
import type { KeyPair, PublicKey } from "../identity/key.ts";
import type { AccountId, ApiKeyId, SubtaskId } from "../ids.ts";
import type { Books } from "../ledger/books.ts";
import type { PriceSheet } from "../ledger/pricing.ts";
import type { Log } from "../log.ts";
import type { NanoUsd } from "../money.ts";
import type { GuardVerdict } from "../safety/guard.ts";
import type { Policy } from "../safety/policy.ts";
import type { PoolMember } from "../scheduling/offer.ts";
import type { HostPool } from "../scheduling/pool.ts";
import type { SignedReceipt } from "../verification/receipt.ts";
import type { SignedStatement } from "../verification/statement.ts";

/** Who asks: the account that pays and the key it used. */
export interface Caller {
  readonly accountId: AccountId;
  readonly apiKeyId: ApiKeyId;
  readonly budget: Budget;
}

/** A model of this network, with its weights at hand for tokenizing. */
export interface ServedModel {
  /** `owner/name:version`. */
  readonly reference: string;
  /** "sha256:" and 64 hex digits. */
  readonly digest: string;
  readonly file: string;
  readonly contextLength: number;
  readonly producer: AccountId;
  readonly royaltyPer100kTokens: NanoUsd;
}

export interface Catalogue {
  /** Throws `model_missing`, naming what there is instead, also where the caller may not see the model. */
  resolve(model: string, caller: Caller): Promise<ServedModel>;
}

/** Text ⇄ token ids by a model's own vocabulary and template, exact. */
export interface Tokenizers {
  /** How many tokens a model's vocabulary has: every id is smaller. */
  vocabularySize(file: string): Promise<number>;
  /** The exact ids of a prompt: a conversation by the model's template, text as it stands, special markers as text. */
  render(file: string, prompt: Prompt): Promise<readonly number[]>;
  /** Makes text of an answer's ids as they come; holds back half characters and what may become a stop string. */
  verbalise(file: string, stop: readonly string[]): Promise<Verbaliser>;
}

export interface Verbalised {
  readonly texts: readonly string[];
  readonly isStopped: boolean;
}

export interface Verbaliser {
  /**
   * The text that each of `tokens` made certain, in order. `isStopped`: a stop string was met; the text ends before it,
   * and `texts` with the token that completed it.
   */
  push(tokens: readonly number[]): Promise<Verbalised>;
  flush(): Promise<string>;
  close(): void;
}

/** What a host is asked to do in one lease. */
export interface Assignment {
  readonly subtaskId: SubtaskId;
  /** Raised with every lease of a subtask, so that a host given up can't speak again. */
  readonly epoch: number;
  readonly digest: string;
  /** For engines that take no token ids. */
  readonly prompt: Prompt;
  readonly promptTokens: readonly number[];
  readonly resumedTokens: readonly number[];
  readonly sampling: Sampling;
  readonly cacheKey: string;
}

export type HostEvent =
  | { readonly kind: "delta"; readonly position: number; readonly tokens: readonly number[]; readonly text: string }
  | { readonly kind: "end"; readonly finishReason: "stop" | "length"; readonly statement: SignedStatement }
  /** The host gave up; `statement` of what it delivered before, where it could still make one. */
  | { readonly kind: "failed"; readonly code: string; readonly statement: SignedStatement | null };

/** A connected host. */
export interface HostLink extends PoolMember {
  readonly accountId: AccountId;
  readonly publicKey: PublicKey;
  /**
   * Ends with an `end` or a `failed` event, or throws: `host_lost`, or the signal's reason, at once, having told the
   * host to stop.
   */
  run(assignment: Assignment, signal: AbortSignal): AsyncIterable<HostEvent>;
}

export type Hosts = HostPool<HostLink>;

export interface DispatchPorts {
  readonly clock: Clock;
  readonly hosts: Hosts;
  readonly tokenizers: Tokenizers;
}

/** A guard model, where the operator runs one: judges `answer`, or, where there is none yet, all of the prompt. */
export type Guard = (prompt: readonly Message[], answer: string | null, signal: AbortSignal) => Promise<GuardVerdict>;

export interface Receipts {
  /** Durable once it resolves. */
  save(accountId: AccountId, receipt: SignedReceipt): Promise<void>;
}

/** All that the pipeline needs of the world. */
export interface Ports extends DispatchPorts {
  readonly log: Log;
  readonly catalogue: Catalogue;
  readonly books: Pick<Books, "check" | "hold" | "settle" | "release">;
  readonly receipts: Receipts;
  readonly networkKey: KeyPair;
  /** Keys the numbering of placeholders, so that it can't be foreseen. */
  readonly maskingKey: Uint8Array;
  /** What the operator wants masked besides, for those who call the network directly. */
  readonly ownWords: readonly string[];
  priceSheet(): Promise<PriceSheet>;
  policy(): Policy;
  readonly guard: Guard | null;
}
