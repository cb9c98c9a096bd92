import { Box, render, Text, useApp, useInput } from "ink";
import { useEffect, useState } from "react";
import type { NetworkStatus } from "../../src/protocol/control-methods.ts";
import { sparkline } from "./sparkline.ts";
import { useWindowSize } from "./window-size.ts";

/** Shows the network until the reader quits or `signal` aborts. Throws what kept its state from being read. */
export async function showNetwork(read: () => Promise<NetworkStatus>, signal: AbortSignal): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  const onFailed = (error: unknown) => {
    failure = { error };
  };
  const screen = render(<NetworkView read={read} onFailed={onFailed} />);
  const onAbort = () => screen.unmount();
  signal.addEventListener("abort", onAbort, { once: true });
  await screen.waitUntilExit();
  signal.removeEventListener("abort", onAbort);
  if (failure !== undefined) throw failure.error;
}

export interface NetworkViewProps {
  /** Reads the network's state; called every second. */
  readonly read: () => Promise<NetworkStatus>;
  onFailed(error: unknown): void;
}

const lookMs = 1_000;
const samplesMax = 60;
const linesBesideHosts = 7;
const sortings = ["load", "speed", "owner"] as const;

interface Sample {
  readonly at: number;
  readonly tokens: number;
  readonly requests: number;
}

/** The network live: requests and tokens per second, then its hosts; scrolls, sorts and filters by key. */
export function NetworkView({ read, onFailed }: NetworkViewProps) {
  const { exit } = useApp();
  const { columns, rows } = useWindowSize();
  const [status, setStatus] = useState<NetworkStatus | null>(null);
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const [offset, setOffset] = useState(0);
  const [sorting, setSorting] = useState(0);
  const [filter, setFilter] = useState<string | null>(null);

  useEffect(() => {
    let isOver = false;
    const look = async () => {
      try {
        const now = await read();
        if (isOver) return;
        setStatus(now);
        const sample = {
          at: Date.now(),
          tokens: now.tokens.prompt + now.tokens.completion,
          requests: now.requests.completed,
        };
        setSamples((kept) => [...kept, sample].slice(-samplesMax));
      } catch (error) {
        if (isOver) return;
        onFailed(error);
        exit();
      }
    };
    void look();
    const timer = setInterval(() => void look(), lookMs);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [read, onFailed, exit]);

  useInput((input, key) => {
    if (filter !== null && key.return) setFilter(filter === "" ? null : filter);
    else if (filter !== null && key.escape) setFilter(null);
    else if (filter !== null && (key.backspace || key.delete)) setFilter(filter.slice(0, -1));
    else if (key.downArrow) setOffset((value) => value + 1);
    else if (key.upArrow) setOffset((value) => Math.max(0, value - 1));
    else if (filter !== null) setFilter(filter + input);
    else if (input === "q") exit();
    else if (input === "s") setSorting((value) => (value + 1) % sortings.length);
    else if (input === "/") setFilter("");
  });

  if (status === null) return <Text>Looking…</Text>;
  const by = sortings[sorting] ?? "load";
  const hosts = sortedHosts(status.hosts, by).filter((host) => matches(host, filter));
  const room = Math.max(1, rows - linesBesideHosts);
  const from = Math.min(offset, Math.max(0, hosts.length - room));
  const { requests } = status;
  const width = Math.max(10, Math.min(40, columns - 44));
  return (
    <Box flexDirection="column" width={columns}>
      <Text wrap="truncate">
        <Text bold>{status.url}</Text> {status.billing} · {status.hosts.length} hosts · {status.accounts} accounts
      </Text>
      <Text wrap="truncate">
        requests {requests.active} active, {requests.queued} queued, {requests.completed} done, {requests.failed}{" "}
        failed, {requests.refused} refused
      </Text>
      <Text wrap="truncate">
        requests/s {rateOf(samples, "requests").toFixed(1).padStart(7)} {sparkline(ratesOf(samples, "requests"), width)}
      </Text>
      <Text wrap="truncate">
        tokens/s {rateOf(samples, "tokens").toFixed(1).padStart(9)} {sparkline(ratesOf(samples, "tokens"), width)}
      </Text>
      <Text wrap="truncate" bold>
        {hostLine("HOST", "STATE", "BUSY", "TOK/S", "OWNER", "MODELS")}
      </Text>
      {hosts.slice(from, from + room).map((host) => (
        <Text key={host.hostId} wrap="truncate" dimColor={host.state !== "serving"}>
          {hostLine(
            host.hostId.slice(5),
            host.state,
            `${host.activeStreams}/${host.sequences}`,
            host.decodeTokensPerSecond?.toFixed(0) ?? "",
            host.owner.replace(/^account_/, ""),
            host.models.join(" "),
          )}
        </Text>
      ))}
      <Text wrap="truncate" dimColor>
        {filter === null ? `by ${by} · ↑↓ scroll · s sort · / filter · q quit` : `filter: ${filter}▏`}
      </Text>
    </Box>
  );
}

type Host = NetworkStatus["hosts"][number];

function sortedHosts(hosts: readonly Host[], by: (typeof sortings)[number]): Host[] {
  const keyed = {
    load: (host: Host) => -host.activeStreams,
    speed: (host: Host) => -(host.decodeTokensPerSecond ?? 0),
  };
  return [...hosts].sort((a, b) => {
    const order = by === "owner" ? a.owner.localeCompare(b.owner) : keyed[by](a) - keyed[by](b);
    return order === 0 ? a.hostId.localeCompare(b.hostId) : order;
  });
}

function matches(host: Host, filter: string | null): boolean {
  return filter === null || [host.hostId, host.owner, host.state, ...host.models].some((text) => text.includes(filter));
}

function hostLine(id: string, state: string, busy: string, speed: string, owner: string, models: string): string {
  const cell = (text: string, width: number) => text.slice(0, width).padEnd(width);
  return `${cell(id, 10)} ${cell(state, 8)} ${cell(busy, 6)} ${speed.padStart(6)}  ${cell(owner, 10)} ${models}`;
}

/** Between two samples a second apart, per second; the last of them for the figure. */
function ratesOf(samples: readonly Sample[], what: "tokens" | "requests"): number[] {
  return samples.slice(1).map((sample, index) => {
    const before = samples[index] ?? sample;
    const seconds = Math.max(0.001, (sample.at - before.at) / 1_000);
    return Math.max(0, (sample[what] - before[what]) / seconds);
  });
}

function rateOf(samples: readonly Sample[], what: "tokens" | "requests"): number {
  return ratesOf(samples, what).at(-1) ?? 0;
}
