import { afterEach, expect, it, vi } from "vitest";
import { newId } from "../../../src/ids.ts";
import type { EarningsRow } from "../../../src/ledger/books.ts";
import { summariseEarnings } from "../../../src/ledger/earnings.ts";
import { parseUsd } from "../../../src/money.ts";

const now = Date.parse("2026-11-11T08:00:00Z");
const [first, second] = [newId("host"), newId("host")];

function row(day: string, usd: string, hostId: EarningsRow["hostId"] = first, model = "acme/tiny:1.0.0"): EarningsRow {
  return {
    day,
    role: hostId === null ? "producer" : "host",
    hostId,
    model,
    requests: 1,
    tokens: 100,
    amount: parseUsd(usd),
  };
}

afterEach(() => vi.unstubAllEnvs());

it("earnings are summed by time, host and model, the most earned first", () => {
  const rows = [row("2026-10-31", "4"), row("2026-11-10", "2", second), row("2026-11-11", "1", null, "acme/big:1.0.0")];
  const summary = summariseEarnings(rows, [], now);
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
  const { days } = summariseEarnings([row("2026-11-10", "2")], [], now);
  expect(days).toHaveLength(30);
  expect(days[0]).toEqual({ day: "2026-10-13", tokens: 0, amount: 0n });
  expect(days.slice(-2).map(({ day, amount }) => [day, amount])).toEqual([
    ["2026-11-10", parseUsd("2")],
    ["2026-11-11", 0n],
  ]);
});

it("the month's estimate continues the last seven whole days, and is none on the first day", () => {
  expect(summariseEarnings([row("2026-11-11", "9")], [], now).monthEstimate).toBeNull();
  const daily = Array.from({ length: 10 }, (_, index) => row(`2026-11-${`${index + 1}`.padStart(2, "0")}`, "1"));
  expect(summariseEarnings(daily, [], now).monthEstimate).toBe(parseUsd("29"));
  expect(summariseEarnings([row("2026-11-10", "1")], [], now).monthEstimate).toBe(parseUsd("20"));
});

it("tokens that an account's host worked on with its own model count once, and pay twice", () => {
  const model = "acme/big:1.0.0";
  const royalty = { ...row("2026-11-10", "0.2", null, model), tokens: 300 };
  const summary = summariseEarnings([row("2026-11-10", "1", first, model), royalty], [], now);
  expect(summary.models).toEqual([{ model, tokens: 300, amount: parseUsd("1.2") }]);
  expect(summary.hosts).toEqual([{ hostId: first, tokens: 100, amount: parseUsd("1") }]);
  expect(summary.days.at(-2)).toEqual({ day: "2026-11-10", tokens: 300, amount: parseUsd("1.2") });
});

it("what sales earned, and what was taken back of them, is earned, but is not counted on for the rest of the month", () => {
  const model = "acme/big:1.0.0";
  const sales = [
    { day: "2026-11-10", model, amount: parseUsd("17.81") },
    { day: "2026-11-11", model, amount: parseUsd("-5") },
  ];
  const summary = summariseEarnings([row("2026-11-10", "1")], sales, now);
  const [today, month, monthEstimate] = ["-5", "13.81", "32.81"].map(parseUsd);
  expect(summary).toMatchObject({ today, month, allTime: month, monthEstimate });
  expect(summary.models[0]).toEqual({ model, tokens: 0, amount: parseUsd("12.81") });
  expect(summariseEarnings([], sales, now).monthEstimate).toBeNull();
});

it.each([
  ["the last millisecond of a day and a year", "2026-12-31T23:59:59.999Z", ["1", "3", "3"]],
  ["the first of the next", "2027-01-01T00:00:00.000Z", ["0", "0", "3"]],
])("days and months end in UTC, wherever the computer is: %s", (_what, at, wanted) => {
  const rows = [row("2026-12-30", "2"), row("2026-12-31", "1")];
  const [today, month, allTime] = wanted.map(parseUsd);
  for (const zone of ["Pacific/Kiritimati", "Pacific/Midway", "UTC"]) {
    vi.stubEnv("TZ", zone);
    expect(summariseEarnings(rows, [], Date.parse(at))).toMatchObject({ today, month, allTime });
  }
});
