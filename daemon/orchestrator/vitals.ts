import type * as z from "zod";
import type { Clock } from "../../src/clock.ts";
import type { HostId } from "../../src/ids.ts";
import { type Books, type Day, type DaySettlements, dayOf } from "../../src/ledger/books.ts";
import type { SettlementResult } from "../../src/ledger/settlement.ts";
import { addUsd, formatUsd, subtractUsd, sumUsd, zeroUsd } from "../../src/money.ts";
import type { NetworkEvent, networkStatusSchema } from "../../src/protocol/control-methods.ts";

/** What the network has been doing lately, in bounded windows: counts, times, sums and hosts' ids, nothing else. */
export interface Vitals {
  event(kind: NetworkEvent["kind"], hostId: HostId | null): void;
  requestCompleted(): void;
  /** From a request's arrival to the first text of its answer. */
  firstText(elapsedMs: number): void;
  /** Answer tokens, as hosts deliver them. */
  tokensDelivered(tokens: number): void;
  settled(result: Pick<SettlementResult, "charged" | "hosts" | "royalties">): void;
  snapshot(): VitalsSnapshot;
}

export type VitalsSnapshot = Pick<
  z.input<typeof networkStatusSchema>,
  "lastMinute" | "firstTextMs" | "failovers" | "settled" | "events"
>;

const windowSeconds = 60;
const firstTextsMax = 512;
const eventsMax = 50;

interface Second {
  /** Since the epoch; the slot of a second is reused a minute later. */
  readonly second: number;
  requests: number;
  tokens: number;
  settled: DaySettlements;
}

const nothingSettled: DaySettlements = { charged: zeroUsd, hosts: zeroUsd, producers: zeroUsd };

/** Starts from what the books say was settled today; all else counts from now. */
export async function openVitals(books: Pick<Books, "settledOn">, clock: Clock): Promise<Vitals> {
  const seconds: Second[] = [];
  const firstTexts: number[] = [];
  const events: NetworkEvent[] = [];
  let firstTextsSeen = 0;
  let failovers = 0;
  let day: Day = dayOf(clock.now());
  let today = await books.settledOn(day);

  function current(): Second {
    const second = Math.floor(clock.now() / 1_000);
    const slot = seconds[second % windowSeconds];
    if (slot?.second === second) return slot;
    const fresh = { second, requests: 0, tokens: 0, settled: nothingSettled };
    seconds[second % windowSeconds] = fresh;
    return fresh;
  }

  /** The minute that ends with the present second, oldest first. */
  function minute(): (Second | null)[] {
    const now = Math.floor(clock.now() / 1_000);
    return Array.from({ length: windowSeconds }, (_, index) => {
      const second = now - windowSeconds + 1 + index;
      const slot = seconds[second % windowSeconds];
      return slot?.second === second ? slot : null;
    });
  }

  function turnDay(): void {
    const now = dayOf(clock.now());
    if (now === day) return;
    day = now;
    today = nothingSettled;
  }

  return {
    event(kind, hostId) {
      if (kind === "host-failed") failovers += 1;
      events.push({ at: clock.now(), kind, hostId });
      if (events.length > eventsMax) events.shift();
    },
    requestCompleted() {
      current().requests += 1;
    },
    firstText(elapsedMs) {
      firstTexts[firstTextsSeen % firstTextsMax] = elapsedMs;
      firstTextsSeen += 1;
    },
    tokensDelivered(tokens) {
      current().tokens += tokens;
    },
    settled({ charged, hosts, royalties }) {
      turnDay();
      const settled = {
        charged,
        hosts: sumUsd(hosts.map(({ amount }) => amount)),
        producers: sumUsd(royalties.map(({ amount }) => amount)),
      };
      const second = current();
      second.settled = sumOf([second.settled, settled]);
      today = sumOf([today, settled]);
    },
    snapshot() {
      turnDay();
      const window = minute();
      return {
        lastMinute: {
          requests: window.map((second) => second?.requests ?? 0),
          tokens: window.map((second) => second?.tokens ?? 0),
        },
        firstTextMs: percentilesOf(firstTexts),
        failovers,
        settled: {
          lastMinute: sharesOf(sumOf(window.map((second) => second?.settled ?? nothingSettled))),
          today: sharesOf(today),
        },
        events: [...events],
      };
    },
  };
}

function sumOf(all: readonly DaySettlements[]): DaySettlements {
  return {
    charged: sumUsd(all.map(({ charged }) => charged)),
    hosts: sumUsd(all.map(({ hosts }) => hosts)),
    producers: sumUsd(all.map(({ producers }) => producers)),
  };
}

/** The network's is the rest: its share, and what rounding leaves. */
function sharesOf({ charged, hosts, producers }: DaySettlements): VitalsSnapshot["settled"]["today"] {
  return {
    chargedUsd: formatUsd(charged),
    hostsUsd: formatUsd(hosts),
    producersUsd: formatUsd(producers),
    networkUsd: formatUsd(subtractUsd(charged, addUsd(hosts, producers))),
  };
}

/** By the nearest rank; null for none. */
function percentilesOf(values: readonly number[]): VitalsSnapshot["firstTextMs"] {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  return { p50: at(0.5), p95: at(0.95), answers: sorted.length };
}
