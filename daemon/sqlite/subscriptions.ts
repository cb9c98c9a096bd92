import type { Clock, Millis } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { AccountId, HostId, SubscriptionId } from "../../src/ids.ts";
import { ownedAccount } from "../../src/ledger/account.ts";
import { type Receipt, receivedTransfer, refundedAccount, refundedTransfer } from "../../src/ledger/payment.ts";
import {
  monthAfter,
  type Subscription,
  type SubscriptionStatus,
  type SubscriptionStore,
} from "../../src/ledger/subscription.ts";
import { nanoUsd } from "../../src/money.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";
import { newLedgerWriter } from "./ledger-writer.ts";
import { parsePurpose } from "./payments.ts";

interface SubscriptionRow {
  readonly id: SubscriptionId;
  readonly account_id: AccountId;
  readonly purpose: string;
  readonly monthly: bigint;
  readonly status: SubscriptionStatus;
  readonly paypal_id: string | null;
  readonly approval_url: string | null;
  readonly paid_through: bigint | null;
  readonly outstanding: bigint;
  readonly created_at: bigint;
  readonly updated_at: bigint;
}

/** Subscriptions on SQLite. */
export function openSubscriptions(database: Database, clock: Clock): SubscriptionStore {
  const { connection } = database;
  const ledger = newLedgerWriter(connection);
  const insert: Statement<[SubscriptionId, AccountId, string, HostId | null, bigint, bigint, bigint]> =
    connection.prepare(
      `INSERT INTO subscriptions (id, account_id, purpose, host_id, monthly, created_at, updated_at)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    );
  const select: Statement<[SubscriptionId], SubscriptionRow> = connection.prepare(
    "SELECT * FROM subscriptions WHERE id = ?",
  );
  const selectByPaypal: Statement<[string], SubscriptionRow> = connection.prepare(
    "SELECT * FROM subscriptions WHERE paypal_id = ?",
  );
  const selectOfHost: Statement<[HostId], SubscriptionRow> = connection.prepare(
    "SELECT * FROM subscriptions WHERE host_id = ? ORDER BY paid_through DESC NULLS LAST, created_at DESC LIMIT 1",
  );
  const selectOfAccount: Statement<[AccountId], SubscriptionRow> = connection.prepare(
    "SELECT * FROM subscriptions WHERE account_id = ? ORDER BY created_at DESC, id",
  );
  const selectOpen: Statement<[bigint], SubscriptionRow> = connection.prepare(
    "SELECT * FROM subscriptions WHERE status NOT IN ('CANCELLED', 'EXPIRED') ORDER BY updated_at LIMIT ?",
  );
  const update: Statement<
    [SubscriptionStatus, string | null, string | null, bigint | null, bigint, bigint, SubscriptionId]
  > = connection.prepare(
    `UPDATE subscriptions SET status = ?, paypal_id = ?, approval_url = ?, paid_through = ?, outstanding = ?,
       updated_at = ? WHERE id = ?`,
  );

  function require(id: SubscriptionId): Subscription {
    const row = select.get(id);
    if (row === undefined) throw new PeerError("not_found", `There is no subscription ${id} on this network.`);
    return subscriptionOf(row);
  }

  function change(id: SubscriptionId, changes: Partial<Subscription>): Subscription {
    const next = { ...require(id), ...changes, updatedAt: clock.now() };
    const { status, paypalId, approvalUrl, paidThrough, outstanding, updatedAt } = next;
    const through = paidThrough === null ? null : BigInt(paidThrough);
    update.run(status, paypalId, approvalUrl, through, outstanding, BigInt(updatedAt), id);
    return next;
  }

  /** A month more, from the end of what is paid or from the payment, whichever is later. */
  function paid(id: SubscriptionId, receipt: Receipt, paidAt: Millis): Subscription {
    const { accountId, purpose, paidThrough } = require(id);
    const owed = ledger.balance(ownedAccount("receivable", accountId));
    const { isNew } = ledger.post(receivedTransfer(accountId, purpose, receipt, owed), clock.now());
    if (!isNew) return require(id);
    return change(id, { paidThrough: monthAfter(Math.max(paidAt, paidThrough ?? paidAt)) });
  }

  function refund(id: SubscriptionId, receipt: Receipt): Subscription {
    const { accountId, purpose } = require(id);
    const available = ledger.balance(refundedAccount(accountId, purpose));
    ledger.post(refundedTransfer(accountId, purpose, receipt, { available }), clock.now());
    return require(id);
  }

  function found(row: SubscriptionRow | undefined): Subscription | null {
    return row === undefined ? null : subscriptionOf(row);
  }

  return {
    create: ({ id, accountId, purpose, monthly }) =>
      database.durably(() => {
        const now = BigInt(clock.now());
        const hostId = purpose.kind === "host" ? purpose.hostId : null;
        insert.run(id, accountId, JSON.stringify(purpose), hostId, monthly, now, now);
        return require(id);
      }),
    subscribed: (id, paypal) => database.durably(() => change(id, { ...paypal, status: "APPROVAL_PENDING" })),
    note: (id, status, outstanding) => database.durably(() => change(id, { status, outstanding })),
    paid: (id, receipt, paidAt) => database.durably(() => paid(id, receipt, paidAt)),
    refund: (id, receipt) => database.durably(() => refund(id, receipt)),
    find: async (id) => found(select.get(id)),
    findByPaypal: async (paypalId) => found(selectByPaypal.get(paypalId)),
    ofHost: async (hostId) => found(selectOfHost.get(hostId)),
    list: async (accountId) => selectOfAccount.all(accountId).map(subscriptionOf),
    open: async (limit) => selectOpen.all(BigInt(limit)).map(subscriptionOf),
  };
}

function subscriptionOf(row: SubscriptionRow): Subscription {
  return {
    id: row.id,
    accountId: row.account_id,
    purpose: parsePurpose(row.purpose),
    monthly: nanoUsd(row.monthly),
    status: row.status,
    paypalId: row.paypal_id,
    approvalUrl: row.approval_url,
    paidThrough: row.paid_through === null ? null : Number(row.paid_through),
    outstanding: nanoUsd(row.outstanding),
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  };
}
