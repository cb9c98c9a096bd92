import { expect, it } from "vitest";
import { openVitals } from "../../../daemon/orchestrator/vitals.ts";
import { newId } from "../../../src/ids.ts";
import type { DaySettlements } from "../../../src/ledger/books.ts";
import { parseUsd, zeroUsd } from "../../../src/money.ts";

const midday = Date.parse("2026-11-22T12:00:00Z");
const nothing: DaySettlements = { charged: zeroUsd, hosts: zeroUsd, producers: zeroUsd };

async function vitalsAt(settled = nothing) {
  const time = { now: midday };
  const clock = { now: () => time.now, monotonic: () => time.now, sleep: () => Promise.reject(new Error("No sleep.")) };
  return { time, vitals: await openVitals({ settledOn: async () => settled }, clock) };
}

function settlement(charged: string, hosts: string, royalty: string) {
  const host = { hostId: newId("host"), accountId: newId("account") };
  return {
    charged: parseUsd(charged),
    hosts: [{ host, tokens: 1, amount: parseUsd(hosts) }],
    royalties: [{ producerId: newId("account"), amount: parseUsd(royalty) }],
  };
}

it("counts the seconds of the last minute, and forgets those before", async () => {
  const { vitals, time } = await vitalsAt();
  vitals.requestCompleted();
  vitals.tokensDelivered(3);
  vitals.tokensDelivered(4);
  time.now += 59_000;
  vitals.requestCompleted();
  expect(vitals.snapshot().lastMinute.requests).toEqual([1, ...Array(58).fill(0), 1]);
  expect(vitals.snapshot().lastMinute.tokens).toEqual([7, ...Array(59).fill(0)]);
  time.now += 1_000;
  expect(vitals.snapshot().lastMinute.requests).toEqual([...Array(58).fill(0), 1, 0]);
});

it("goes on from what the books say of today, and starts anew at midnight", async () => {
  const before = { charged: parseUsd("1"), hosts: parseUsd("0.95"), producers: zeroUsd };
  const { vitals, time } = await vitalsAt(before);
  vitals.settled(settlement("0.50", "0.38", "0.10"));
  expect(vitals.snapshot().settled).toEqual({
    lastMinute: { chargedUsd: "0.50", hostsUsd: "0.38", producersUsd: "0.10", networkUsd: "0.02" },
    today: { chargedUsd: "1.50", hostsUsd: "1.33", producersUsd: "0.10", networkUsd: "0.07" },
  });
  time.now += 12 * 3_600_000;
  expect(vitals.snapshot().settled.today.chargedUsd).toBe("0.00");
  vitals.settled(settlement("0.20", "0.19", "0"));
  expect(vitals.snapshot().settled.today.chargedUsd).toBe("0.20");
});

it("tells the median and the 95th percentile of the last 512 first texts", async () => {
  const { vitals } = await vitalsAt();
  expect(vitals.snapshot().firstTextMs).toBeNull();
  for (let elapsedMs = 1; elapsedMs <= 100; elapsedMs += 1) vitals.firstText(elapsedMs);
  expect(vitals.snapshot().firstTextMs).toEqual({ p50: 50, p95: 95, answers: 100 });
  for (let index = 0; index < 512; index += 1) vitals.firstText(7);
  expect(vitals.snapshot().firstTextMs).toEqual({ p50: 7, p95: 7, answers: 512 });
});

it("keeps the last fifty events, and counts failed hosts among them for good", async () => {
  const { vitals } = await vitalsAt();
  const hostId = newId("host");
  vitals.event("host-failed", hostId);
  for (let index = 0; index < 49; index += 1) vitals.event("host-joined", hostId);
  expect(vitals.snapshot().events[0]).toEqual({ at: midday, kind: "host-failed", hostId });
  vitals.event("host-left", hostId);
  expect(vitals.snapshot().events).toHaveLength(50);
  expect(vitals.snapshot().events.at(-1)?.kind).toBe("host-left");
  expect(vitals.snapshot().failovers).toBe(1);
});
