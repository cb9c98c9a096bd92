import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { AccountId, PaymentId } from "../../src/ids.ts";
import { ownedAccount } from "../../src/ledger/account.ts";
import {
  creditSaleTransfer,
  type Payment,
  type PaymentPurpose,
  type PaymentState,
  type PaymentStore,
  payeeOf,
  type Receipt,
  receivedTransfer,
  refundedAccount,
  refundedTransfer,
  requireCredit,
  saleOf,
} from "../../src/ledger/payment.ts";
import { addUsd, nanoUsd, subtractUsd, zeroUsd } from "../../src/money.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";
import { newLedgerWriter } from "./ledger-writer.ts";
import { newSalesWriter } from "./sales.ts";

interface PaymentRow {
  readonly id: PaymentId;
  readonly account_id: AccountId;
  readonly purpose: string;
  readonly amount: bigint;
  readonly state: PaymentState;
  readonly order_id: string | null;
  readonly approval_url: string | null;
  readonly capture_id: string | null;
  readonly refunded: bigint;
  readonly created_at: bigint;
  readonly updated_at: bigint;
}

/** Payments on SQLite: the order's record and its transfer are written together. */
export function openPayments(database: Database, clock: Clock): PaymentStore {
  const { connection } = database;
  const ledger = newLedgerWriter(connection);
  const recordSale = newSalesWriter(connection);
  const insert: Statement<[PaymentId, AccountId, string, bigint, bigint, bigint]> = connection.prepare(
    `INSERT INTO payments (id, account_id, purpose, amount, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO NOTHING`,
  );
  const select: Statement<[PaymentId], PaymentRow> = connection.prepare("SELECT * FROM payments WHERE id = ?");
  const selectByOrder: Statement<[string], PaymentRow> = connection.prepare(
    "SELECT * FROM payments WHERE order_id = ?",
  );
  const selectByCapture: Statement<[string], PaymentRow> = connection.prepare(
    "SELECT * FROM payments WHERE capture_id = ?",
  );
  const selectOfModel: Statement<[AccountId, string], PaymentRow> = connection.prepare(
    `SELECT * FROM payments WHERE account_id = ? AND model = ? AND state <> 'failed' AND refunded < amount
     ORDER BY state, created_at LIMIT 1`,
  );
  const takeOpen: Statement<[bigint, bigint], PaymentRow> = connection.prepare(
    `UPDATE payments SET updated_at = ? WHERE id IN (
       SELECT id FROM payments WHERE state = 'open' ORDER BY updated_at LIMIT ?
     ) RETURNING *`,
  );
  const update: Statement<[PaymentState, string | null, string | null, string | null, bigint, bigint, PaymentId]> =
    connection.prepare(
      `UPDATE payments SET state = ?, order_id = ?, approval_url = ?, capture_id = ?, refunded = ?, updated_at = ?
       WHERE id = ?`,
    );

  function require(id: PaymentId): Payment {
    const row = select.get(id);
    if (row === undefined) throw new PeerError("not_found", `There is no payment ${id} on this network.`);
    return paymentOf(row);
  }

  function change(id: PaymentId, changes: Partial<Payment>): Payment {
    const next = { ...require(id), ...changes, updatedAt: clock.now() };
    const { state, orderId, approvalUrl, captureId, refunded } = next;
    update.run(state, orderId, approvalUrl, captureId, refunded, BigInt(next.updatedAt), id);
    return next;
  }

  function create({ id, accountId, purpose, amount }: Parameters<PaymentStore["create"]>[0]): Payment {
    const known = purpose.kind === "model" ? selectOfModel.get(accountId, purpose.model) : undefined;
    if (known !== undefined) return paymentOf(known);
    const now = BigInt(clock.now());
    insert.run(id, accountId, JSON.stringify(purpose), amount, now, now);
    return require(id);
  }

  function buy({ id, accountId, purpose, amount }: Parameters<PaymentStore["buy"]>[0]): Payment {
    const known = ofModel(accountId, purpose.model);
    if (known !== null) return known;
    requireCredit(amount, {
      available: ledger.balance(ownedAccount("consumer-credit", accountId)),
      owed: ledger.balance(ownedAccount("receivable", accountId)),
    });
    const now = clock.now();
    const receipt = { key: `purchase:${id}`, amount, fee: zeroUsd };
    const owed = ledger.balance(ownedAccount("receivable", purpose.producerId));
    insert.run(id, accountId, JSON.stringify(purpose), amount, BigInt(now), BigInt(now));
    ledger.post(creditSaleTransfer(accountId, purpose, receipt, owed), now);
    recordSale(saleOf(purpose, receipt, "once", now));
    return change(id, { state: "completed" });
  }

  /** 'completed' sorts before 'open'. */
  function ofModel(accountId: AccountId, model: string): Payment | null {
    const row = selectOfModel.get(accountId, model);
    return row?.state === "completed" ? paymentOf(row) : null;
  }

  function complete(id: PaymentId, captureId: string, receipt: Receipt): Payment {
    const { accountId, purpose } = require(id);
    const owed = ledger.balance(ownedAccount("receivable", payeeOf(accountId, purpose)));
    const { isNew } = ledger.post(receivedTransfer(accountId, purpose, receipt, owed), clock.now());
    if (isNew) recordSale(saleOf(purpose, receipt, "once", clock.now()));
    return change(id, { state: "completed", captureId });
  }

  function refund(id: PaymentId, receipt: Receipt): Payment {
    const { accountId, purpose, refunded } = require(id);
    const available = ledger.balance(refundedAccount(accountId, purpose));
    const { isNew } = ledger.post(refundedTransfer(accountId, purpose, receipt, { available }), clock.now());
    if (!isNew) return require(id);
    recordSale(saleOf(purpose, receipt, "refund", clock.now()));
    return change(id, { refunded: addUsd(refunded, receipt.amount) });
  }

  function restore(id: PaymentId, receipt: Receipt): Payment {
    const { accountId, purpose, refunded } = require(id);
    const owed = ledger.balance(ownedAccount("receivable", payeeOf(accountId, purpose)));
    const { isNew } = ledger.post(receivedTransfer(accountId, purpose, receipt, owed), clock.now());
    if (!isNew) return require(id);
    recordSale(saleOf(purpose, receipt, "once", clock.now()));
    return change(id, { refunded: subtractUsd(refunded, receipt.amount) });
  }

  function found(row: PaymentRow | undefined): Payment | null {
    return row === undefined ? null : paymentOf(row);
  }

  return {
    create: (payment) => database.durably(() => create(payment)),
    buy: (payment) => database.durably(() => buy(payment)),
    ofModel: async (accountId, model) => ofModel(accountId, model),
    ordered: (id, order) => database.durably(() => change(id, order)),
    complete: (id, captureId, receipt) => database.durably(() => complete(id, captureId, receipt)),
    fail: (id) =>
      database.durably(() => (require(id).state === "open" ? change(id, { state: "failed" }) : require(id))),
    refund: (id, receipt) => database.durably(() => refund(id, receipt)),
    restore: (id, receipt) => database.durably(() => restore(id, receipt)),
    find: async (id) => found(select.get(id)),
    findByOrder: async (orderId) => found(selectByOrder.get(orderId)),
    findByCapture: async (captureId) => found(selectByCapture.get(captureId)),
    open: (limit) => database.promptly(() => takeOpen.all(BigInt(clock.now()), BigInt(limit)).map(paymentOf)),
  };
}

function paymentOf(row: PaymentRow): Payment {
  return {
    id: row.id,
    accountId: row.account_id,
    purpose: parsePurpose(row.purpose),
    amount: nanoUsd(row.amount),
    state: row.state,
    orderId: row.order_id,
    approvalUrl: row.approval_url,
    captureId: row.capture_id,
    refunded: nanoUsd(row.refunded),
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  };
}

/** What this module wrote. */
export function parsePurpose(json: string): PaymentPurpose {
  return JSON.parse(json);
}
