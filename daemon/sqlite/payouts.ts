import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import { type AccountId, newId, type PayoutId, type TransferId } from "../../src/ids.ts";
import { ownedAccount } from "../../src/ledger/account.ts";
import {
  type Dues,
  type Payout,
  type PayoutSettings,
  type PayoutState,
  type PayoutStore,
  payoutOutcome,
  payoutParts,
  postTransfer,
  reserveTransfer,
  returnTransfer,
  type SetOff,
  setOffTransfer,
  voidTransfer,
} from "../../src/ledger/payout.ts";
import { addUsd, formatUsd, type NanoUsd, nanoUsd, subtractUsd, sumUsd, zeroUsd } from "../../src/money.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";
import { newLedgerWriter } from "./ledger-writer.ts";

interface SettingsRow {
  readonly receiver: string;
  readonly receiver_type: PayoutSettings["receiverType"];
  readonly threshold: bigint;
}

interface PayoutRow {
  readonly id: PayoutId;
  readonly account_id: AccountId;
  readonly host_part: bigint;
  readonly producer_part: bigint;
  readonly receiver: string;
  readonly receiver_type: PayoutSettings["receiverType"];
  readonly batch_id: string;
  readonly state: PayoutState;
  readonly paypal_batch_id: string | null;
  readonly paypal_item_id: string | null;
  readonly paypal_status: string | null;
  readonly fee: bigint | null;
  readonly created_at: bigint;
  readonly updated_at: bigint;
}

interface DebtRow {
  readonly id: TransferId;
  readonly amount: bigint;
  readonly at: bigint;
}

/** What moved an account's debt, the last first. */
const debtEntries = `SELECT transfers.id, entries.amount, transfers.at FROM ledger_accounts
  JOIN entries ON entries.account = ledger_accounts.id JOIN transfers ON transfers.sequence = entries.transfer
  WHERE ledger_accounts.owner = ? AND ledger_accounts.kind = 'receivable'`;

/** Payouts on SQLite: record and transfer are written together. */
export function openPayouts(database: Database, clock: Clock): PayoutStore {
  const { connection } = database;
  const ledger = newLedgerWriter(connection);
  const upsertSettings: Statement<[AccountId, string, string, bigint]> = connection.prepare(
    `INSERT INTO payout_settings VALUES (?, ?, ?, ?) ON CONFLICT (account_id) DO UPDATE
     SET receiver = excluded.receiver, receiver_type = excluded.receiver_type, threshold = excluded.threshold`,
  );
  const selectSettings: Statement<[AccountId], SettingsRow> = connection.prepare(
    "SELECT * FROM payout_settings WHERE account_id = ?",
  );
  const selectDue: Statement<[], { account_id: AccountId }> = connection.prepare(
    `SELECT account_id FROM payout_settings JOIN ledger_accounts ON owner = account_id
     WHERE kind IN ('host-payable', 'producer-payable') GROUP BY account_id HAVING sum(balance) >= max(threshold)`,
  );
  const selectOwing: Statement<[], { owner: AccountId }> = connection.prepare(
    `SELECT DISTINCT debt.owner FROM ledger_accounts AS debt JOIN ledger_accounts AS earned ON earned.owner = debt.owner
     WHERE debt.kind = 'receivable' AND debt.balance < 0
       AND earned.kind IN ('host-payable', 'producer-payable') AND earned.balance > 0`,
  );
  const selectDebt: Statement<[AccountId], DebtRow> = connection.prepare(
    `${debtEntries} ORDER BY entries.transfer DESC LIMIT 1`,
  );
  const selectSetOffs: Statement<[AccountId, bigint], DebtRow> = connection.prepare(
    `${debtEntries} AND transfers.kind = 'set-off' ORDER BY entries.transfer DESC LIMIT ?`,
  );
  const insert: Statement<[PayoutId, AccountId, bigint, bigint, string, string, string, bigint, bigint]> =
    connection.prepare(
      `INSERT INTO payouts (id, account_id, host_part, producer_part, receiver, receiver_type, batch_id, state,
         created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'reserved', ?, ?)`,
    );
  const select: Statement<[PayoutId], PayoutRow> = connection.prepare("SELECT * FROM payouts WHERE id = ?");
  const takeOpen: Statement<[bigint, bigint], PayoutRow> = connection.prepare(
    `UPDATE payouts SET updated_at = ? WHERE id IN (
       SELECT id FROM payouts WHERE state IN ('reserved', 'sent') ORDER BY updated_at LIMIT ?
     ) RETURNING *`,
  );
  const selectOf: Statement<[AccountId, bigint], PayoutRow> = connection.prepare(
    "SELECT * FROM payouts WHERE account_id = ? ORDER BY created_at DESC, rowid DESC LIMIT ?",
  );
  const selectPaid: Statement<[AccountId], { paid: bigint | null }> = connection.prepare(
    "SELECT sum(host_part + producer_part) AS paid FROM payouts WHERE account_id = ? AND state = 'paid'",
  );
  const update: Statement<[PayoutState, string | null, string | null, string | null, bigint | null, bigint, PayoutId]> =
    connection.prepare(
      `UPDATE payouts SET state = ?, paypal_batch_id = ?, paypal_item_id = ?, paypal_status = ?, fee = ?, updated_at = ?
     WHERE id = ?`,
    );

  function settings(accountId: AccountId): PayoutSettings | null {
    const row = selectSettings.get(accountId);
    if (row === undefined) return null;
    return { receiver: row.receiver, receiverType: row.receiver_type, threshold: nanoUsd(row.threshold) };
  }

  function require(id: PayoutId): Payout {
    const row = select.get(id);
    if (row === undefined) throw new PeerError("not_found", `There is no payout ${id} on this network.`);
    return payoutOf(row);
  }

  function change(id: PayoutId, changes: Partial<Payout>): Payout {
    const next = { ...require(id), ...changes, updatedAt: clock.now() };
    const { state, paypalBatchId, paypalItemId, paypalStatus, fee, updatedAt } = next;
    update.run(state, paypalBatchId, paypalItemId, paypalStatus, fee, BigInt(updatedAt), id);
    return next;
  }

  function duesOf(accountId: AccountId): Dues {
    return {
      hostPayable: ledger.balance(ownedAccount("host-payable", accountId)),
      producerPayable: ledger.balance(ownedAccount("producer-payable", accountId)),
      owed: ledger.balance(ownedAccount("receivable", accountId)),
    };
  }

  function setOff(accountId: AccountId): NanoUsd {
    const dues = duesOf(accountId);
    const debt = dues.owed === 0n ? undefined : selectDebt.get(accountId);
    const transfer = debt === undefined ? null : setOffTransfer(accountId, dues, debt.id);
    if (transfer === null) return zeroUsd;
    ledger.post(transfer, clock.now());
    return subtractUsd(dues.owed, duesOf(accountId).owed);
  }

  /** Null where less than `least` is payable. */
  function reserve(accountId: AccountId, least: NanoUsd): Payout | null {
    const to = settings(accountId);
    if (to === null) {
      throw new PeerError("not_found", "Nobody said where to pay this account.", {
        hint: 'Say it with "peerllm payout settings --paypal you@example.com".',
      });
    }
    setOff(accountId);
    const { hostPayable, producerPayable } = duesOf(accountId);
    const { amount, hostPart, producerPart } = payoutParts(hostPayable, producerPayable);
    if (amount < least || amount === 0n) return null;
    const id = newId("payout");
    const now = BigInt(clock.now());
    insert.run(id, accountId, hostPart, producerPart, to.receiver, to.receiverType, `batch-${id}`, now, now);
    const payout = require(id);
    ledger.post(reserveTransfer(payout), clock.now());
    return payout;
  }

  function tooLittle(accountId: AccountId, least: NanoUsd): PeerError {
    const { hostPayable, producerPayable, owed } = duesOf(accountId);
    const payable = `$${formatUsd(addUsd(hostPayable, producerPayable))} is payable`;
    const debt = owed === 0n ? "" : `; $${formatUsd(owed)} is owed, which earnings pay first`;
    return new PeerError("conflict", `${payable}${debt}; a payout takes at least $${formatUsd(least)}.`);
  }

  function close(id: PayoutId, itemStatus: string, fee: NanoUsd): Payout {
    const payout = require(id);
    const outcome = payoutOutcome(itemStatus);
    const paypalStatus = itemStatus;
    if (outcome === "pending") {
      return payout.state === "paid" || payout.state === "returned" ? payout : change(id, { paypalStatus });
    }
    if (payout.state === outcome || payout.state === "returned") return payout;
    if (payout.state === "paid") {
      ledger.post(returnTransfer(payout), clock.now());
      return change(id, { state: "returned", paypalStatus });
    }
    ledger.post(outcome === "paid" ? postTransfer(payout, fee) : voidTransfer(payout, fee), clock.now());
    return change(id, { state: outcome, paypalStatus, fee });
  }

  return {
    settings: async (accountId) => settings(accountId),
    setSettings: (accountId, wanted) =>
      database.durably(() => {
        upsertSettings.run(accountId, wanted.receiver, wanted.receiverType, wanted.threshold);
        return wanted;
      }),
    due: async () => selectDue.all().map((row) => row.account_id),
    setOffAll: () => database.durably(() => sumUsd(selectOwing.all().map(({ owner }) => setOff(owner)))),
    setOffs: async (accountId, limit) => selectSetOffs.all(accountId, BigInt(limit)).map(setOffOf),
    reserve: async (accountId, least) => {
      const payout = await database.durably(() => reserve(accountId, least));
      if (payout === null) throw tooLittle(accountId, least);
      return payout;
    },
    sent: (id, { batchId, itemId, status }) =>
      database.durably(() => {
        const { state } = require(id);
        const next = state === "reserved" ? "sent" : state;
        return change(id, { state: next, paypalBatchId: batchId, paypalItemId: itemId, paypalStatus: status });
      }),
    close: (id, itemStatus, fee) => database.durably(() => close(id, itemStatus, fee)),
    find: async (id) => {
      const row = select.get(id);
      return row === undefined ? null : payoutOf(row);
    },
    open: (limit) => database.promptly(() => takeOpen.all(BigInt(clock.now()), BigInt(limit)).map(payoutOf)),
    list: async (accountId, limit) => selectOf.all(accountId, BigInt(limit)).map(payoutOf),
    paid: async (accountId) => nanoUsd(selectPaid.get(accountId)?.paid ?? 0n),
  };
}

function setOffOf({ id, amount, at }: DebtRow): SetOff {
  return { transferId: id, amount: nanoUsd(amount), at: Number(at) };
}

function payoutOf(row: PayoutRow): Payout {
  const [hostPart, producerPart] = [nanoUsd(row.host_part), nanoUsd(row.producer_part)];
  return {
    id: row.id,
    accountId: row.account_id,
    amount: addUsd(hostPart, producerPart),
    hostPart,
    producerPart,
    receiver: row.receiver,
    receiverType: row.receiver_type,
    batchId: row.batch_id,
    state: row.state,
    paypalBatchId: row.paypal_batch_id,
    paypalItemId: row.paypal_item_id,
    paypalStatus: row.paypal_status,
    fee: row.fee === null ? null : nanoUsd(row.fee),
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  };
}
