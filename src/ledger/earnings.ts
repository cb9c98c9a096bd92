import { dayMs, type Millis } from "../clock.ts";
import type { HostId } from "../ids.ts";
import { addUsd, mulDiv, type NanoUsd, sumUsd, zeroUsd } from "../money.ts";
import { type Day, dayOf, type Earned, type WorkEarnings } from "./books.ts";
import type { SalesDay } from "./sale.ts";

export interface EarningsSummary {
  readonly today: NanoUsd;
  readonly month: NanoUsd;
  readonly allTime: NanoUsd;
  /** Most earned first. A producer's royalties and sales are under no host. */
  readonly hosts: readonly (Earned & { readonly hostId: HostId })[];
  readonly models: readonly (Earned & { readonly model: string })[];
  /** The last 30 days, oldest first, idle ones included. */
  readonly days: readonly (Earned & { readonly day: Day })[];
  /**
   * What this month comes to if work pays on its remaining days as on the last seven whole ones; null before there is a
   * whole day of it. An estimate, not a promise.
   */
  readonly monthEstimate: NanoUsd | null;
}

const chartDays = 30;
const estimateDays = 7;

/** The first of the days that a summary tells of by themselves: of its chart, and of the longest month. */
export function earningsFrom(now: Millis): Day {
  return dayOf(now - chartDays * dayMs);
}

/**
 * Sums what an account earned by work, day by day since `earningsFrom`, and by sales, of which there are all, to this day.
 * Days and months are of UTC.
 */
export function summariseEarnings(work: WorkEarnings, sales: readonly SalesDay[], now: Millis): EarningsSummary {
  const today = dayOf(now);
  const sold = sales.map((sale) => ({ ...sale, tokens: 0 }));
  const days = [...work.days, ...sold];
  const month = total(days.filter(({ day }) => day.startsWith(today.slice(0, 7))));
  return {
    today: total(days.filter(({ day }) => day === today)),
    month,
    allTime: total([...work.models, ...sold]),
    hosts: grouped(work.hosts, ({ hostId }) => hostId).map(([hostId, sums]) => ({ hostId, ...sums })),
    models: grouped([...work.models, ...sold], ({ model }) => model).map(([model, sums]) => ({ model, ...sums })),
    days: lastDays(days, now),
    monthEstimate: estimate(work, month, now),
  };
}

/** What was earned this month and, for the days that are left of it, what work earned of late: sales come as they come. */
function estimate({ firstDay, days: worked }: WorkEarnings, month: NanoUsd, now: Millis): NanoUsd | null {
  const wholeDays = firstDay === null ? 0 : Math.floor((Date.parse(dayOf(now)) - Date.parse(firstDay)) / dayMs);
  const days = Math.min(estimateDays, wholeDays);
  if (days === 0) return null;
  const from = dayOf(now - days * dayMs);
  const recent = total(worked.filter(({ day }) => day >= from && day < dayOf(now)));
  const date = new Date(now);
  const daysInMonth = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  return addUsd(month, mulDiv(recent, BigInt(daysInMonth - date.getUTCDate()), BigInt(days), "floor"));
}

function lastDays(rows: readonly (Earned & { readonly day: Day })[], now: Millis): EarningsSummary["days"] {
  const byDay = new Map(grouped(rows, (row) => row.day));
  return Array.from({ length: chartDays }, (_, index) => {
    const day = dayOf(now - (chartDays - 1 - index) * dayMs);
    return { day, ...(byDay.get(day) ?? { tokens: 0, amount: zeroUsd }) };
  });
}

/** Sums per key, the largest amount first. */
function grouped<Row extends Earned, Key>(rows: readonly Row[], keyOf: (row: Row) => Key): [Key, Earned][] {
  const groups = new Map<Key, Earned>();
  for (const row of rows) {
    const key = keyOf(row);
    const sums = groups.get(key) ?? { tokens: 0, amount: zeroUsd };
    groups.set(key, { tokens: sums.tokens + row.tokens, amount: addUsd(sums.amount, row.amount) });
  }
  return [...groups].sort(([, a], [, b]) => (a.amount === b.amount ? 0 : a.amount > b.amount ? -1 : 1));
}

function total(rows: readonly Earned[]): NanoUsd {
  return sumUsd(rows.map(({ amount }) => amount));
}
