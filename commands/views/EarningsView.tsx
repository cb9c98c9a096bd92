import { Box, Text, useApp } from "ink";
import { parseUsd } from "../../src/money.ts";
import type { EarningsDocument } from "../../src/protocol/economy-api.ts";
import { columnChart } from "./chart.ts";
import { useKeys } from "./keys.ts";
import { usePolled } from "./polled.ts";
import { showScreen } from "./screen.ts";
import { useScroll } from "./scroll.ts";
import { useWindowSize } from "./window-size.ts";
import { cell, figure, shortId } from "./words.ts";

export interface EarningsViewProps {
  readonly networkUrl: string;
  /** Reads what the account earned; called every second. */
  readonly read: () => Promise<EarningsDocument>;
}

/** Shows what an account earns until the reader quits or `signal` aborts. Throws what kept it from being read at first. */
export async function showEarnings(props: EarningsViewProps, signal: AbortSignal): Promise<void> {
  await showScreen(<EarningsView {...props} />, signal);
}

/** All lines but the chart's and the lists'. */
const otherLines = 11;

/** Earnings live: sums, the month's estimate, subscriptions, the last 30 days, then per host and per model. */
export function EarningsView({ networkUrl, read }: EarningsViewProps) {
  const { exit } = useApp();
  const { columns, rows } = useWindowSize();
  const { value: earnings, failure } = usePolled(read);
  const chartHeight = rows < 20 ? 1 : rows < 36 ? 4 : 8;
  const length = Math.max(earnings?.hosts.length ?? 0, earnings?.models.length ?? 0);
  const scroll = useScroll(length, Math.max(1, rows - otherLines - chartHeight));
  useKeys((press) => {
    if (!scroll.take(press) && press.name === "text" && press.text === "q") exit();
  });

  if (earnings === null) return <Text>Looking…</Text>;
  const { days } = earnings;
  const values = days.map(({ usd }) => Number(parseUsd(usd)));
  const barWidth = Math.max(1, Math.floor(columns / Math.max(1, days.length)));
  const best = days[values.indexOf(Math.max(...values))];
  const left = columns < 100 ? 34 : Math.floor((columns - 2) / 2);
  const right = columns - 2 - left;
  const lines = Array.from({ length: scroll.to - scroll.from }, (_, index) => scroll.from + index);
  return (
    <Box flexDirection="column" width={columns}>
      <Text wrap="truncate">
        <Text bold>Earnings</Text> on {networkUrl}
        {failure === null ? "" : ` not read ${failure}`}
      </Text>
      <Text wrap="truncate">{describeOwed(earnings.owed)}</Text>
      <Text wrap="truncate">
        {sums("today", earnings.today, "this month", earnings.month, "all time", earnings.allTime)}
      </Text>
      <Text wrap="truncate">
        {sums("pending", earnings.pending, "payable", earnings.payable, "paid", earnings.paid)}
      </Text>
      <Text wrap="truncate">{describeEstimate(earnings.monthEstimate)}</Text>
      <Text wrap="truncate">{describeSubscriptions(earnings.subscriptions)}</Text>
      <Text> </Text>
      <Text wrap="truncate" bold>
        {describeDays(days, best)}
      </Text>
      <Text wrap="truncate">{columnChart(values, chartHeight, barWidth).join("\n")}</Text>
      <Text> </Text>
      <Text wrap="truncate" bold>
        {`${sumLine("HOST", "TOKENS", "USD", left)}  ${sumLine("MODEL", "TOKENS", "USD", right)}`}
      </Text>
      {lines.map((index) => {
        const [host, model] = [earnings.hosts[index], earnings.models[index]];
        const ofHost = host === undefined ? "" : sumLine(shortId(host.hostId), count(host.tokens), host.usd, left);
        const ofModel = model === undefined ? "" : sumLine(model.model, count(model.tokens), model.usd, right);
        return (
          <Text key={index} wrap="truncate">
            {`${cell(ofHost, left)}  ${ofModel}`}
          </Text>
        );
      })}
      <Text wrap="truncate">
        {length === 0 ? "nothing earned yet" : `${scroll.from + 1}–${scroll.to} of ${length} · ↑↓ scroll`} · q quit
      </Text>
    </Box>
  );
}

/** Three figures on a line, each in 26 columns. */
function sums(...words: readonly [string, string, string, string, string, string]): string {
  const [first, firstUsd, second, secondUsd, third, thirdUsd] = words;
  const one = (title: string, usd: string) => `${title.padEnd(11)}$${usd.padEnd(14)}`;
  return `${one(first, firstUsd)}${one(second, secondUsd)}${one(third, thirdUsd)}`.trimEnd();
}

/** A line that is empty where nothing is owed. */
function describeOwed(owed: string): string {
  return owed === "0.00" ? " " : `$${owed} is owed for a payment taken back: what is payable pays it first.`;
}

function describeEstimate(monthEstimate: string | null): string {
  if (monthEstimate === null) return "The month's estimate comes after a whole day.";
  return `About $${monthEstimate} this month, if it goes on as the last days: no promise.`;
}

const standings = ["unpaid", "grace", "paid"] as const;

/** Those that want attention first. */
function describeSubscriptions(subscriptions: EarningsDocument["subscriptions"]): string {
  if (subscriptions.length === 0) return "subscriptions: none";
  const words = standings.flatMap((standing) =>
    subscriptions
      .filter((each) => each.standing === standing)
      .map(({ hostId, model, kind, paidThrough, servesUntil }) => {
        const what = hostId === null ? (model ?? kind) : `host ${shortId(hostId).slice(0, 10)}`;
        const until = standing === "grace" ? servesUntil : paidThrough;
        const word = standing === "grace" ? "until" : "through";
        return `${what} ${standing}${until === null ? "" : ` ${word} ${new Date(until).toISOString().slice(0, 10)}`}`;
      }),
  );
  return `subscriptions: ${words.join(", ")}`;
}

function describeDays(days: EarningsDocument["days"], best: EarningsDocument["days"][number] | undefined): string {
  const [first, last] = [days[0]?.day ?? "", days.at(-1)?.day ?? ""];
  const most = best === undefined || parseUsd(best.usd) === 0n ? "" : `, most on ${best.day}: $${best.usd}`;
  return `${days.length} days, ${first} to ${last}${most}`;
}

function count(tokens: number): string {
  return tokens.toLocaleString("en");
}

function sumLine(name: string, tokens: string, usd: string, width: number): string {
  return `${cell(name, width - 25)} ${figure(tokens, 11)} ${figure(usd, 12)}`;
}
