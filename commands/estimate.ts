import type { Clock } from "../src/clock.ts";

/** How long what is under way will take yet, by how fast it went of late. */
export interface Estimate {
  /** `done` of whatever is counted; going back starts anew. */
  add(done: number): void;
  /** Until `total`; undefined until it moved for a second, and while it stands still. */
  secondsLeft(total: number): number | undefined;
}

const sampleMs = 250;
const memoryMs = 10_000;
const elapsedMsMin = 1_000;

export function createEstimate(clock: Pick<Clock, "monotonic">): Estimate {
  let samples: { readonly at: number; readonly done: number }[] = [];
  let latest = 0;
  return {
    add(done) {
      if (done < latest) samples = [];
      latest = done;
      const at = clock.monotonic();
      if (at - (samples.at(-1)?.at ?? Number.NEGATIVE_INFINITY) < sampleMs) return;
      samples.push({ at, done });
      while (samples.length > 2 && at - (samples[0]?.at ?? at) > memoryMs) samples.shift();
    },
    secondsLeft(total) {
      const [oldest] = samples;
      const elapsedMs = clock.monotonic() - (oldest?.at ?? Number.POSITIVE_INFINITY);
      const moved = latest - (oldest?.done ?? latest);
      if (elapsedMs < elapsedMsMin || moved <= 0) return undefined;
      return Math.max(0, Math.ceil(((total - latest) * elapsedMs) / (moved * 1_000)));
    },
  };
}
