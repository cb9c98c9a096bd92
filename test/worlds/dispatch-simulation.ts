import type { AnswerEvent, AnswerRequest } from "../../src/chat/answer.ts";
import type { Prompt } from "../../src/chat/message.ts";
import { createStopScanner } from "../../src/chat/stop.ts";
import { isPeerError } from "../../src/errors.ts";
import { noBudget } from "../../src/identity/api-key.ts";
import { generateKeyPair } from "../../src/identity/key.ts";
import { newId } from "../../src/ids.ts";
import { firstPriceSheet, tokensOf } from "../../src/ledger/pricing.ts";
import { silentLog } from "../../src/log.ts";
import { zeroUsd } from "../../src/money.ts";
import { answer } from "../../src/pipeline/pipeline.ts";
import type { HostLink, Ports, Tokenizers } from "../../src/pipeline/ports.ts";
import { defaultPolicy } from "../../src/safety/policy.ts";
import { HostPool } from "../../src/scheduling/pool.ts";
import type { SignedReceipt } from "../../src/verification/receipt.ts";
import { verifyReceipt } from "../../src/verification/receipt.ts";
import { type Random, seeded } from "../chaos/random.ts";
import { MemoryBooks } from "./memory-books.ts";
import { type Fault, ScriptedHost, scriptedAnswer } from "./scripted-host.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface SimulationResult {
  readonly requests: number;
  readonly answered: number;
  readonly failed: number;
  readonly hungUp: number;
  readonly failovers: number;
  /** Hosts that gave up, and whose statement of what they delivered is in the receipt. */
  readonly lostWithStatement: number;
  /** What went wrong, in words; empty where every rule held. */
  readonly problems: readonly string[];
}

const digest = `sha256:${"ab".repeat(32)}`;
const model = { reference: "acme/scripted:1.0.0", digest, file: "", contextLength: 4_096 };
const creditNanos = 10n ** 12n;
/** What a request may fail with when its hosts are all bad. */
const excusable = [
  "host_unavailable",
  "host_lost",
  "deadline_exceeded",
  "upstream_failed",
  "protocol_violation",
  "queue_full",
  "cancelled",
] as const;

/**
 * One seeded schedule: a few hosts with faults, a dozen requests at once, some consumers that hang up, on a virtual
 * clock through the whole pipeline. What must hold whatever happens: an answer is the undisturbed one, to the letter;
 * what was charged is what was delivered, and all of it was paid out; no hold, slot or sequence is left.
 */
export async function simulateDispatch(seed: number): Promise<SimulationResult> {
  const random = seeded(seed);
  const clock = new VirtualClock();
  const books = new MemoryBooks(creditNanos);
  const receipts: SignedReceipt[] = [];
  const pool = new HostPool<HostLink>({ clock, queueMax: 64 });
  const hosts = makeHosts(random, clock, pool);
  for (const host of hosts) pool.join(host);
  const ports = makePorts(clock, pool, books, receipts);
  const problems: string[] = [];
  const counts = { answered: 0, failed: 0, hungUp: 0 };
  const requests = 4 + random.below(10);
  const work = Array.from({ length: requests }, (_, index) => ask(index, random, ports, clock, problems, counts));
  await clock.until(Promise.all(work));
  await clock.until(clock.sleep(600_000, new AbortController().signal));

  if (books.open.size > 0) problems.push(`${books.open.size} holds were left open`);
  if (books.charged !== books.paidToHosts + books.paidToNetwork) problems.push("charged is not what was paid out");
  if (books.credit + books.charged !== creditNanos) problems.push("credit was lost or made");
  const billed = books.settlements.flatMap(({ subtasks }) => subtasks).reduce((sum, usage) => sum + tokensOf(usage), 0);
  if (books.charged !== BigInt(billed) * 10_000n) problems.push("charged is not the price of the tokens billed");
  for (const host of hosts) {
    if (host.running > 0) problems.push(`${host.running} sequences of a host were left running`);
    if (pool.activeSubtasksOf(host.hostId) > 0) problems.push("a slot was left taken");
  }
  if (pool.queueLength() > 0) problems.push("a ticket was left in the queue");
  for (const receipt of receipts) verifyReceipt(receipt);
  const failovers = receipts.reduce((sum, { receipt }) => sum + receipt.failovers, 0);
  const legs = receipts.flatMap(({ receipt }) => receipt.subtasks.flatMap((subtask) => subtask.legs));
  const lostWithStatement = legs.filter(({ outcome, statement }) => outcome === "lost" && statement !== null).length;
  return { requests, ...counts, failovers, lostWithStatement, problems };
}

async function ask(
  index: number,
  random: Random,
  ports: Ports,
  clock: VirtualClock,
  problems: string[],
  counts: { answered: number; failed: number; hungUp: number },
): Promise<void> {
  const text = `what is ${index} plus ${random.below(1_000)}`;
  const hangsUpAfter = random.below(5) === 0 ? random.below(300) : null;
  await clock.sleep(random.below(500), new AbortController().signal);
  const expected = String.fromCharCode(...scriptedAnswer(tokensOfText(text)));
  const hangUp = new AbortController();
  let heard = "";
  try {
    const caller = { accountId: newId("account"), apiKeyId: newId("key"), budget: noBudget };
    if (hangsUpAfter !== null) {
      clock.sleep(hangsUpAfter, hangUp.signal).then(
        () => hangUp.abort(new DOMException("hung up", "AbortError")),
        () => "answered before",
      );
    }
    for await (const event of answer(requestOf(text), caller, ports, hangUp.signal)) heard += textOf(event);
    counts.answered += 1;
    if (heard !== expected) problems.push(`request ${index} heard "${heard}" instead of "${expected}"`);
  } catch (error) {
    if (!expected.startsWith(heard)) problems.push(`request ${index} heard "${heard}", no part of "${expected}"`);
    if (hangUp.signal.aborted) counts.hungUp += 1;
    else counts.failed += 1;
    const isExcused = hangUp.signal.aborted || excusable.some((code) => isPeerError(error, code));
    if (!isExcused) problems.push(`request ${index} failed: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    hangUp.abort();
  }
}

function makeHosts(random: Random, clock: VirtualClock, hosts: HostPool<HostLink>): ScriptedHost[] {
  return Array.from({ length: 2 + random.below(4) }, (_, index) => {
    const faults = Array.from({ length: 6 }, () => makeFault(random));
    return new ScriptedHost({
      clock,
      hosts,
      digest,
      owner: `owner ${index % 3}`,
      sequences: 1 + random.below(4),
      tokenMs: 5 + random.below(60),
      faultOf: (lease) => faults[lease] ?? { kind: "none" },
      returnsAfterMs: random.below(3) === 0 ? null : random.below(10_000),
    });
  });
}

function makeFault(random: Random): Fault {
  const atToken = random.below(12);
  const faults: readonly Fault[] = [
    { kind: "none" },
    { kind: "none" },
    { kind: "none" },
    { kind: "dies", atToken },
    { kind: "stalls", atToken },
    { kind: "repeats", atToken },
    { kind: "skips", atToken },
    { kind: "overcounts" },
    { kind: "gives-up", atToken },
    { kind: "trickles", tokenMs: 3_900 },
    { kind: "starts-late", delayMs: random.below(20_000) },
    { kind: "refuses" },
    { kind: "dies-late", delayMs: random.below(20_000) },
    { kind: "invents", atToken },
    { kind: "declines" },
  ];
  return random.pick(faults);
}

function makePorts(
  clock: VirtualClock,
  hosts: HostPool<HostLink>,
  books: MemoryBooks,
  receipts: SignedReceipt[],
): Ports {
  const sheet = firstPriceSheet("credits", 0);
  const producer = newId("account");
  return {
    clock,
    hosts,
    log: silentLog,
    tokenizers: letterTokenizers,
    catalogue: { resolve: async () => ({ ...model, producer, royaltyPer100kTokens: zeroUsd }) },
    books,
    receipts: { save: async (_account, receipt) => void receipts.push(receipt) },
    networkKey: generateKeyPair(),
    maskingKey: new Uint8Array(32),
    ownWords: [],
    priceSheet: async () => sheet,
    policy: () => defaultPolicy,
    guard: null,
  };
}

/** A token a letter. */
export const letterTokenizers: Tokenizers = {
  vocabularySize: async () => 65_536,
  render: async (_file, prompt) => tokensOfText(textOfPrompt(prompt)),
  verbalise: async (_file, stop) => {
    const scanner = createStopScanner(stop);
    return {
      async push(tokens) {
        const texts: string[] = [];
        for (const token of tokens) {
          const { text, isStopped } = scanner.push(String.fromCharCode(token));
          texts.push(text);
          if (isStopped) return { texts, isStopped };
        }
        return { texts, isStopped: false };
      },
      flush: async () => scanner.flush(),
      close: () => {},
    };
  },
};

function textOfPrompt(prompt: Prompt): string {
  if (prompt.kind === "text") return prompt.text;
  if (prompt.kind === "chat") return prompt.messages.map(({ content }) => content).join("\n");
  return String.fromCharCode(...prompt.tokens);
}

function tokensOfText(text: string): number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}

function textOf(event: AnswerEvent): string {
  return event.kind === "delta" ? event.text : "";
}

function requestOf(text: string): AnswerRequest {
  return {
    model: model.reference,
    prompts: [{ kind: "chat", messages: [{ role: "user", content: text }] }],
    sampling: { temperature: 0, topP: 1, seed: 1, maxTokens: 64, stop: [] },
    choices: 1,
    privacy: "standard",
    plan: "auto",
    isMasked: false,
    isWhole: false,
  };
}
