import { systemClock } from "../src/clock.ts";
import type { Session } from "./session.ts";

const lookMs = 1_000;

/** Whether a screen can be shown and keys be read. */
export function hasScreen({ isJson }: Session): boolean {
  return !isJson && process.stdin.isTTY === true && process.stdout.isTTY === true;
}

/** Prints one line whenever what `read` says changes in words, until interrupted or until `read` fails. */
export async function watch<State>(
  session: Session,
  read: () => Promise<State>,
  describe: (state: State) => string,
): Promise<void> {
  let last: string | undefined;
  while (!session.signal.aborted) {
    const state = await read();
    const words = describe(state);
    if (words !== last) session.printer.line(state, () => `${new Date().toISOString()}  ${words}`);
    last = words;
    await systemClock.sleep(lookMs, session.signal).catch(() => {});
  }
}
