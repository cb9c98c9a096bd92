import type { Clock } from "../../src/clock.ts";

export interface DownloadProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Over the last few seconds; 0 until it is known. */
  readonly bytesPerSecond: number;
  /** Undefined until the rate is known. */
  readonly secondsLeft: number | undefined;
}

export type OnDownloadProgress = (progress: DownloadProgress) => void;

const reportMs = 200;
const memoryMs = 5_000;

/** Turns counts of bytes into reports, at most five a second, that never go back; `end` reports the whole. */
export function createRateMeter(totalBytes: number, report: OnDownloadProgress, clock: Clock) {
  const samples: { at: number; doneBytes: number }[] = [];
  let reportedAt = Number.NEGATIVE_INFINITY;
  let furthest = 0;

  function progressAt(at: number, doneBytes: number): DownloadProgress {
    samples.push({ at, doneBytes });
    while (samples.length > 2 && at - (samples[0]?.at ?? at) > memoryMs) samples.shift();
    const oldest = samples[0] ?? { at, doneBytes };
    const elapsedMs = at - oldest.at;
    const moved = Math.max(0, doneBytes - oldest.doneBytes);
    const bytesPerSecond = elapsedMs <= 0 ? 0 : Math.round((moved * 1000) / elapsedMs);
    const secondsLeft = bytesPerSecond === 0 ? undefined : Math.ceil((totalBytes - doneBytes) / bytesPerSecond);
    return { doneBytes, totalBytes, bytesPerSecond, secondsLeft };
  }

  return {
    update(doneBytes: number): void {
      const at = clock.monotonic();
      if (at - reportedAt < reportMs) return;
      reportedAt = at;
      furthest = Math.max(furthest, doneBytes);
      report(progressAt(at, furthest));
    },
    end(): void {
      report(progressAt(clock.monotonic(), totalBytes));
    },
  };
}
