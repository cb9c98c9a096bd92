import { PeerError } from "../../src/errors.ts";
import { type HoldId, newId } from "../../src/ids.ts";
import type { Books, HoldRequest } from "../../src/ledger/books.ts";
import { divideSettlement, type Hold, type Settlement, settlementTransfer } from "../../src/ledger/settlement.ts";
import { transferIdOf } from "../../src/ledger/transfer.ts";
import { nanoUsd, zeroUsd } from "../../src/money.ts";

/** The part of the books that a request moves, in memory and in plain arithmetic; every transfer is checked to balance. */
export class MemoryBooks implements Pick<Books, "check" | "hold" | "settle" | "release"> {
  credit: bigint;
  charged = 0n;
  paidToHosts = 0n;
  paidToNetwork = 0n;
  readonly open = new Map<HoldId, Hold>();
  readonly settlements: Settlement[] = [];

  constructor(credit: bigint) {
    this.credit = credit;
  }

  async check({ amount }: Pick<HoldRequest, "amount">): Promise<void> {
    if (amount > this.credit) throw new PeerError("insufficient_quota", "Not enough credit.");
  }

  async hold({ accountId, amount }: HoldRequest): Promise<HoldId> {
    if (amount > this.credit) throw new PeerError("insufficient_quota", "Not enough credit.");
    const holdId = newId("hold");
    this.credit -= amount;
    this.open.set(holdId, { holdId, accountId, amount });
    return holdId;
  }

  async settle(holdId: HoldId, settlement: Settlement) {
    const hold = this.#take(holdId);
    const transfer = settlementTransfer(hold, settlement, zeroUsd);
    const sum = transfer.legs.reduce((total, leg) => total + leg.amount, 0n);
    if (sum !== 0n) throw new Error(`A settlement's legs sum to ${sum}.`);
    const result = divideSettlement(hold.amount, settlement);
    this.credit += result.released;
    this.charged += result.charged;
    this.paidToHosts += result.hosts.reduce((total, share) => total + share.amount, 0n);
    this.paidToNetwork += nanoUsd(result.network + result.rounding);
    this.settlements.push(settlement);
    return { ...result, transferId: transferIdOf(transfer.idempotencyKey) };
  }

  async release(holdId: HoldId): Promise<void> {
    const hold = this.open.get(holdId);
    if (hold === undefined) return;
    this.open.delete(holdId);
    this.credit += hold.amount;
  }

  #take(holdId: HoldId): Hold {
    const hold = this.open.get(holdId);
    if (hold === undefined) throw new Error(`Hold ${holdId} is not open.`);
    this.open.delete(holdId);
    return hold;
  }
}
