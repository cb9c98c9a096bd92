import { callDaemon } from "../../src/client/control.ts";
import { createUpstream } from "../../src/client/upstream.ts";
import { systemClock } from "../../src/clock.ts";
import { type ErrorCode, isPeerError } from "../../src/errors.ts";
import { networkMethods } from "../../src/protocol/control-methods.ts";
import { economyRoutes } from "../../src/protocol/economy-api.ts";
import type { EconomyNetwork, Person } from "./economy-network.ts";
import type { Random } from "./random.ts";

/** What the network said has happened, and must therefore never be lost. */
export type Told =
  | { readonly kind: "settled"; readonly receipt: string; readonly costUsd: string }
  | { readonly kind: "redeemed"; readonly code: string }
  | { readonly kind: "paid"; readonly paymentId: string }
  | { readonly kind: "subscribed"; readonly subscriptionId: string }
  | { readonly kind: "payout"; readonly payoutId: string };

/** Everybody at work on a network at once: answers streamed, and money moved at PayPal. */
export interface Load {
  readonly told: readonly Told[];
  /** What the network refused without a reason that a person would accept. */
  readonly problems: readonly string[];
  /** Resolves after so many answers, or dealings. */
  until(what: "answers" | "dealings", count: number): Promise<void>;
  /** Whatever fails from now on fails because the orchestrator is being killed. */
  doom(): void;
  /** Resolves once nobody is at work any more. */
  ended(): Promise<void>;
}

const answering = 6;
const dealing = 1;
const answerTokensMax = 16;
const topic = ["a fox", "a lighthouse", "a robot", "a river", "PeerLLM", "the moon"] as const;
/** What may be said to a consumer whose credit is used up, and of a PayPal that does not answer. */
const fair: readonly ErrorCode[] = ["insufficient_quota", "payment_required", "payment_failed", "upstream_failed"];

export function startLoad(network: EconomyNetwork, random: Random): Load {
  const told: Told[] = [];
  const problems: string[] = [];
  const counts = { answers: 0, dealings: 0 };
  const doomed = new AbortController();
  let changed: () => void = () => {};
  const count = (what: keyof typeof counts) => {
    counts[what] += 1;
    changed();
  };

  /** One thing after the other, until the orchestrator is gone. */
  async function work(what: keyof typeof counts, act: () => Promise<void>): Promise<void> {
    while (!doomed.signal.aborted) {
      try {
        await act();
      } catch (error) {
        if (doomed.signal.aborted) return;
        if (!isPeerError(error) || !fair.includes(error.code)) problems.push(`refused: ${String(error)}`);
      }
      count(what);
    }
  }

  const people = { network, random, tell: (each: Told) => told.push(each) };
  const acts = [topUp, topUp, buyModel, subscribe, redeem, requestPayout];
  const workers = [
    ...Array.from({ length: answering }, () => work("answers", () => ask(people))),
    ...Array.from({ length: dealing }, () => work("dealings", () => random.pick(acts)(people))),
  ];
  return {
    told,
    problems,
    until: (what, wanted) =>
      new Promise((resolve) => {
        changed = () => counts[what] >= wanted && resolve();
        changed();
      }),
    doom: () => doomed.abort(),
    ended: async () => void (await Promise.all(workers)),
  };
}

interface People {
  readonly network: EconomyNetwork;
  readonly random: Random;
  tell(what: Told): void;
}

const { signal } = new AbortController();

async function ask({ network, random, tell }: People): Promise<void> {
  const { url, apiKey } = random.pick(network.consumers).gateway;
  const content = `Tell me about ${random.pick(topic)}.`;
  const messages = [{ role: "user", content }];
  const body = { model: network.model, messages, max_tokens: 1 + random.below(answerTokensMax) };
  const upstream = createUpstream({ url, apiKey, clock: systemClock, retryMsMax: 0 });
  try {
    for await (const event of upstream.chat(body, signal)) {
      if (event.kind === "end" && event.summary !== null) tell({ kind: "settled", ...event.summary });
    }
  } finally {
    upstream.close();
  }
}

async function topUp({ network, random, tell }: People): Promise<void> {
  const consumer = random.pick(network.consumers);
  const usd = `${1 + random.below(50)}`;
  const { paymentId, approvalUrl } = await consumer.gateway.call(economyRoutes["billing-topup"], { usd }, signal);
  await approve(approvalUrl);
  if (random.below(4) > 0) await lookAfter(consumer, paymentId, tell);
}

async function buyModel({ network, random, tell }: People): Promise<void> {
  const consumer = random.pick(network.consumers);
  const [owner = "", name = ""] = network.model.split(/[/:]/);
  const purchase = await consumer.gateway.call(economyRoutes["model-buy"], {}, signal, { owner, name });
  await approve(purchase.approvalUrl);
  if (purchase.paymentId !== null) await lookAfter(consumer, purchase.paymentId, tell);
}

async function lookAfter({ gateway }: Person, paymentId: string, tell: People["tell"]): Promise<void> {
  const { state } = await gateway.call(economyRoutes["billing-payment"], {}, signal, { paymentId });
  if (state === "completed") tell({ kind: "paid", paymentId });
}

/** Credit every month. */
async function subscribe({ network, random, tell }: People): Promise<void> {
  const { gateway } = random.pick(network.consumers);
  const begun = await gateway.call(economyRoutes["subscription-begin"], { usd: "5" }, signal);
  tell({ kind: "subscribed", subscriptionId: begun.subscriptionId });
  await approve(begun.approvalUrl);
  await gateway.call(economyRoutes["subscription-show"], {}, signal, { subscriptionId: begun.subscriptionId });
}

async function redeem({ network, random, tell }: People): Promise<void> {
  const usd = `${1 + random.below(20)}`;
  const { code } = await callDaemon(network.operator, "network", networkMethods["code-create"], { usd }, signal);
  await random.pick(network.consumers).gateway.call(economyRoutes["billing-redeem"], { code }, signal);
  tell({ kind: "redeemed", code });
}

/** Of all that is payable, which may be too little. */
async function requestPayout({ network, random, tell }: People): Promise<void> {
  const { gateway } = random.pick(network.earners);
  try {
    const { payoutId } = await gateway.call(economyRoutes["payout-request"], {}, signal);
    tell({ kind: "payout", payoutId });
  } catch (error) {
    if (!isPeerError(error, "conflict")) throw error;
  }
}

/** Agrees on the approval page; what was agreed to before stays as it is. */
async function approve(approvalUrl: string | null): Promise<void> {
  if (approvalUrl !== null) await fetch(approvalUrl, { method: "POST" });
}
