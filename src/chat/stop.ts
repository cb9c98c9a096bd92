/** Most characters of a stop string. */
export const stopLengthMax = 1_000;

export interface Scanned {
  /** The part that became certain: it neither is nor may become part of a stop string. */
  readonly text: string;
  readonly isStopped: boolean;
}

export interface StopScanner {
  push(text: string): Scanned;
  /** What was held back, once no more text comes; empty after a stop. */
  flush(): string;
}

/**
 * Cuts a streamed text before the first of `stops` to be completed (of two completed by the same character, the
 * longer), holding back only what may still become one. The sum of what comes out is the same for any chunking.
 */
export function createStopScanner(stops: readonly string[]): StopScanner {
  let held = "";
  let isStopped = false;
  return {
    push(text) {
      if (isStopped) return { text: "", isStopped };
      held += text;
      const stopStart = firstStop(held, stops);
      isStopped = stopStart !== undefined;
      const certainLength = stopStart ?? held.length - possibleStopLength(held, stops);
      const certain = held.slice(0, certainLength);
      held = isStopped ? "" : held.slice(certainLength);
      return { text: certain, isStopped };
    },
    flush() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}

function firstStop(text: string, stops: readonly string[]): number | undefined {
  let start: number | undefined;
  let end = Number.POSITIVE_INFINITY;
  for (const stop of stops) {
    const index = stop === "" ? -1 : text.indexOf(stop);
    if (index < 0 || index + stop.length > end) continue;
    if (index + stop.length === end && start !== undefined && start <= index) continue;
    start = index;
    end = index + stop.length;
  }
  return start;
}

/** Length of the longest suffix of `text` that begins a stop string. */
function possibleStopLength(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (stop.startsWith(text.slice(text.length - length))) {
        longest = length;
        break;
      }
    }
  }
  return longest;
}
