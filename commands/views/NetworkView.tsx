import { Box, Text, useApp } from "ink";
import { useEffect, useReducer } from "react";
import type { NetworkStatus } from "../../src/protocol/control-methods.ts";
import { arrangedHosts, type HostSorting, HostTable, hostSortings } from "./HostTable.tsx";
import { type Press, useKeys } from "./keys.ts";
import { figureLinesMax, NetworkFigures, requestLines } from "./NetworkFigures.tsx";
import { usePolled } from "./polled.ts";
import { showScreen } from "./screen.ts";
import { useScroll } from "./scroll.ts";
import { useWindowSize } from "./window-size.ts";
import { describeEvent } from "./words.ts";

/** Shows the network until the reader quits or `signal` aborts. Throws what kept its state from being read at first. */
export async function showNetwork(read: () => Promise<NetworkStatus>, signal: AbortSignal): Promise<void> {
  await showScreen(<NetworkView read={read} />, signal);
}

export interface NetworkViewProps {
  /** Reads the network's state; called every second. */
  readonly read: () => Promise<NetworkStatus>;
}

/** The network live: its figures, its hosts and what happened last; scrolls, sorts and filters by key. */
export function NetworkView({ read }: NetworkViewProps) {
  const { exit } = useApp();
  const { columns, rows } = useWindowSize();
  const { value: status, failure } = usePolled(read);
  const [{ by, filter, isTyping, isOver }, press] = useReducer(pressed, first);
  const hosts = status === null ? [] : arrangedHosts(status.hosts, by, filter);
  const layout = layoutOf(rows, status?.events.length ?? 0);
  const events = status === null ? [] : status.events.slice(status.events.length - layout.events);
  const scroll = useScroll(hosts.length, layout.hosts);

  useKeys((key) => {
    if (!scroll.take(key)) press(key);
  });
  useEffect(() => {
    if (isOver) exit();
  }, [isOver, exit]);

  if (status === null) return <Text>Looking…</Text>;
  const serving = status.hosts.filter(({ state }) => state === "serving").length;
  const shown = hosts.length === 0 ? "no host" : `${scroll.from + 1}–${scroll.to} of ${hosts.length}`;
  return (
    <Box flexDirection="column" width={columns}>
      <Text wrap="truncate">
        <Text bold>{status.url}</Text>{" "}
        {failure === null
          ? `${status.billing} · ${serving} of ${status.hosts.length} hosts serving · ${status.accounts} accounts`
          : `not read ${failure}`}
      </Text>
      <NetworkFigures status={status} columns={columns} lines={layout.figures} />
      <HostTable
        hosts={hosts.slice(scroll.from, scroll.to)}
        sorting={by}
        columns={columns}
        isTitled={layout.hasHostHeader}
      />
      {events.length > 0 && (
        <Text wrap="truncate" dimColor>
          {events.map(describeEvent).join("\n")}
        </Text>
      )}
      <Text wrap="truncate">
        {isTyping
          ? `filter: ${filter}▏ ${shown} · enter keeps it · esc drops it`
          : `${filter === "" ? "" : `"${filter}" `}${shown} · by ${by} · ↑↓ scroll · s sort · / filter · q quit`}
      </Text>
    </Box>
  );
}

interface Layout {
  readonly figures: number;
  readonly hasHostHeader: boolean;
  readonly hosts: number;
  readonly events: number;
}

/** The title, a host's line and the line of keys: what is left of the screen in the lowest terminal. */
const leastLines = 3;

/**
 * How many lines of a terminal each part gets. Where they are few there are fewer hosts, then no event, no money, no
 * header and no figures, and always the keys.
 */
function layoutOf(rows: number, eventCount: number): Layout {
  const isWhole = rows >= leastLines + figureLinesMax + 1;
  const figures = isWhole ? figureLinesMax : Math.max(0, Math.min(requestLines, rows - leastLines));
  const hasHostHeader = rows > leastLines + requestLines;
  const left = rows - (leastLines - 1) - figures - (hasHostHeader ? 1 : 0);
  const eventsMax = rows < 20 ? 1 : rows < 36 ? 4 : 8;
  const events = isWhole && left > 1 ? Math.min(eventCount, eventsMax) : 0;
  return { figures, hasHostHeader, hosts: Math.max(1, left - events), events };
}

interface Choice {
  readonly by: HostSorting;
  readonly filter: string;
  /** Whether keys write the filter. */
  readonly isTyping: boolean;
  readonly isOver: boolean;
}

const first: Choice = { by: "load", filter: "", isTyping: false, isOver: false };
const filterLengthMax = 32;

function pressed(choice: Choice, press: Press): Choice {
  const { by, filter, isTyping } = choice;
  if (press.name === "escape") return { ...choice, filter: "", isTyping: false };
  if (press.name === "enter") return { ...choice, isTyping: false };
  if (press.name === "backspace" && isTyping) return { ...choice, filter: filter.slice(0, -1) };
  if (press.name !== "text") return choice;
  if (isTyping) return { ...choice, filter: (filter + press.text).slice(0, filterLengthMax) };
  if (press.text === "q") return { ...choice, isOver: true };
  if (press.text === "/") return { ...choice, isTyping: true };
  if (press.text !== "s") return choice;
  return { ...choice, by: hostSortings[(hostSortings.indexOf(by) + 1) % hostSortings.length] ?? "load" };
}
