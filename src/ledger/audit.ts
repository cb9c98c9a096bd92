import { type NanoUsd, nanoUsd, zeroUsd } from "../money.ts";
import { type LedgerAccountKind, mayOverdraw, normalBalance } from "./account.ts";
import type { TransferKind } from "./transfer.ts";

export interface AuditReport {
  readonly balanced: boolean;
  readonly transfers: number;
  readonly entries: number;
  readonly openHolds: number;
  /** What each kind of account holds, from its normal side. */
  readonly totals: Readonly<Partial<Record<LedgerAccountKind, NanoUsd>>>;
  /** What is wrong, in words; empty where the books balance. At most `problemsMax`. */
  readonly problems: readonly string[];
}

/** One entry as the books hold it, in the order written; `transfer` counts upwards. */
export interface AuditEntry {
  readonly transfer: number;
  readonly kind: TransferKind;
  readonly accountKind: LedgerAccountKind;
  readonly owner: string;
  readonly amount: bigint;
}

/** What the books say beside their entries, to be proved from them. */
export interface AuditClaims {
  readonly balances: Iterable<{ readonly kind: LedgerAccountKind; readonly owner: string; readonly balance: bigint }>;
  readonly openHolds: readonly { readonly owner: string; readonly amount: bigint }[];
  /** Sums of the earnings rows per account. */
  readonly hostEarnings: ReadonlyMap<string, bigint>;
  readonly producerEarnings: ReadonlyMap<string, bigint>;
  /** Sums of the usage rows per account. */
  readonly charged: ReadonlyMap<string, bigint>;
  /** Open holds that a settlement or release names as closed. */
  readonly closedOpenHolds: readonly string[];
}

const problemsMax = 20;

/**
 * Adds up books from their first entry. Feed every entry in order, then `conclude` with what the books claim:
 * each transfer sums to zero, no account was ever below zero, recomputed balances are the stored ones, the holds account
 * is the sum of open holds, and earnings and usage are what settlements paid.
 */
export function newAudit() {
  const balances = new Map<string, { kind: LedgerAccountKind; owner: string; sum: bigint }>();
  const hostEarnings = new Map<string, bigint>();
  const producerEarnings = new Map<string, bigint>();
  const charged = new Map<string, bigint>();
  const problems: string[] = [];
  let transfers = 0;
  let entries = 0;
  let current = { transfer: 0, sum: 0n };

  function report(problem: string): void {
    if (problems.length < problemsMax) problems.push(problem);
  }

  function closeTransfer(): void {
    if (current.sum !== 0n) report(`Transfer ${current.transfer} is off balance by ${current.sum} nano-dollars.`);
  }

  function add(entry: AuditEntry): void {
    if (entry.transfer !== current.transfer) {
      closeTransfer();
      current = { transfer: entry.transfer, sum: 0n };
      transfers += 1;
    }
    current.sum += entry.amount;
    entries += 1;
    const name = `${entry.accountKind}:${entry.owner}`;
    const balance = balances.get(name) ?? { kind: entry.accountKind, owner: entry.owner, sum: 0n };
    balance.sum += entry.amount;
    balances.set(name, balance);
    if (!mayOverdraw(entry.accountKind) && normalBalance(entry.accountKind, nanoUsd(balance.sum)) < 0n) {
      report(`${name} fell below zero in transfer ${entry.transfer}.`);
    }
    if (entry.kind === "settle") addSettled(entry);
  }

  function addSettled(entry: AuditEntry): void {
    if (entry.accountKind === "host-payable") increase(hostEarnings, entry.owner, entry.amount);
    if (entry.accountKind === "producer-payable") increase(producerEarnings, entry.owner, entry.amount);
    if (consumerKinds.has(entry.accountKind)) increase(charged, entry.owner, -entry.amount);
  }

  function conclude(claims: AuditClaims): AuditReport {
    closeTransfer();
    const claimed = new Set<string>();
    for (const { kind, owner, balance } of claims.balances) {
      const name = `${kind}:${owner}`;
      claimed.add(name);
      const sum = balances.get(name)?.sum ?? 0n;
      if (sum !== balance) report(`${name} is kept as ${balance}, but its entries sum to ${sum}.`);
    }
    for (const name of balances.keys()) if (!claimed.has(name)) report(`${name} has entries but no balance.`);
    proveHolds(claims);
    proveSums("host earnings", hostEarnings, claims.hostEarnings);
    proveSums("royalties", producerEarnings, claims.producerEarnings);
    proveSums("usage", charged, claims.charged);
    const total = [...balances.values()].reduce((sum, balance) => sum + balance.sum, 0n);
    if (total !== 0n) report(`All accounts together sum to ${total}, not zero.`);
    return {
      balanced: problems.length === 0,
      transfers,
      entries,
      openHolds: claims.openHolds.length,
      totals: totalsByKind(balances.values()),
      problems,
    };
  }

  function proveHolds(claims: AuditClaims): void {
    const open = new Map<string, bigint>();
    for (const hold of claims.openHolds) increase(open, hold.owner, hold.amount);
    const held = new Map<string, bigint>();
    for (const { kind, owner, sum } of balances.values()) if (kind === "holds") held.set(owner, sum);
    proveSums("open holds", held, open);
    for (const holdId of claims.closedOpenHolds) report(`${holdId} was settled or released and is still open.`);
  }

  function proveSums(what: string, fromEntries: ReadonlyMap<string, bigint>, kept: ReadonlyMap<string, bigint>): void {
    for (const owner of new Set([...fromEntries.keys(), ...kept.keys()])) {
      const expected = fromEntries.get(owner) ?? 0n;
      const actual = kept.get(owner) ?? 0n;
      if (expected !== actual) report(`The ${what} of ${owner} are kept as ${actual}, but entries say ${expected}.`);
    }
  }

  return { add, conclude };
}

const consumerKinds: ReadonlySet<LedgerAccountKind> = new Set(["holds", "consumer-credit", "receivable"]);

function increase(sums: Map<string, bigint>, owner: string, amount: bigint): void {
  sums.set(owner, (sums.get(owner) ?? 0n) + amount);
}

function totalsByKind(
  balances: Iterable<{ readonly kind: LedgerAccountKind; readonly sum: bigint }>,
): Partial<Record<LedgerAccountKind, NanoUsd>> {
  const totals: Partial<Record<LedgerAccountKind, NanoUsd>> = {};
  for (const { kind, sum } of balances) {
    totals[kind] = nanoUsd((totals[kind] ?? zeroUsd) + normalBalance(kind, nanoUsd(sum)));
  }
  return totals;
}
