import type { AnswerRequest } from "../chat/answer.ts";
import type { Usage } from "../chat/generation.ts";
import type { ReceiptId } from "../ids.ts";
import { type PaidHost, priceAtMost, type SubtaskUsage, splitTokensMax } from "../ledger/pricing.ts";
import { type SettlementResult, usageOf } from "../ledger/settlement.ts";
import { formatUsd, zeroUsd } from "../money.ts";
import type { Plan } from "../planning/plan.ts";
import type { Exposure } from "../scheduling/exposure.ts";
import { type Receipt, type SignedReceipt, signReceipt } from "../verification/receipt.ts";
import type { SubtaskRun } from "./4-dispatch.ts";
import type { Admission } from "./admission.ts";
import type { Metered } from "./piece.ts";
import type { Caller, Ports } from "./ports.ts";
import type { Leg } from "./relay.ts";

/** All that a bill is made of; it grows while the answer streams. */
export interface Billable {
  readonly admission: Admission;
  readonly receiptId: ReceiptId;
  readonly request: AnswerRequest;
  readonly plans: readonly Plan[];
  readonly runs: readonly SubtaskRun[];
  readonly exposure: Exposure;
  readonly masked: Readonly<Record<string, number>>;
  /** Tokens of the masked prompts, had none been split. */
  readonly singlePromptTokens: number;
  /** Answer tokens released to the consumer, by index of the run. */
  readonly releasedTokens: Map<number, number>;
}

export interface Bill {
  readonly usage: Usage;
  readonly receipt: SignedReceipt;
}

type BillPorts = Pick<Ports, "books" | "receipts" | "networkKey" | "clock">;

export function meterReleased(billable: Billable, metered: readonly Metered[]): void {
  for (const { run, tokens } of metered) {
    billable.releasedTokens.set(run, (billable.releasedTokens.get(run) ?? 0) + tokens);
  }
}

/**
 * Settles what the review released, and its prompts; gives the rest of the hold back. Durable before it resolves, and
 * so is the receipt. Takes no signal: what was answered is owed for, also by a consumer who hung up. Null where nothing
 * was released: then nothing is owed.
 */
export async function bill(billable: Billable, caller: Caller, ports: BillPorts): Promise<Bill | null> {
  const { admission, receiptId } = billable;
  const subtasks = billable.runs.flatMap((run, index) =>
    subtaskUsageOf(run, billable.releasedTokens.get(index), admission),
  );
  if (subtasks.length === 0) {
    await ports.books.release(admission.holdId);
    return null;
  }
  const worked = usageOf(subtasks);
  const { royaltyPer100kTokens } = admission.model;
  const isSplit = billable.plans.some((plan) => plan.subtasks.length > 1);
  const singleTokens = billable.singlePromptTokens + shownTokens(billable);
  const tokens = worked.promptTokens + worked.completionTokens;
  const billedTokens = isSplit ? Math.min(tokens, splitTokensMax(singleTokens)) : tokens;
  const usage = billedTokens < tokens ? usageWithin(worked, billedTokens) : worked;
  const amount = priceAtMost(admission.sheet, billedTokens, royaltyPer100kTokens);
  const cap = billedTokens < tokens ? { amount, usage } : null;
  const settlement = { sheet: admission.sheet, subtasks, cap, reference: receiptId };
  const result = await ports.books.settle(admission.holdId, settlement);
  const receipt = signReceipt(ports.networkKey, receiptOf(billable, usage, tokens, result, ports));
  await ports.receipts.save(caller.accountId, receipt);
  return { usage, receipt };
}

/** The same for fewer tokens: prompts are free first, then answers that only fed others. */
function usageWithin({ completionTokens }: Usage, tokens: number): Usage {
  const billed = Math.min(completionTokens, tokens);
  return { promptTokens: tokens - billed, completionTokens: billed };
}

/** Tokens of the answer that the consumer saw, had one host made it: what a hidden subtask made is not among them. */
function shownTokens({ runs, releasedTokens }: Billable): number {
  return runs.reduce((sum, { subtask }, index) => sum + (subtask.isShown ? (releasedTokens.get(index) ?? 0) : 0), 0);
}

/** One subtask's usage, or none where nothing of it was released. */
function subtaskUsageOf(run: SubtaskRun, released: number | undefined, admission: Admission): SubtaskUsage[] {
  const firstLeg =
    run.legs.find((leg) => leg.deliveredTokens > 0) ?? run.legs.find((leg) => leg.outcome === "finished");
  if (released === undefined || firstLeg === undefined) return [];
  const { producer, reference, royaltyPer100kTokens } = admission.model;
  return [
    {
      subtaskId: run.subtaskId,
      model: reference,
      royalty: royaltyPer100kTokens === zeroUsd ? null : { producerId: producer, per100kTokens: royaltyPer100kTokens },
      promptTokens: run.promptTokens,
      promptHost: paidHost(firstLeg),
      answers: answersOf(run.legs, released),
    },
  ];
}

/** Released tokens by the hosts that delivered them, in the order of delivery. */
function answersOf(legs: readonly Leg[], released: number): { host: PaidHost; tokens: number }[] {
  let left = released;
  return legs.flatMap((leg) => {
    const tokens = Math.min(left, leg.deliveredTokens);
    left -= tokens;
    return tokens === 0 ? [] : [{ host: paidHost(leg), tokens }];
  });
}

function paidHost({ link }: Leg): PaidHost {
  return { hostId: link.hostId, accountId: link.accountId };
}

/** `usedTokens`: those of the answer and of what it was made from, before the cap. */
function receiptOf(
  billable: Billable,
  usage: Usage,
  usedTokens: number,
  settled: SettlementResult,
  ports: BillPorts,
): Receipt {
  const { admission, request, runs, plans } = billable;
  const legs = runs.flatMap((run) => run.legs);
  const plan = plans.length === 1 ? plans[0] : undefined;
  return {
    version: 1,
    receiptId: billable.receiptId,
    requestId: admission.requestId,
    networkPublicKey: ports.networkKey.publicKey,
    issuedAt: new Date(ports.clock.now()).toISOString(),
    model: admission.model.reference,
    modelDigest: admission.model.digest,
    privacy: request.privacy,
    plan:
      plan === undefined
        ? { strategy: "batch", reason: `${plans.length} answers were asked for, each made alone.` }
        : { strategy: plan.strategy, reason: plan.reason },
    subtasks: runs.map((run, index) => ({ index, legs: run.legs.map((leg) => receiptLeg(leg, run.promptTokens)) })),
    masked: billable.masked,
    largestPromptShare: billable.exposure.largestShare(),
    largestAnswerShare: largestAnswerShare(legs),
    failovers: legs.filter((leg) => leg.outcome === "lost").length,
    usage,
    unbilled: {
      overCap: usedTokens - usage.promptTokens - usage.completionTokens,
      unused: workedTokens(runs) - usedTokens,
    },
    costUsd: formatUsd(settled.charged),
    transfer: settled.transferId,
  };
}

/** What hosts were sent and made, all of them. */
function workedTokens(runs: readonly SubtaskRun[]): number {
  const tokens = runs.map(({ promptTokens, legs }) =>
    legs.reduce((sum, { deliveredTokens }) => sum + promptTokens + deliveredTokens, 0),
  );
  return tokens.reduce((sum, each) => sum + each, 0);
}

function receiptLeg(leg: Leg, promptTokens: number): Receipt["subtasks"][number]["legs"][number] {
  return {
    hostId: leg.link.hostId,
    hostPublicKey: leg.link.publicKey,
    owner: leg.link.owner,
    epoch: leg.epoch,
    promptTokens,
    completionTokens: leg.deliveredTokens,
    reportsTokens: leg.reportsTokens,
    outcome: leg.outcome === "running" ? "cancelled" : leg.outcome,
    statement: leg.statement,
  };
}

function largestAnswerShare(legs: readonly Leg[]): number {
  const byOwner = new Map<string, number>();
  for (const { link, deliveredTokens } of legs)
    byOwner.set(link.owner, (byOwner.get(link.owner) ?? 0) + deliveredTokens);
  const total = [...byOwner.values()].reduce((sum, tokens) => sum + tokens, 0);
  return total === 0 ? 0 : Math.max(...byOwner.values()) / total;
}
