import { afterEach, expect, it, vi } from "vitest";
import { type HostId, newId } from "../../../src/ids.ts";
import type { WorkEarnings } from "../../../src/ledger/books.ts";
import { earningsFrom, summariseEarnings } from "../../../src/ledger/earnings.ts";
import { type NanoUsd, parseUsd } from "../../../src/money.ts";

const now = Date.parse("2026-11-11T08:00:00Z");
const [first, second] = [newId("host"), newId("host")];

interface Row {
  readonly day: string;
  readonly hostId: HostId | null;
  readonly model: string;
  readonly tokens: number;
  readonly amount: NanoUsd;
}

function row(day: string, usd: string, hostId: HostId | null = first, model = "acme/tiny:1.0.0"): Row {
  return { day, hostId, model, tokens: 100, amount: parseUsd(usd) };
}

/** As the books tell it, but that they sum it. */
function worked(rows: readonly Row[], at = now): WorkEarnings {
  const days = rows.filter(({ day }) => day >= earningsFrom(at));
  const hosts = rows.flatMap(({ hostId, ...earned }) => (hostId === null ? [] : [{ ...earned, hostId }]));
  return { firstDay: rows.map(({ day }) => day).sort()[0] ?? null, days, hosts, models: rows };
}

afterEach(() => vi.unstubAllEnvs());

it("earnings are summed by time, host and model, the most earned first", () => {
  const rows = [row("2026-10-31", "4"), row("2026-11-10", "2", second), row("2026-11-11", "1", null, "acme/big:1.0.0")];
  const summary = summariseEarnings(worked(rows), [], now);
  expect(summary).toMatchObject({ today: parseUsd("1"), month: parseUsd("3"), allTime: parseUsd("7") });
  expect(summary.hosts.map(({ hostId, amount }) => [hostId, amount])).toEqual([
    [first, parseUsd("4")],
    [second, parseUsd("2")],
  ]);
  expect(summary.models.map(({ model, tokens }) => [model, tokens])).toEqual([
    ["acme/tiny:1.0.0", 200],
    ["acme/big:1.0.0", 100],
  ]);
});

it("the chart has 30 days, idle ones included, and ends today", () => {
  const { days } = summariseEarnings(worked([row("2026-11-10", "2")]), [], now);
  expect(days).toHaveLength(30);
  expect(days[0]).toEqual({ day: "2026-10-13", tokens: 0, amount: 0n });
  expect(days.slice(-2).map(({ day, amount }) => [day, amount])).toEqual([
    ["2026-11-10", parseUsd("2")],
    ["2026-11-11", 0n],
  ]);
});

it("the month's estimate continues the last seven whole days, and is none on the first day", () => {
  expect(summariseEarnings(worked([row("2026-11-11", "9")]), [], now).monthEstimate).toBeNull();
  const daily = Array.from({ length: 10 }, (_, index) => row(`2026-11-${`${index + 1}`.padStart(2, "0")}`, "1"));
  expect(summariseEarnings(worked(daily), [], now).monthEstimate).toBe(parseUsd("29"));
  expect(summariseEarnings(worked([row("2026-11-10", "1")]), [], now).monthEstimate).toBe(parseUsd("20"));
});

it("what sales earned, and what was taken back of them, is earned, but is not counted on for the rest of the month", () => {
  const model = "acme/big:1.0.0";
  const sales = [
    { day: "2026-11-10", model, amount: parseUsd("17.81") },
    { day: "2026-11-11", model, amount: parseUsd("-5") },
  ];
  const summary = summariseEarnings(worked([row("2026-11-10", "1")]), sales, now);
  const [today, month, monthEstimate] = ["-5", "13.81", "32.81"].map(parseUsd);
  expect(summary).toMatchObject({ today, month, allTime: month, monthEstimate });
  expect(summary.models[0]).toEqual({ model, tokens: 0, amount: parseUsd("12.81") });
  expect(summariseEarnings(worked([]), sales, now).monthEstimate).toBeNull();
});

it("a month of 31 days is summed from its first day to its last, and sales of any number are", () => {
  const end = Date.parse("2026-12-31T23:00:00Z");
  const days = Array.from({ length: 31 }, (_, index) => row(`2026-12-${`${index + 1}`.padStart(2, "0")}`, "1"));
  const sale = { day: "2026-11-01", model: "acme/big:1.0.0", amount: parseUsd("1") };
  const summary = summariseEarnings(
    worked(days, end),
    Array.from({ length: 200_000 }, () => sale),
    end,
  );
  expect(summary).toMatchObject({ month: parseUsd("31"), allTime: parseUsd("200031") });
});

it.each([
  ["the last millisecond of a day and a year", "2026-12-31T23:59:59.999Z", ["1", "3", "3"]],
  ["the first of the next", "2027-01-01T00:00:00.000Z", ["0", "0", "3"]],
])("days and months end in UTC, wherever the computer is: %s", (_what, at, wanted) => {
  const rows = [row("2026-12-30", "2"), row("2026-12-31", "1")];
  const [today, month, allTime] = wanted.map(parseUsd);
  for (const zone of ["Pacific/Kiritimati", "Pacific/Midway", "UTC"]) {
    vi.stubEnv("TZ", zone);
    expect(summariseEarnings(worked(rows, Date.parse(at)), [], Date.parse(at))).toMatchObject({
      today,
      month,
      allTime,
    });
  }
});
