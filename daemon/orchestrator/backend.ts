import type { IncomingMessage } from "node:http";
import type { AnswerEvent, AnswerRequest, ModelListing } from "../../src/chat/answer.ts";
import { isPeerError, PeerError } from "../../src/errors.ts";
import type { Account, AccountStore } from "../../src/identity/account.ts";
import { type ApiKey, requireScope, type Scope } from "../../src/identity/api-key.ts";
import { answer } from "../../src/pipeline/pipeline.ts";
import type { Ports } from "../../src/pipeline/ports.ts";
import { moderationsOf } from "../../src/safety/moderation.ts";
import type { AnswerBackend } from "../http/openai-routes.ts";
import type { NetworkCatalogue } from "./catalogue.ts";
import { FairTokenizers } from "./fair-tokenizers.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { Vitals } from "./vitals.ts";
import { watchedBooks } from "./watched-books.ts";

/** A caller as its API key proved. */
export interface Member {
  readonly account: Account;
  readonly key: ApiKey;
}

/** Requests since the start. */
export interface Traffic {
  active: number;
  completed: number;
  failed: number;
  refused: number;
  promptTokens: number;
  completionTokens: number;
}

export interface NetworkBackendOptions {
  readonly accounts: AccountStore;
  readonly catalogue: NetworkCatalogue;
  readonly rateLimit: RateLimit;
  readonly ports: Ports;
  readonly traffic: Traffic;
  readonly vitals: Pick<Vitals, "firstText" | "requestCompleted">;
}

/** Whoever the bearer token proves, if its key may do what `scope` says. Throws `authentication_failed`, `permission_denied`. */
export async function authenticate(
  request: IncomingMessage,
  accounts: AccountStore,
  scope: Scope | null,
): Promise<Member> {
  const secret = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (secret === undefined) {
    throw new PeerError("authentication_failed", "No API key was sent. Send it as Authorization: Bearer <key>.", {
      hint: 'Make an account with "peerllm account create".',
    });
  }
  const member = await accounts.authenticate(secret);
  if (scope !== null) requireScope(member.key, scope);
  return member;
}

/** The pipeline behind OpenAI's surface. */
export function networkBackend(options: NetworkBackendOptions): AnswerBackend<Member> {
  const { accounts, catalogue, rateLimit, ports } = options;
  const tokenizers = new FairTokenizers(ports.tokenizers);
  return {
    authenticate: (request) => authenticate(request, accounts, "consume"),
    models: ({ account }): Promise<readonly ModelListing[]> => catalogue.listings(account.id),
    answer(request, member, signal) {
      const fair = { ...ports, tokenizers: tokenizers.of(member.account.id) };
      return countedAnswer(request, member, { ...options, ports: fair }, signal);
    },
    takeRequest: ({ key }) => rateLimit.takeRequest(key),
    moderate: (inputs, _caller, signal) => moderationsOf(inputs, ports.policy(), signal),
    limitHeaders: ({ key }) => rateLimit.headers(key),
  };
}

async function* countedAnswer(
  request: AnswerRequest,
  { account, key }: Member,
  { ports, rateLimit, traffic, vitals }: NetworkBackendOptions,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent, void, undefined> {
  traffic.active += 1;
  const arrivedAt = ports.clock.monotonic();
  let hasText = false;
  let isComplete = false;
  try {
    const caller = { accountId: account.id, apiKeyId: key.id, budget: key.budget };
    const books = watchedBooks(ports.books, ({ promptTokens, completionTokens }) =>
      rateLimit.takeTokens(key, promptTokens + completionTokens),
    );
    const counted = { ...ports, books };
    for await (const event of answer(request, caller, counted, signal)) {
      if (event.kind === "delta" && !hasText) {
        hasText = true;
        vitals.firstText(ports.clock.monotonic() - arrivedAt);
      }
      if (event.kind === "end") {
        vitals.requestCompleted();
        traffic.promptTokens += event.usage.promptTokens;
        traffic.completionTokens += event.usage.completionTokens;
        isComplete = true;
      }
      yield event;
    }
  } catch (error) {
    if (isPeerError(error, "content_refused")) traffic.refused += 1;
    throw error;
  } finally {
    traffic.active -= 1;
    if (isComplete) traffic.completed += 1;
    else traffic.failed += 1;
  }
}
