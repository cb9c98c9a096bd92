import { randomBytes } from "node:crypto";
import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import { hashOfSecret } from "../../src/identity/api-key.ts";
import { type AccountId, base32 } from "../../src/ids.ts";
import { networkAccount, ownedAccount } from "../../src/ledger/account.ts";
import type { CodeStore } from "../../src/ledger/code.ts";
import { creditLegs } from "../../src/ledger/settlement.ts";
import { hashOfRequest } from "../../src/ledger/transfer.ts";
import { nanoUsd } from "../../src/money.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";
import { newLedgerWriter } from "./ledger-writer.ts";

interface CodeRow {
  readonly amount: bigint;
  readonly redeemed_by: AccountId | null;
}

/** Redeem codes on SQLite, as hashes. */
export function openCodes(database: Database, clock: Clock): CodeStore {
  const { connection } = database;
  const ledger = newLedgerWriter(connection);
  const insert: Statement<[Buffer, bigint, bigint]> = connection.prepare(
    "INSERT INTO codes (hash, amount, created_at) VALUES (?, ?, ?)",
  );
  const select: Statement<[Buffer], CodeRow> = connection.prepare(
    "SELECT amount, redeemed_by FROM codes WHERE hash = ?",
  );
  const use: Statement<[AccountId, Buffer]> = connection.prepare("UPDATE codes SET redeemed_by = ? WHERE hash = ?");

  function redeem(code: string, accountId: AccountId) {
    const hash = hashOfSecret(code.trim().toLowerCase());
    const row = select.get(hash);
    if (row === undefined || (row.redeemed_by !== null && row.redeemed_by !== accountId)) {
      throw new PeerError("not_found", "This code is unknown, or was used.", { hint: "Check it for a typing error." });
    }
    const amount = nanoUsd(row.amount);
    const owed = ledger.balance(ownedAccount("receivable", accountId));
    const idempotencyKey = `code:${hash.toString("hex")}`;
    const { id } = ledger.post(
      {
        kind: "credit",
        idempotencyKey,
        requestHash: hashOfRequest({ idempotencyKey, accountId, amount }),
        reference: "redeemed code",
        legs: [
          { account: networkAccount("promotions"), amount: nanoUsd(-amount) },
          ...creditLegs(accountId, amount, owed),
        ],
      },
      clock.now(),
    );
    use.run(accountId, hash);
    return { transferId: id, amount };
  }

  return {
    create: (amount) =>
      database.durably(() => {
        const code = `code-${base32(randomBytes(15))}`;
        insert.run(hashOfSecret(code), amount, BigInt(clock.now()));
        return code;
      }),
    redeem: (code, accountId) => database.durably(() => redeem(code, accountId)),
  };
}
