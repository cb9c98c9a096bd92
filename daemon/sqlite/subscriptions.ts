import type { Clock, Millis } from "../../src/clock.ts";
import { isPeerError, PeerError } from "../../src/errors.ts";
import type { AccountId, HostId, SubscriptionId } from "../../src/ids.ts";
import { ownedAccount } from "../../src/ledger/account.ts";
import {
  creditSaleTransfer,
  type ModelPurpose,
  payeeOf,
  type Receipt,
  receivedTransfer,
  refundedAccount,
  refundedTransfer,
  requireCredit,
  saleOf,
} from "../../src/ledger/payment.ts";
import {
  monthAfter,
  monthBefore,
  type Subscription,
  type SubscriptionStatus,
  type SubscriptionStore,
} from "../../src/ledger/subscription.ts";
import { nanoUsd, zeroUsd } from "../../src/money.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";
import { newLedgerWriter } from "./ledger-writer.ts";
import { parsePurpose } from "./payments.ts";
import { newSalesWriter } from "./sales.ts";

interface SubscriptionRow {
  readonly id: SubscriptionId;
  readonly account_id: AccountId;
  readonly purpose: string;
  readonly monthly: bigint;
  readonly status: SubscriptionStatus;
  readonly funding: Subscription["funding"];
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
  const recordSale = newSalesWriter(connection);
  const insert: Statement<
    [SubscriptionId, AccountId, string, HostId | null, bigint, Subscription["funding"], bigint, bigint]
  > = connection.prepare(
    `INSERT INTO subscriptions (id, account_id, purpose, host_id, monthly, funding, created_at, updated_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
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
  const selectOfModel: Statement<[AccountId, string], SubscriptionRow> = connection.prepare(
    `SELECT * FROM subscriptions WHERE account_id = ? AND model = ?
     ORDER BY paid_through DESC NULLS LAST, created_at DESC LIMIT 1`,
  );
  const selectLive: Statement<[AccountId, string], SubscriptionRow> = connection.prepare(
    `SELECT * FROM subscriptions WHERE account_id = ? AND model = ? AND status NOT IN ('CANCELLED', 'EXPIRED')
     ORDER BY paid_through DESC NULLS LAST, created_at LIMIT 1`,
  );
  const selectBegun: Statement<[AccountId, string, bigint], SubscriptionRow> = connection.prepare(
    `SELECT * FROM subscriptions WHERE account_id = ? AND purpose = ? AND (host_id IS NOT NULL OR monthly = ?)
       AND status NOT IN ('SUSPENDED', 'CANCELLED', 'EXPIRED')
     ORDER BY paid_through DESC NULLS LAST, created_at LIMIT 1`,
  );
  const selectDue: Statement<[bigint, bigint], SubscriptionRow> = connection.prepare(
    `SELECT * FROM subscriptions WHERE funding = 'credit' AND status = 'ACTIVE' AND paid_through <= ?
     ORDER BY paid_through LIMIT ?`,
  );
  const selectOfAccount: Statement<[AccountId], SubscriptionRow> = connection.prepare(
    "SELECT * FROM subscriptions WHERE account_id = ? ORDER BY created_at DESC, id",
  );
  const takeOpen: Statement<[bigint, bigint], SubscriptionRow> = connection.prepare(
    `UPDATE subscriptions SET updated_at = ? WHERE id IN (
       SELECT id FROM subscriptions WHERE status NOT IN ('CANCELLED', 'EXPIRED') AND funding = 'paypal'
       ORDER BY updated_at LIMIT ?
     ) RETURNING *`,
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

  function create({ id, accountId, purpose, monthly }: Parameters<SubscriptionStore["create"]>[0]): Subscription {
    const known =
      purpose.kind === "model"
        ? selectLive.get(accountId, purpose.model)
        : selectBegun.get(accountId, JSON.stringify(purpose), monthly);
    return known === undefined ? add({ id, accountId, purpose, monthly, funding: "paypal" }) : subscriptionOf(known);
  }

  function add(subscription: Pick<Subscription, "id" | "accountId" | "purpose" | "monthly" | "funding">): Subscription {
    const { id, accountId, purpose, monthly, funding } = subscription;
    const now = BigInt(clock.now());
    const hostId = purpose.kind === "host" ? purpose.hostId : null;
    insert.run(id, accountId, JSON.stringify(purpose), hostId, monthly, funding, now, now);
    return require(id);
  }

  function subscribeWithCredit(asked: Parameters<SubscriptionStore["subscribeWithCredit"]>[0]): Subscription {
    const { accountId, purpose } = asked;
    const live = found(selectLive.get(accountId, purpose.model));
    if (live?.status === "ACTIVE") return live;
    const last = found(selectOfModel.get(accountId, purpose.model));
    const isPaidFor = last?.funding === "credit" && clock.now() < (last.paidThrough ?? 0);
    return isPaidFor ? change(last.id, { status: "ACTIVE" }) : charge(add({ ...asked, funding: "credit" }), purpose);
  }

  /** One month from credit, under a key of that month. Months in which nobody could charge are not charged for later. */
  function charge({ id, accountId, monthly, paidThrough }: Subscription, purpose: ModelPurpose): Subscription {
    const now = clock.now();
    const receipt = { key: `month:${id}:${paidThrough ?? "first"}`, amount: monthly, fee: zeroUsd };
    requireCredit(monthly, {
      available: ledger.balance(ownedAccount("consumer-credit", accountId)),
      owed: ledger.balance(ownedAccount("receivable", accountId)),
    });
    const owed = ledger.balance(ownedAccount("receivable", purpose.producerId));
    ledger.post(creditSaleTransfer(accountId, purpose, receipt, owed), now);
    recordSale(saleOf(purpose, receipt, "month", now));
    return change(id, { status: "ACTIVE", paidThrough: monthAfter(now) });
  }

  function renew(id: SubscriptionId): Subscription {
    const subscription = require(id);
    const { purpose, status, funding, paidThrough } = subscription;
    const isDue = funding === "credit" && status === "ACTIVE" && (paidThrough ?? 0) <= clock.now();
    if (!isDue || purpose.kind !== "model") return subscription;
    try {
      return charge(subscription, purpose);
    } catch (error) {
      if (!isPeerError(error, "insufficient_quota") && !isPeerError(error, "payment_required")) throw error;
      return change(id, { status: "EXPIRED" });
    }
  }

  /** A month more, from the end of what is paid or from the payment, whichever is later. */
  function paid(id: SubscriptionId, receipt: Receipt, paidAt: Millis): Subscription {
    const { accountId, purpose, paidThrough } = require(id);
    const owed = ledger.balance(ownedAccount("receivable", payeeOf(accountId, purpose)));
    const { isNew } = ledger.post(receivedTransfer(accountId, purpose, receipt, owed), clock.now());
    if (!isNew) return require(id);
    recordSale(saleOf(purpose, receipt, "month", clock.now()));
    return change(id, { paidThrough: monthAfter(Math.max(paidAt, paidThrough ?? paidAt)) });
  }

  function refund(id: SubscriptionId, receipt: Receipt): Subscription {
    const { accountId, purpose, monthly, paidThrough } = require(id);
    const available = ledger.balance(refundedAccount(accountId, purpose));
    const { isNew } = ledger.post(refundedTransfer(accountId, purpose, receipt, { available }), clock.now());
    if (!isNew) return require(id);
    recordSale(saleOf(purpose, receipt, "refund", clock.now()));
    const isWholeMonth = receipt.amount >= monthly && paidThrough !== null;
    return isWholeMonth ? change(id, { paidThrough: monthBefore(paidThrough) }) : require(id);
  }

  function found(row: SubscriptionRow | undefined): Subscription | null {
    return row === undefined ? null : subscriptionOf(row);
  }

  return {
    create: (subscription) => database.durably(() => create(subscription)),
    subscribeWithCredit: (subscription) => database.durably(() => subscribeWithCredit(subscription)),
    due: async (limit) => selectDue.all(BigInt(clock.now()), BigInt(limit)).map(subscriptionOf),
    renew: (id) => database.durably(() => renew(id)),
    subscribed: (id, paypal) => database.durably(() => change(id, { ...paypal, status: "APPROVAL_PENDING" })),
    note: (id, status, outstanding) => database.durably(() => change(id, { status, outstanding })),
    paid: (id, receipt, paidAt) => database.durably(() => paid(id, receipt, paidAt)),
    refund: (id, receipt) => database.durably(() => refund(id, receipt)),
    find: async (id) => found(select.get(id)),
    findByPaypal: async (paypalId) => found(selectByPaypal.get(paypalId)),
    ofHost: async (hostId) => found(selectOfHost.get(hostId)),
    ofModel: async (accountId, model) => found(selectOfModel.get(accountId, model)),
    list: async (accountId) => selectOfAccount.all(accountId).map(subscriptionOf),
    open: (limit) => database.promptly(() => takeOpen.all(BigInt(clock.now()), BigInt(limit)).map(subscriptionOf)),
  };
}

function subscriptionOf(row: SubscriptionRow): Subscription {
  return {
    id: row.id,
    accountId: row.account_id,
    purpose: parsePurpose(row.purpose),
    monthly: nanoUsd(row.monthly),
    status: row.status,
    funding: row.funding,
    paypalId: row.paypal_id,
    approvalUrl: row.approval_url,
    paidThrough: row.paid_through === null ? null : Number(row.paid_through),
    outstanding: nanoUsd(row.outstanding),
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  };
}
