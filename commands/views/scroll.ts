import { useRef, useState } from "react";
import type { Press } from "./keys.ts";

export interface Scroll {
  /** Index of the first entry shown. */
  readonly from: number;
  /** One past the last entry shown. */
  readonly to: number;
  /** Whether the key was one of its own. */
  take(press: Press): boolean;
}

interface Limits {
  /** The first line may be this one at most. */
  readonly last: number;
  readonly room: number;
}

/** A window of `room` lines on a list of `count` entries, moved by arrows, page keys, home and end. */
export function useScroll(count: number, room: number): Scroll {
  const [wanted, setWanted] = useState(0);
  // A key may be pressed before the newest frame's handler is in place: it goes by the newest list all the same.
  const limits = useRef<Limits>({ last: 0, room });
  limits.current = { last: Math.max(0, count - room), room };
  const from = within(limits.current, wanted);
  return {
    from,
    to: Math.min(count, from + room),
    take({ name }) {
      const move = moves[name];
      if (move === undefined) return false;
      setWanted((line) => within(limits.current, move(within(limits.current, line), limits.current)));
      return true;
    },
  };
}

const moves: Readonly<Record<string, (line: number, limits: Limits) => number>> = {
  down: (line) => line + 1,
  up: (line) => line - 1,
  pagedown: (line, { room }) => line + room,
  pageup: (line, { room }) => line - room,
  home: () => 0,
  end: (_, { last }) => last,
};

function within({ last }: Limits, line: number): number {
  return Math.max(0, Math.min(last, line));
}
