import { createHash } from "node:crypto";
import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import { type AccountId, type ApiKeyId, type HoldId, idOfDigest, type TransferId } from "../../src/ids.ts";
import { networkAccount, ownedAccount } from "../../src/ledger/account.ts";
import { type Books, type Credit, dayOf, type HoldRequest } from "../../src/ledger/books.ts";
import {
  creditLegs,
  debitLegs,
  divideSettlement,
  type Hold,
  type Settlement,
  type SettlementResult,
  settlementKey,
  settlementTransfer,
} from "../../src/ledger/settlement.ts";
import { hashOfRequest, type Leg, type Transfer } from "../../src/ledger/transfer.ts";
import { addUsd, formatUsd, type NanoUsd, nanoUsd, subtractUsd, zeroUsd } from "../../src/money.ts";
import { auditBooks } from "./books-audit.ts";
import { newBooksReports } from "./books-reports.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";
import { newDaySums } from "./day-sums.ts";
import { newLedgerWriter } from "./ledger-writer.ts";

interface HoldRow {
  readonly id: HoldId;
  readonly account_id: AccountId;
  readonly api_key_id: ApiKeyId;
  readonly amount: bigint;
}

/** The books on SQLite. */
export function openBooks(database: Database, clock: Clock): Books {
  const { connection } = database;
  const ledger = newLedgerWriter(connection);
  const sums = newDaySums(connection);
  const reports = newBooksReports(connection);
  const insertHold: Statement<[HoldId, AccountId, ApiKeyId, bigint]> = connection.prepare(
    "INSERT INTO open_holds (id, account_id, api_key_id, amount) VALUES (?, ?, ?, ?)",
  );
  const selectHold: Statement<[HoldId], HoldRow> = connection.prepare("SELECT * FROM open_holds WHERE id = ?");
  const selectHolds: Statement<[], HoldRow> = connection.prepare("SELECT * FROM open_holds");
  const deleteHold: Statement<[HoldId]> = connection.prepare("DELETE FROM open_holds WHERE id = ?");
  const selectHeldByKey: Statement<[ApiKeyId], { held: bigint | null }> = connection.prepare(
    "SELECT sum(amount) AS held FROM open_holds WHERE api_key_id = ?",
  );

  function hold(request: HoldRequest): HoldId {
    const holdId = idOfDigest("hold", createHash("sha256").update(request.idempotencyKey).digest());
    const { accountId, apiKeyId, amount } = request;
    const transfer = holdTransfer(holdId, request);
    if (ledger.find(transfer.idempotencyKey) === null) requireCredit(request);
    if (ledger.post(transfer, clock.now()).isNew) insertHold.run(holdId, accountId, apiKeyId, amount);
    return holdId;
  }

  function requireCredit(request: Omit<HoldRequest, "idempotencyKey">): void {
    if (request.amount === 0n) return;
    const owed = ledger.balance(ownedAccount("receivable", request.accountId));
    if (owed > 0n) {
      throw new PeerError(
        "payment_required",
        `This account owes $${formatUsd(owed)} for a payment that was reversed.`,
        {
          hint: 'Pay it with "peerllm billing topup"; what is left over is credit.',
        },
      );
    }
    const available = ledger.balance(ownedAccount("consumer-credit", request.accountId));
    if (request.amount > available) {
      throw new PeerError(
        "insufficient_quota",
        `This request may cost $${formatUsd(request.amount)}, but $${formatUsd(available)} of credit is free.`,
        {
          hint: 'Lower max_tokens, or add credit with "peerllm billing redeem" or "peerllm billing topup"; an operator grants it too.',
        },
      );
    }
    requireBudget(request, "perDay", "day");
    requireBudget(request, "perMonth", "month");
  }

  function requireBudget(
    request: Omit<HoldRequest, "idempotencyKey">,
    limit: "perDay" | "perMonth",
    period: "day" | "month",
  ): void {
    const budget = request.budget[limit];
    if (budget === null) return;
    const today = dayOf(clock.now());
    const from = period === "day" ? today : `${today.slice(0, 7)}-01`;
    const spent = sums.spentByKey(request.accountId, request.apiKeyId, from);
    const held = nanoUsd(selectHeldByKey.get(request.apiKeyId)?.held ?? 0n);
    if (addUsd(spent, held, request.amount) <= budget) return;
    throw new PeerError(
      "insufficient_quota",
      `This API key may spend $${formatUsd(budget)} a ${period}; $${formatUsd(addUsd(spent, held))} is spent or held.`,
      { hint: "Use a key with a larger budget, or wait for the next one." },
    );
  }

  function settle(holdId: HoldId, settlement: Settlement): SettlementResult {
    const row = selectHold.get(holdId);
    if (row === undefined) return settledBefore(holdId, settlement);
    const open = holdOf(row);
    const owed = ledger.balance(ownedAccount("receivable", open.accountId));
    const { id } = ledger.post(settlementTransfer(open, settlement, owed), clock.now());
    deleteHold.run(holdId);
    const result = { transferId: id, ...divideSettlement(open.amount, settlement) };
    sums.add({ accountId: open.accountId, apiKeyId: row.api_key_id, settlement, result, day: dayOf(clock.now()) });
    return result;
  }

  /** The same settlement again: the same answer, worked out from the hold's own entry. */
  function settledBefore(holdId: HoldId, settlement: Settlement): SettlementResult {
    const known = ledger.find(settlementKey(holdId));
    if (known === null) throw new PeerError("conflict", `${holdId} is not open: it was released, or never placed.`);
    if (known.requestHash !== hashOfRequest(settlement)) {
      throw new PeerError("conflict", `${holdId} was settled before with other content.`);
    }
    return { transferId: known.id, ...divideSettlement(reports.heldAmount(holdId), settlement) };
  }

  function release(holdId: HoldId): void {
    const row = selectHold.get(holdId);
    if (row === undefined) return;
    const open = holdOf(row);
    const owed = ledger.balance(ownedAccount("receivable", open.accountId));
    ledger.post(releaseTransfer(open, owed), clock.now());
    deleteHold.run(holdId);
  }

  function releaseAll(): number {
    const open = selectHolds.all();
    for (const row of open) release(row.id);
    return open.length;
  }

  function credit(request: Credit) {
    const { accountId, amount } = request;
    const owed = ledger.balance(ownedAccount("receivable", accountId));
    const legs = [...creditLegs(accountId, amount, owed), ...sourceLegs(request)];
    return ledger.post(creditTransfer("credit", request, legs), clock.now()).id;
  }

  function reverseCredit(request: Credit) {
    const { accountId, amount } = request;
    const available = ledger.balance(ownedAccount("consumer-credit", accountId));
    const legs = [...debitLegs(accountId, amount, available), ...negated(sourceLegs(request))];
    return ledger.post(creditTransfer("credit-reversal", request, legs), clock.now()).id;
  }

  function reverseGrant(id: TransferId): { accountId: AccountId; amount: NanoUsd } {
    const entries = reports.transfer(id);
    const granted = entries.find(({ kind, account }) => kind === "credit" && account.kind === "promotions");
    const accountId = entries.find(({ account }) => account.owner !== null)?.account.owner;
    if (granted === undefined || accountId === undefined || accountId === null) {
      throw new PeerError("not_found", `These books have no grant ${id}.`, {
        hint: "Grants and redeemed codes are reversed; what PayPal paid is given back at PayPal.",
      });
    }
    const amount = nanoUsd(-granted.amount);
    const available = ledger.balance(ownedAccount("consumer-credit", accountId));
    ledger.post(reversalTransfer(id, accountId, amount, available), clock.now());
    return { accountId, amount };
  }

  return {
    hold: (request) => database.promptly(() => hold(request)),
    check: async (request) => requireCredit(request),
    settle: (holdId, settlement) => database.durably(() => settle(holdId, settlement)),
    release: (holdId) => database.promptly(() => release(holdId)),
    releaseAll: () => database.promptly(releaseAll),
    credit: (request) => database.durably(() => credit(request)),
    reverseCredit: (request) => database.durably(() => reverseCredit(request)),
    reverseGrant: (id) => database.durably(() => reverseGrant(id)),
    post: (transfer) => database.durably(() => ledger.post(transfer, clock.now()).id),
    balance: async (accountId) => ({
      available: ledger.balance(ownedAccount("consumer-credit", accountId)),
      held: ledger.balance(ownedAccount("holds", accountId)),
      owed: ledger.balance(ownedAccount("receivable", accountId)),
    }),
    balanceOf: async (account) => ledger.balance(account),
    transfer: async (id) => reports.transfer(id),
    entries: async (accountId, span) => reports.entries(accountId, span),
    creditAt: async (accountId, time) => reports.creditAt(accountId, time),
    earnings: async (accountId, from) => reports.earnings(accountId, from),
    usage: async (accountId, days, by) => reports.usage(accountId, days, by),
    settledOn: async (day) => reports.settledOn(day),
    audit: () => auditBooks(database),
  };
}

function holdOf(row: HoldRow): Hold {
  return { holdId: row.id, accountId: row.account_id, amount: nanoUsd(row.amount) };
}

function holdTransfer(holdId: HoldId, request: HoldRequest): Transfer {
  const { accountId, apiKeyId, amount } = request;
  return {
    kind: "hold",
    idempotencyKey: `hold:${holdId}`,
    requestHash: hashOfRequest({ accountId, apiKeyId, amount }),
    reference: null,
    legs: [
      { account: ownedAccount("consumer-credit", accountId), amount: nanoUsd(-amount) },
      { account: ownedAccount("holds", accountId), amount },
    ],
  };
}

function releaseTransfer(open: Hold, owed: NanoUsd): Transfer {
  return {
    kind: "release",
    idempotencyKey: `release:${open.holdId}`,
    requestHash: hashOfRequest({ holdId: open.holdId }),
    reference: null,
    legs: [
      { account: ownedAccount("holds", open.accountId), amount: nanoUsd(-open.amount) },
      ...creditLegs(open.accountId, open.amount, owed),
    ],
  };
}

function creditTransfer(kind: "credit" | "credit-reversal", request: Credit, legs: readonly Leg[]): Transfer {
  return {
    kind,
    idempotencyKey: request.idempotencyKey,
    requestHash: hashOfRequest(request),
    reference: request.reference,
    legs,
  };
}

/** Reversing twice is reversing once: the key is the grant's. */
function reversalTransfer(id: TransferId, accountId: AccountId, amount: NanoUsd, available: NanoUsd): Transfer {
  return {
    kind: "correction",
    idempotencyKey: `reversal:${id}`,
    requestHash: hashOfRequest({ id, accountId, amount }),
    reference: id,
    legs: [{ account: networkAccount("promotions"), amount }, ...debitLegs(accountId, amount, available)],
  };
}

/** Where the money came from: PayPal keeps its fee, and the network bears it. */
function sourceLegs({ source, amount }: Credit): Leg[] {
  if (source.kind === "promotion") return [{ account: networkAccount("promotions"), amount: nanoUsd(-amount) }];
  return [
    { account: networkAccount("paypal-clearing"), amount: subtractUsd(source.fee, amount) },
    { account: networkAccount("paypal-fees"), amount: nanoUsd(-source.fee) },
  ];
}

function negated(legs: readonly Leg[]): Leg[] {
  return legs.map(({ account, amount }) => ({ account, amount: subtractUsd(zeroUsd, amount) }));
}
