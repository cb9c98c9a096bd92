import { Text } from "ink";
import type { HostRow } from "../../src/protocol/control-methods.ts";
import { cell, figure, shortId } from "./words.ts";

export const hostSortings = ["load", "speed", "owner", "state"] as const;
export type HostSorting = (typeof hostSortings)[number];

/** The hosts whose id, owner, state or models hold `filter`: the busiest, fastest or most troubled first, or by owner. */
export function arrangedHosts(hosts: readonly HostRow[], by: HostSorting, filter: string): HostRow[] {
  const matching = hosts.filter(({ hostId, owner, state, models }) =>
    [hostId, owner, state, ...models].some((text) => text.includes(filter)),
  );
  return matching.sort((a, b) => orders[by](a, b) || a.hostId.localeCompare(b.hostId));
}

const states = ["offline", "degraded", "paused", "serving"] as const satisfies readonly HostRow["state"][];

const orders: Readonly<Record<HostSorting, (a: HostRow, b: HostRow) => number>> = {
  load: (a, b) => b.activeStreams - a.activeStreams,
  speed: (a, b) => (b.decodeTokensPerSecond ?? 0) - (a.decodeTokensPerSecond ?? 0),
  owner: (a, b) => a.owner.localeCompare(b.owner),
  state: (a, b) => states.indexOf(a.state) - states.indexOf(b.state),
};

export interface HostTableProps {
  readonly hosts: readonly HostRow[];
  readonly sorting: HostSorting;
  readonly columns: number;
  /** Whether a header comes first. */
  readonly isTitled: boolean;
}

/** A line for each host. */
export function HostTable({ hosts, sorting, columns, isTitled }: HostTableProps) {
  const idWidth = columns >= 110 ? 26 : 10;
  const line = (id: string, state: string, busy: string, speed: string, owner: string, models: string) =>
    `${cell(id, idWidth)} ${cell(state, 8)} ${cell(busy, 6)} ${figure(speed, 7)}  ${cell(owner, idWidth)} ${models}`;
  const titled = (by: HostSorting, title: string) => (by === sorting ? `${title}↓` : title);
  return (
    <>
      {isTitled && (
        <Text wrap="truncate" bold>
          {line(
            "HOST",
            titled("state", "STATE"),
            titled("load", "BUSY"),
            titled("speed", "TOK/S"),
            titled("owner", "OWNER"),
            "MODELS",
          )}
        </Text>
      )}
      {hosts.map((host) => (
        <Text key={host.hostId} wrap="truncate" dimColor={host.state !== "serving"}>
          {line(
            shortId(host.hostId),
            host.state,
            `${host.activeStreams}/${host.sequences}`,
            host.decodeTokensPerSecond?.toFixed(0) ?? "-",
            shortId(host.owner),
            host.models.join(" "),
          )}
        </Text>
      ))}
    </>
  );
}
