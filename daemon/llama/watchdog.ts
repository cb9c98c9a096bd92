import { timeLimit } from "../../src/time-limit.ts";

export interface WatchdogOptions {
  readonly everyMs: number;
  /** Resolves with how long the child's present step has taken, in ms; rejects when `signal` aborts first. */
  readonly ask: (signal: AbortSignal) => Promise<number>;
  /** Silence after which a child is taken for wedged, and the longest one step may take. */
  readonly silenceMsMax: number;
  readonly stepMsMax: number;
  readonly wedged: (why: "silent" | "stuck") => void;
}

/** Asks a child for a sign of life every now and then, until `signal` aborts; tells once when it gives none. */
export async function watch(options: WatchdogOptions, signal: AbortSignal): Promise<void> {
  while (await pause(options.everyMs, signal)) {
    const patience = timeLimit(options.silenceMsMax);
    try {
      const stepMs = await options.ask(AbortSignal.any([signal, patience]));
      if (stepMs > options.stepMsMax) return options.wedged("stuck");
    } catch (error) {
      if (signal.aborted) return;
      if (!patience.aborted) throw error;
      return options.wedged("silent");
    }
  }
}

/** False when the signal aborted. */
function pause(delayMs: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    const done = (isOver: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      resolve(isOver);
    };
    const onAbort = () => done(false);
    const timer = setTimeout(() => done(true), delayMs);
    signal.addEventListener("abort", onAbort);
  });
}
