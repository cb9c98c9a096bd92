import type { Clock } from "../clock.ts";

export interface DownloadProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export type OnDownloadProgress = (progress: DownloadProgress) => void;

const reportMs = 200;

/** Turns counts of bytes into reports, at most five a second, that never go back; `end` reports the whole. */
export function createProgressMeter(totalBytes: number, report: OnDownloadProgress, clock: Clock) {
  let reportedAt = Number.NEGATIVE_INFINITY;
  let furthest = 0;
  return {
    update(doneBytes: number): void {
      const at = clock.monotonic();
      if (at - reportedAt < reportMs) return;
      reportedAt = at;
      furthest = Math.max(furthest, doneBytes);
      report({ doneBytes: furthest, totalBytes });
    },
    end(): void {
      report({ doneBytes: totalBytes, totalBytes });
    },
  };
}
