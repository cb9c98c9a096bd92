import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import { type PriceBook, sheetAt } from "../../src/ledger/price-book.ts";
import type { BillingMode, PriceSheet } from "../../src/ledger/pricing.ts";
import { nanoUsd } from "../../src/money.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";

interface SheetRow {
  readonly version: bigint;
  readonly effective_from: bigint;
  readonly billing: BillingMode;
  readonly per_100k_tokens: bigint;
  readonly host_share_basis_points: bigint;
  readonly host_subscription: bigint;
  readonly grace_days: bigint;
}

/** Price sheets on SQLite. */
export function openPrices(database: Database, clock: Clock): PriceBook {
  const select: Statement<[], SheetRow> = database.connection.prepare("SELECT * FROM price_sheets ORDER BY version");
  const insert: Statement<[bigint, bigint, BillingMode, bigint, bigint, bigint, bigint]> = database.connection.prepare(
    "INSERT INTO price_sheets VALUES (?, ?, ?, ?, ?, ?, ?)",
  );

  function list(): readonly PriceSheet[] {
    return select.all().map(sheetOf);
  }

  function add(sheet: Omit<PriceSheet, "version">): PriceSheet {
    const last = list().at(-1);
    if (last !== undefined && sheet.effectiveFrom < last.effectiveFrom) {
      const date = new Date(last.effectiveFrom).toISOString();
      throw new PeerError(
        "conflict",
        `Price version ${last.version} applies from ${date}; the next can't come before.`,
        { hint: `Say from when with --from ${date} or later.` },
      );
    }
    const version = (last?.version ?? 0) + 1;
    insert.run(
      BigInt(version),
      BigInt(sheet.effectiveFrom),
      sheet.billing,
      sheet.per100kTokens,
      BigInt(sheet.hostShareBasisPoints),
      sheet.hostSubscription,
      BigInt(sheet.graceDays),
    );
    return { ...sheet, version };
  }

  return {
    current: async () => {
      const sheet = sheetAt(list(), clock.now());
      if (sheet === null) throw new PeerError("not_found", "This network has no price sheet yet.");
      return sheet;
    },
    add: (sheet) => database.durably(() => add(sheet)),
    list: async () => list(),
  };
}

function sheetOf(row: SheetRow): PriceSheet {
  return {
    version: Number(row.version),
    effectiveFrom: Number(row.effective_from),
    billing: row.billing,
    per100kTokens: nanoUsd(row.per_100k_tokens),
    hostShareBasisPoints: Number(row.host_share_basis_points),
    hostSubscription: nanoUsd(row.host_subscription),
    graceDays: Number(row.grace_days),
  };
}
