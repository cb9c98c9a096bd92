import type { Millis } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { AccountId, TransferId } from "../../src/ids.ts";
import { type LedgerAccount, ledgerAccountName, mayOverdraw, normalBalance } from "../../src/ledger/account.ts";
import { assertBalanced, netLegs, type Transfer, transferIdOf } from "../../src/ledger/transfer.ts";
import { type NanoUsd, nanoUsd } from "../../src/money.ts";
import type { Connection, Statement } from "./connection.ts";
import { isConstraintError } from "./sqlite-error.ts";

export interface Posted {
  readonly id: TransferId;
  /** False where the same transfer had been written before. */
  readonly isNew: boolean;
}

/** The only code that writes entries. Call it inside a write of the database. */
export interface LedgerWriter {
  /** Throws `conflict` for a key used for something else, or where an account would fall below zero. */
  post(transfer: Transfer, at: Millis): Posted;
  /** Seen from the account's normal side; zero for an account never used. */
  balance(account: LedgerAccount): NanoUsd;
  find(idempotencyKey: string): { readonly id: TransferId; readonly requestHash: string } | null;
}

export function newLedgerWriter(connection: Connection): LedgerWriter {
  const selectTransfer: Statement<[TransferId], { request_hash: string }> = connection.prepare(
    "SELECT request_hash FROM transfers WHERE id = ?",
  );
  const insertTransfer: Statement<[TransferId, string, string, string, string | null, bigint]> = connection.prepare(
    "INSERT INTO transfers (id, kind, idempotency_key, request_hash, reference, at) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const moveBalance: Statement<[bigint, string, string], { id: bigint }> = connection.prepare(
    "UPDATE ledger_accounts SET balance = balance + ? WHERE kind = ? AND owner = ? RETURNING id",
  );
  const insertBalance: Statement<[string, string, bigint, bigint]> = connection.prepare(
    "INSERT INTO ledger_accounts (kind, owner, side, balance) VALUES (?, ?, ?, ?)",
  );
  const insertEntry: Statement<[bigint, bigint, bigint]> = connection.prepare(
    "INSERT INTO entries (transfer, account, amount) VALUES (?, ?, ?)",
  );
  const selectBalance: Statement<[string, string], { balance: bigint }> = connection.prepare(
    "SELECT balance FROM ledger_accounts WHERE kind = ? AND owner = ?",
  );

  function find(idempotencyKey: string) {
    const id = transferIdOf(idempotencyKey);
    const row = selectTransfer.get(id);
    return row === undefined ? null : { id, requestHash: row.request_hash };
  }

  function post(transfer: Transfer, at: Millis): Posted {
    const known = find(transfer.idempotencyKey);
    if (known !== null) return { id: requireSame(transfer, known), isNew: false };
    const legs = netLegs(transfer.legs);
    assertBalanced({ ...transfer, legs });
    const id = transferIdOf(transfer.idempotencyKey);
    const { kind, idempotencyKey, requestHash, reference } = transfer;
    const sequence = insertTransfer.run(id, kind, idempotencyKey, requestHash, reference, BigInt(at)).lastInsertRowid;
    for (const leg of legs) insertEntry.run(BigInt(sequence), move(leg.account, leg.amount), leg.amount);
    return { id, isNew: true };
  }

  function move(account: LedgerAccount, amount: NanoUsd): bigint {
    try {
      const moved = moveBalance.get(amount, account.kind, ownerText(account));
      if (moved !== undefined) return moved.id;
      const side = mayOverdraw(account.kind) ? 0n : normalBalance(account.kind, nanoUsd(1n));
      return BigInt(insertBalance.run(account.kind, ownerText(account), side, amount).lastInsertRowid);
    } catch (error) {
      if (!isConstraintError(error, "CHECK")) throw error;
      throw new PeerError("conflict", `${ledgerAccountName(account)} would fall below zero; nothing was written.`);
    }
  }

  function balance(account: LedgerAccount): NanoUsd {
    const row = selectBalance.get(account.kind, ownerText(account));
    return nanoUsd(normalBalance(account.kind, nanoUsd(row?.balance ?? 0n)));
  }

  return { post, balance, find };
}

/** How an owner is written in the books: the network's own accounts have the empty text. */
export function ownerText(account: LedgerAccount): AccountId | "" {
  return account.owner ?? "";
}

function requireSame(transfer: Transfer, known: { readonly id: TransferId; readonly requestHash: string }): TransferId {
  if (known.requestHash === transfer.requestHash) return known.id;
  throw new PeerError(
    "conflict",
    `"${transfer.idempotencyKey}" was recorded before with other content; a key names one fact.`,
  );
}
