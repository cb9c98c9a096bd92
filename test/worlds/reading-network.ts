import type { AnswerEvent, AnswerRequest } from "../../src/chat/answer.ts";
import { systemClock } from "../../src/clock.ts";
import { noBudget } from "../../src/identity/api-key.ts";
import { generateKeyPair } from "../../src/identity/key.ts";
import { newId } from "../../src/ids.ts";
import { firstPriceSheet, type PriceSheet } from "../../src/ledger/pricing.ts";
import { silentLog } from "../../src/log.ts";
import { zeroUsd } from "../../src/money.ts";
import { answer } from "../../src/pipeline/pipeline.ts";
import type { Guard, HostLink, Ports, Tokenizers } from "../../src/pipeline/ports.ts";
import { defaultPolicy, type Policy } from "../../src/safety/policy.ts";
import { HostPool } from "../../src/scheduling/pool.ts";
import type { SignedReceipt } from "../../src/verification/receipt.ts";
import { letterTokenizers } from "./dispatch-simulation.ts";
import { MemoryBooks } from "./memory-books.ts";
import { type ReadingHost, readingDigest } from "./reading-host.ts";

export const creditNanos = 10n ** 12n;

/** A policy under which every text is uncertain, so that the guard is asked about each. */
export const doubtfulPolicy: Policy = {
  ...defaultPolicy,
  categories: { ...defaultPolicy.categories, harassment: { action: "escalate", escalateAt: 0, blockAt: 1 } },
};

export interface ReadingNetwork {
  readonly hosts: readonly ReadingHost[];
  readonly books: MemoryBooks;
  readonly receipts: readonly SignedReceipt[];
  ask(text: string, changes?: Partial<AnswerRequest>): AsyncGenerator<AnswerEvent, void, undefined>;
}

/** The whole pipeline over hosts that read out what they are given; a letter is a token, and costs 10,000 nano-dollars. */
export function readingNetwork(
  hosts: readonly ReadingHost[],
  options: {
    readonly guard?: Guard;
    readonly policy?: Policy;
    readonly ownWords?: readonly string[];
    readonly tokenizers?: Tokenizers;
    readonly priceSheet?: () => PriceSheet;
  } = {},
): ReadingNetwork {
  const books = new MemoryBooks(creditNanos);
  const receipts: SignedReceipt[] = [];
  const pool = new HostPool<HostLink>({ clock: systemClock, queueMax: 64 });
  for (const host of hosts) pool.join(host);
  const reference = "acme/reading:1.0.0";
  const model = { reference, digest: readingDigest, file: "", contextLength: 4_096, producer: newId("account") };
  const ports: Ports = {
    clock: systemClock,
    hosts: pool,
    log: silentLog,
    tokenizers: options.tokenizers ?? letterTokenizers,
    catalogue: { resolve: async () => ({ ...model, royaltyPer100kTokens: zeroUsd }) },
    books,
    receipts: { save: async (_account, receipt) => void receipts.push(receipt) },
    networkKey: generateKeyPair(),
    maskingKey: new Uint8Array(32),
    ownWords: options.ownWords ?? [],
    priceSheet: async () => options.priceSheet?.() ?? firstPriceSheet("credits", 0),
    policy: () => options.policy ?? defaultPolicy,
    guard: options.guard ?? null,
  };
  const caller = { accountId: newId("account"), apiKeyId: newId("key"), budget: noBudget };
  return {
    hosts,
    books,
    receipts,
    ask(text, changes = {}) {
      const request: AnswerRequest = {
        model: reference,
        prompts: [{ kind: "chat", messages: [{ role: "user", content: text }] }],
        sampling: { temperature: 0, topP: 1, seed: 1, maxTokens: 256, stop: [] },
        choices: 1,
        privacy: "standard",
        plan: "auto",
        isMasked: false,
        isWhole: false,
        ...changes,
      };
      return answer(request, caller, ports, new AbortController().signal);
    },
  };
}
