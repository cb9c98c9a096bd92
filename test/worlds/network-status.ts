import type { HostRow, NetworkStatus } from "../../src/protocol/control-methods.ts";

/** Midday of a day in November, by UTC. */
export const statusTime = Date.parse("2026-11-22T12:00:00Z");

/** A network of so many hosts, every figure of it settled by the number of the host or second. */
export function networkStatus(hosts: number): NetworkStatus {
  return {
    networkId: "network_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    url: "http://127.0.0.1:7420",
    pid: 1,
    startedAt: statusTime,
    billing: "credits",
    isPrivate: false,
    accounts: 30,
    hosts: Array.from({ length: hosts }, (_, index) => hostRow(index)),
    requests: { active: 1, queued: 2, completed: 3, failed: 4, refused: 5 },
    tokens: { prompt: 10, completion: 20 },
    lastMinute: {
      requests: Array.from({ length: 60 }, (_, second) => (second < 20 ? 0 : second % 5)),
      tokens: Array.from({ length: 60 }, (_, second) => second * 10),
    },
    firstTextMs: { p50: 420, p95: 127_900, answers: 512 },
    failovers: 6,
    settled: {
      lastMinute: { chargedUsd: "0.05", hostsUsd: "0.0475", producersUsd: "0.00", networkUsd: "0.0025" },
      today: { chargedUsd: "12.50", hostsUsd: "11.40", producersUsd: "0.50", networkUsd: "0.60" },
    },
    events: [
      { at: statusTime, kind: "host-joined", hostId: hostId(7) },
      { at: statusTime + 5_000, kind: "host-failed", hostId: hostId(8) },
      { at: statusTime + 5_000, kind: "breaker-opened", hostId: hostId(8) },
      { at: statusTime + 61_000, kind: "host-left", hostId: hostId(9) },
      { at: statusTime + 62_000, kind: "host-refused", hostId: null },
    ],
  };
}

const models = ["peerllm/demo:1.0.0", "acme/tiny:1.2.0", "acme/large-instruct:2.0.1"] as const;

function hostRow(index: number): HostRow {
  return {
    hostId: hostId(index),
    owner: index % 3 === 0 ? "unvouched" : `account_${numbered(index % 29)}`,
    state: index % 10 === 8 ? "degraded" : index % 10 === 9 ? "paused" : "serving",
    models: models.slice(0, 1 + (index % 3)),
    sequences: 4,
    activeStreams: index % 5,
    decodeTokensPerSecond: 10 + index,
    connectedAt: statusTime,
  };
}

function hostId(index: number): string {
  return `host_${numbered(index)}`;
}

/** The number first, so that it shows where an id is cut. */
function numbered(index: number): string {
  return String(index).padStart(4, "0").padEnd(26, "x");
}
