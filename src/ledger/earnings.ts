import type { Millis } from "../clock.ts";
import type { HostId } from "../ids.ts";
import { addUsd, mulDiv, type NanoUsd, zeroUsd } from "../money.ts";
import { type Day, dayOf, type EarningsRow } from "./books.ts";

export interface EarningsSummary {
  readonly today: NanoUsd;
  readonly month: NanoUsd;
  readonly allTime: NanoUsd;
  /** Most earned first. A producer's royalties are under no host. */
  readonly hosts: readonly { readonly hostId: HostId; readonly tokens: number; readonly amount: NanoUsd }[];
  readonly models: readonly { readonly model: string; readonly tokens: number; readonly amount: NanoUsd }[];
  /** The last 30 days, oldest first, idle ones included. */
  readonly days: readonly { readonly day: Day; readonly tokens: number; readonly amount: NanoUsd }[];
  /**
   * What this month comes to if its remaining days are like the last seven whole ones; null before there is a whole day.
   * An estimate, not a promise.
   */
  readonly monthEstimate: NanoUsd | null;
}

const dayMs = 86_400_000;
const chartDays = 30;
const estimateDays = 7;

/** Sums what an account earned; `rows` are all of them, to this day. */
export function summariseEarnings(rows: readonly EarningsRow[], now: Millis): EarningsSummary {
  const today = dayOf(now);
  const month = total(rows.filter((row) => row.day.startsWith(today.slice(0, 7))));
  return {
    today: total(rows.filter((row) => row.day === today)),
    month,
    allTime: total(rows),
    hosts: grouped(rows, (row) => row.hostId).map(([hostId, sums]) => ({ hostId, ...sums })),
    models: grouped(rows, (row) => row.model).map(([model, sums]) => ({ model, ...sums })),
    days: lastDays(rows, now),
    monthEstimate: estimate(rows, month, now),
  };
}

function estimate(rows: readonly EarningsRow[], month: NanoUsd, now: Millis): NanoUsd | null {
  const firstDay = rows.reduce<Day | null>((first, row) => (first === null || row.day < first ? row.day : first), null);
  const wholeDays = firstDay === null ? 0 : Math.floor((Date.parse(dayOf(now)) - Date.parse(firstDay)) / dayMs);
  const days = Math.min(estimateDays, wholeDays);
  if (days === 0) return null;
  const from = dayOf(now - days * dayMs);
  const recent = total(rows.filter((row) => row.day >= from && row.day < dayOf(now)));
  const date = new Date(now);
  const daysInMonth = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  return addUsd(month, mulDiv(recent, BigInt(daysInMonth - date.getUTCDate()), BigInt(days), "floor"));
}

function lastDays(rows: readonly EarningsRow[], now: Millis): EarningsSummary["days"] {
  const byDay = new Map(grouped(rows, (row) => row.day));
  return Array.from({ length: chartDays }, (_, index) => {
    const day = dayOf(now - (chartDays - 1 - index) * dayMs);
    return { day, ...(byDay.get(day) ?? { tokens: 0, amount: zeroUsd }) };
  });
}

interface Sums {
  readonly tokens: number;
  readonly amount: NanoUsd;
}

/** Sums per key, the largest amount first; rows without a key are left out. */
function grouped<Key>(rows: readonly EarningsRow[], keyOf: (row: EarningsRow) => Key | null): [Key, Sums][] {
  const groups = new Map<Key, Sums>();
  for (const row of rows) {
    const key = keyOf(row);
    if (key === null) continue;
    const sums = groups.get(key) ?? { tokens: 0, amount: zeroUsd };
    groups.set(key, { tokens: sums.tokens + row.tokens, amount: addUsd(sums.amount, row.amount) });
  }
  return [...groups].sort(([, a], [, b]) => (a.amount === b.amount ? 0 : a.amount > b.amount ? -1 : 1));
}

function total(rows: readonly EarningsRow[]): NanoUsd {
  return addUsd(...rows.map((row) => row.amount));
}
