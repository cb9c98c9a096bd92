import { fstatSync } from "node:fs";
import { systemClock } from "../src/clock.ts";
import type { Session } from "./session.ts";

const lookMs = 1_000;
/** Whether anybody still reads a pipe shows only when it is written to: after so many looks that said nothing it is. */
const silentLooksMax = 15;

/** Whether a screen can be shown and keys be read. */
export function hasScreen({ isJson }: Session): boolean {
  return !isJson && process.stdin.isTTY === true && process.stdout.isTTY === true;
}

/**
 * Prints one line whenever what `read` says changes in words, and into a pipe now and then though it doesn't, until
 * interrupted or until `read` fails. `news` is what
 * happened since the state before, if there was one: each is told once, on the line of the change it came with.
 */
export async function watch<State>(
  session: Session,
  read: () => Promise<State>,
  describe: (state: State) => string,
  news: (state: State, before: State | undefined) => readonly string[] = () => [],
): Promise<void> {
  let last: string | undefined;
  let before: State | undefined;
  const looksMax = fstatSync(1).isFIFO() ? silentLooksMax : Number.POSITIVE_INFINITY;
  let silentLooks = 0;
  while (!session.signal.aborted) {
    const state = await read();
    const words = describe(state);
    const happened = news(state, before);
    silentLooks += 1;
    if (words !== last || happened.length > 0 || silentLooks >= looksMax) {
      silentLooks = 0;
      session.printer.line(state, () => [`${new Date().toISOString()}  ${words}`, ...happened].join(", "));
    }
    last = words;
    before = state;
    await systemClock.sleep(lookMs, session.signal).catch(() => {});
  }
}
