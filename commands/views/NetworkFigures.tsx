import { Text } from "ink";
import type { NetworkStatus } from "../../src/protocol/control-methods.ts";
import { sparkline } from "./chart.ts";
import { figure, shortTime } from "./words.ts";

/** Lines that `NetworkFigures` takes at most, and those of them about requests. */
export const figureLinesMax = 6;
export const requestLines = 3;

export interface NetworkFiguresProps {
  readonly status: NetworkStatus;
  readonly columns: number;
  /** How many there is room for: of the money that flows all or nothing. */
  readonly lines: number;
}

/** Requests, rates, latency, failovers and the money that flows. */
export function NetworkFigures({ status, columns, lines }: NetworkFiguresProps) {
  const { requests, lastMinute, firstTextMs, failovers, settled } = status;
  const width = Math.max(0, Math.min(60, columns - 56));
  const latency =
    firstTextMs === null
      ? "first text -"
      : `first text p50 ${shortTime(firstTextMs.p50)}, p95 ${shortTime(firstTextMs.p95)}`;
  return (
    <>
      {lines >= 1 && (
        <Text wrap="truncate">
          requests {requests.active} active, {requests.queued} queued, {requests.completed} done, {requests.failed}{" "}
          failed, {requests.refused} refused
        </Text>
      )}
      {lines >= 2 && (
        <Text wrap="truncate">
          requests/s {figure(rateOf(lastMinute.requests), 8)} {sparkline(lastMinute.requests, width)} {latency}
        </Text>
      )}
      {lines >= requestLines && (
        <Text wrap="truncate">
          tokens/s {figure(rateOf(lastMinute.tokens), 10)} {sparkline(lastMinute.tokens, width)} failovers {failovers}
        </Text>
      )}
      {lines >= figureLinesMax && (
        <>
          <Text wrap="truncate" bold>
            {moneyLine("SETTLED", "CONSUMERS PAID", "HOSTS", "PRODUCERS", "NETWORK")}
          </Text>
          <Text wrap="truncate">{sharesLine("last minute", settled.lastMinute)}</Text>
          <Text wrap="truncate">{sharesLine("today", settled.today)}</Text>
        </>
      )}
    </>
  );
}

const rateSeconds = 10;

/** Per second, over the last ten whole ones. */
function rateOf(counts: readonly number[]): string {
  const whole = counts.slice(-rateSeconds - 1, -1);
  return (whole.reduce((sum, count) => sum + count, 0) / rateSeconds).toFixed(1);
}

function sharesLine(title: string, shares: NetworkStatus["settled"]["today"]): string {
  const { chargedUsd, hostsUsd, producersUsd, networkUsd } = shares;
  return moneyLine(title, `$${chargedUsd}`, `$${hostsUsd}`, `$${producersUsd}`, `$${networkUsd}`);
}

function moneyLine(title: string, ...amounts: readonly string[]): string {
  return title.padEnd(12) + amounts.map((amount) => ` ${figure(amount, 16)}`).join("");
}
