import { useState } from "react";
import type { Press } from "./keys.ts";

export interface Scroll {
  /** Index of the first entry shown. */
  readonly from: number;
  /** One past the last entry shown. */
  readonly to: number;
  /** Whether the key was one of its own. */
  take(press: Press): boolean;
}

/** A window of `room` lines on a list of `count` entries, moved by arrows, page keys, home and end. */
export function useScroll(count: number, room: number): Scroll {
  const [wanted, setWanted] = useState(0);
  const last = Math.max(0, count - room);
  const within = (line: number) => Math.max(0, Math.min(last, line));
  const from = within(wanted);
  const moves: Readonly<Record<string, (line: number) => number>> = {
    down: (line) => line + 1,
    up: (line) => line - 1,
    pagedown: (line) => line + room,
    pageup: (line) => line - room,
    home: () => 0,
    end: () => last,
  };
  return {
    from,
    to: Math.min(count, from + room),
    take({ name }) {
      const move = moves[name];
      if (move !== undefined) setWanted((line) => within(move(within(line))));
      return move !== undefined;
    },
  };
}
