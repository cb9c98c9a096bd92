import { dayMs, type Millis } from "../clock.ts";
import type { HostId } from "../ids.ts";
import { addUsd, mulDiv, type NanoUsd, zeroUsd } from "../money.ts";
import { type Day, dayOf, type EarningsRow } from "./books.ts";
import type { SalesDay } from "./sale.ts";

export interface EarningsSummary {
  readonly today: NanoUsd;
  readonly month: NanoUsd;
  readonly allTime: NanoUsd;
  /** Most earned first. A producer's royalties and sales are under no host. */
  readonly hosts: readonly { readonly hostId: HostId; readonly tokens: number; readonly amount: NanoUsd }[];
  readonly models: readonly { readonly model: string; readonly tokens: number; readonly amount: NanoUsd }[];
  /** The last 30 days, oldest first, idle ones included. */
  readonly days: readonly { readonly day: Day; readonly tokens: number; readonly amount: NanoUsd }[];
  /**
   * What this month comes to if work pays on its remaining days as on the last seven whole ones; null before there is a
   * whole day of it. An estimate, not a promise.
   */
  readonly monthEstimate: NanoUsd | null;
}

const chartDays = 30;
const estimateDays = 7;

/** Sums what an account earned by work and by sales, of which there are all, to this day. Days and months are of UTC. */
export function summariseEarnings(
  work: readonly EarningsRow[],
  sales: readonly SalesDay[],
  now: Millis,
): EarningsSummary {
  const today = dayOf(now);
  const sold = sales.map((sale) => ({ ...sale, hostId: null, tokens: 0 }));
  const rows: readonly Earned[] = [...countedOnce(work), ...sold];
  const month = total(rows.filter((row) => row.day.startsWith(today.slice(0, 7))));
  return {
    today: total(rows.filter((row) => row.day === today)),
    month,
    allTime: total(rows),
    hosts: grouped(rows, (row) => row.hostId).map(([hostId, sums]) => ({ hostId, ...sums })),
    models: grouped(rows, (row) => row.model).map(([model, sums]) => ({ model, ...sums })),
    days: lastDays(rows, now),
    monthEstimate: estimate(work, month, now),
  };
}

/** One source's part of a day. */
type Earned = Pick<EarningsRow, "day" | "model" | "hostId" | "tokens" | "amount">;

/** Tokens of a producer's model that its own hosts worked on pay twice, as a host's share and as royalty; they count once. */
function countedOnce(work: readonly EarningsRow[]): readonly Earned[] {
  const placeOf = ({ day, model }: EarningsRow) => `${day} ${model}`;
  const hosted = new Map<string, number>();
  for (const row of work) {
    if (row.role === "host") hosted.set(placeOf(row), (hosted.get(placeOf(row)) ?? 0) + row.tokens);
  }
  return work.map((row) =>
    row.role === "host" ? row : { ...row, tokens: Math.max(0, row.tokens - (hosted.get(placeOf(row)) ?? 0)) },
  );
}

/** What was earned this month and, for the days that are left of it, what work earned of late: sales come as they come. */
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

function lastDays(rows: readonly Earned[], now: Millis): EarningsSummary["days"] {
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
function grouped<Key>(rows: readonly Earned[], keyOf: (row: Earned) => Key | null): [Key, Sums][] {
  const groups = new Map<Key, Sums>();
  for (const row of rows) {
    const key = keyOf(row);
    if (key === null) continue;
    const sums = groups.get(key) ?? { tokens: 0, amount: zeroUsd };
    groups.set(key, { tokens: sums.tokens + row.tokens, amount: addUsd(sums.amount, row.amount) });
  }
  return [...groups].sort(([, a], [, b]) => (a.amount === b.amount ? 0 : a.amount > b.amount ? -1 : 1));
}

function total(rows: readonly Earned[]): NanoUsd {
  return addUsd(...rows.map((row) => row.amount));
}
