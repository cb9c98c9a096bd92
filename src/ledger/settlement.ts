import type { Usage } from "../chat/generation.ts";
import type { AccountId, HoldId, TransferId } from "../ids.ts";
import { addUsd, apportionUsd, minUsd, type NanoUsd, nanoUsd, subtractUsd, sumUsd, zeroUsd } from "../money.ts";
import { networkAccount, ownedAccount } from "./account.ts";
import {
  type HostShare,
  type PriceSheet,
  priceSubtask,
  type SubtaskPrice,
  type SubtaskUsage,
  sharePrice,
  tokensOf,
} from "./pricing.ts";
import { hashOfRequest, type Leg, netLegs, type Transfer } from "./transfer.ts";

/** What a request's work comes to, as the bill stage knows it. */
export interface Settlement {
  /** The sheet shown when the request was admitted. */
  readonly sheet: PriceSheet;
  readonly subtasks: readonly SubtaskUsage[];
  /** Most to charge besides the hold itself, or null. */
  readonly cap: SettlementCap | null;
  /** The receipt's id, or null. */
  readonly reference: string | null;
}

/** What a split is held to: its price, and the tokens billed for it, fewer than its subtasks worked on. */
export interface SettlementCap {
  readonly amount: NanoUsd;
  readonly usage: Usage;
}

/** An open hold as the books keep it. */
export interface Hold {
  readonly holdId: HoldId;
  readonly accountId: AccountId;
  readonly amount: NanoUsd;
}

export interface SettlementResult {
  readonly transferId: TransferId;
  /** What the consumer paid: the smaller of hold, cap and price. */
  readonly charged: NanoUsd;
  /** What the hold gave back. */
  readonly released: NanoUsd;
  readonly hosts: readonly HostShare[];
  readonly royalties: readonly { readonly producerId: AccountId; readonly amount: NanoUsd }[];
  readonly network: NanoUsd;
  readonly rounding: NanoUsd;
  readonly subtasks: readonly SubtaskPrice[];
  /** Tokens billed. */
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** Who gets what of a hold of `held`. Pure: the same hold and settlement give the same result. */
export function divideSettlement(held: NanoUsd, settlement: Settlement): Omit<SettlementResult, "transferId"> {
  const full = settlement.subtasks.map((usage) => priceSubtask(settlement.sheet, usage));
  const price = sumUsd(full.map((part) => addUsd(part.price, part.royalty)));
  const charged = minUsd(price, minUsd(held, settlement.cap?.amount ?? held));
  const subtasks = charged === price ? full : reduceTo(charged, settlement, full);
  return {
    charged,
    released: subtractUsd(held, charged),
    hosts: subtasks.flatMap((part) => part.hosts),
    royalties: settlement.subtasks.flatMap((usage, index) => {
      const amount = subtasks[index]?.royalty ?? zeroUsd;
      return usage.royalty === null || amount === 0n ? [] : [{ producerId: usage.royalty.producerId, amount }];
    }),
    network: sumUsd(subtasks.map((part) => part.network)),
    rounding: sumUsd(subtasks.map((part) => part.rounding)),
    subtasks,
    ...(settlement.cap?.usage ?? usageOf(settlement.subtasks)),
  };
}

/** Tokens that subtasks worked on, all of them. */
export function usageOf(subtasks: readonly SubtaskUsage[]): Usage {
  const promptTokens = subtasks.reduce((sum, usage) => sum + usage.promptTokens, 0);
  return { promptTokens, completionTokens: subtasks.reduce((sum, usage) => sum + tokensOf(usage), -promptTokens) };
}

/** The one balanced transfer of a settlement. `owed` is what the consumer owes the network; what is released pays it first. */
export function settlementTransfer(hold: Hold, settlement: Settlement, owed: NanoUsd): Transfer {
  const result = divideSettlement(hold.amount, settlement);
  const legs: Leg[] = [
    { account: ownedAccount("holds", hold.accountId), amount: nanoUsd(-hold.amount) },
    ...creditLegs(hold.accountId, result.released, owed),
    ...result.hosts.map(({ host, amount }) => ({ account: ownedAccount("host-payable", host.accountId), amount })),
    ...result.royalties.map(({ producerId, amount }) => ({
      account: ownedAccount("producer-payable", producerId),
      amount,
    })),
    { account: networkAccount("network-revenue"), amount: result.network },
    { account: networkAccount("rounding"), amount: result.rounding },
  ];
  return {
    kind: "settle",
    idempotencyKey: settlementKey(hold.holdId),
    requestHash: hashOfRequest(settlement),
    reference: settlement.reference,
    legs: netLegs(legs),
  };
}

export function settlementKey(holdId: HoldId): string {
  return `settle:${holdId}`;
}

/** Money for a consumer: what it owes is paid first, the rest is credit. */
export function creditLegs(accountId: AccountId, amount: NanoUsd, owed: NanoUsd): Leg[] {
  const repaid = minUsd(amount, owed);
  return [
    { account: ownedAccount("receivable", accountId), amount: repaid },
    { account: ownedAccount("consumer-credit", accountId), amount: subtractUsd(amount, repaid) },
  ];
}

/** Money taken back from a consumer: what credit does not cover becomes a receivable, so no balance falls below zero. */
export function debitLegs(accountId: AccountId, amount: NanoUsd, available: NanoUsd): Leg[] {
  const taken = minUsd(amount, available);
  return [
    { account: ownedAccount("consumer-credit", accountId), amount: nanoUsd(-taken) },
    { account: ownedAccount("receivable", accountId), amount: nanoUsd(taken - amount) },
  ];
}

/**
 * The same subtasks for less: `charged` in proportion to what each subtask's work and royalty would have cost, in steps
 * that the hosts' share divides, so that it stays exact. What is less than a step goes to the first part.
 */
function reduceTo(charged: NanoUsd, settlement: Settlement, full: readonly SubtaskPrice[]): SubtaskPrice[] {
  const weights = full.flatMap((part) => [part.price, part.royalty]);
  const step = 10_000n / greatestCommonDivisor(BigInt(settlement.sheet.hostShareBasisPoints), 10_000n);
  const rest = charged % step;
  const parts = apportionUsd(nanoUsd(charged / step), weights).map((steps, index) =>
    nanoUsd(steps * step + (index === 0 ? rest : 0n)),
  );
  return settlement.subtasks.map((usage, index) => ({
    ...sharePrice(settlement.sheet, usage, parts[2 * index] ?? zeroUsd),
    royalty: parts[2 * index + 1] ?? zeroUsd,
  }));
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommonDivisor(b, a % b);
}
