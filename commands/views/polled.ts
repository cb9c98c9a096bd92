import { useApp } from "ink";
import { useEffect, useState } from "react";
import { systemClock } from "../../src/clock.ts";
import { timeOf } from "./words.ts";

export interface Polled<Value> {
  /** The last that was read; null before the first. */
  readonly value: Value | null;
  /** Why it could not be read since, with the time; null while all is well. */
  readonly failure: string | null;
}

const everyMs = 1_000;

/**
 * What `read` gives, read again a second after each answer. A first failure ends the view with it; after that the last
 * value stays and the failure is told until reading succeeds again.
 */
export function usePolled<Value>(read: () => Promise<Value>): Polled<Value> {
  const { exit } = useApp();
  const [polled, setPolled] = useState<Polled<Value>>({ value: null, failure: null });
  useEffect(() => {
    const over = new AbortController();
    const follow = async () => {
      let isFirst = true;
      while (!over.signal.aborted) {
        try {
          const value = await read();
          if (over.signal.aborted) return;
          setPolled({ value, failure: null });
          isFirst = false;
        } catch (error) {
          if (over.signal.aborted) return;
          const reason = error instanceof Error ? error : new Error(String(error));
          if (isFirst) return exit(reason);
          setPolled(({ value, failure }) => ({
            value,
            failure: failure ?? `since ${timeOf(Date.now())}: ${reason.message}`,
          }));
        }
        await systemClock.sleep(everyMs, over.signal).catch(() => "over");
      }
    };
    void follow();
    return () => over.abort();
  }, [read, exit]);
  return polled;
}
