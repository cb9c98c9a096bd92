import { expect, test } from "vitest";
import { createProgress, describeProgress, formatBytes, formatDuration } from "../../commands/printer.ts";
import { stillClock } from "../worlds/still-clock.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [999_949, "999.9 KB"],
  [999_950, "1.0 MB"],
  [4_600_000_000, "4.6 GB"],
  [9_000_000_000_000_000, "9000.0 TB"],
])("%i bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [3_661_000, "1 h 1 min"],
  [90_000_000, "1 d 1 h"],
  [86_400_000, "1 d"],
])("%i ms are %s", (durationMs, text) => {
  expect(formatDuration(durationMs)).toBe(text);
});

test("progress names its step, bytes where it has them, and an estimate until it is done", () => {
  expect(describeProgress({ step: "Measuring" })).toBe("Measuring");
  expect(describeProgress({ step: "Fetching", done: 1_500 })).toBe("Fetching · 1.5 KB");
  expect(describeProgress({ step: "Fetching", done: 1_500, total: 2_000 })).toBe("Fetching · 1.5 KB of 2.0 KB, 75%");
  const fetching = { step: "Fetching", done: 1_500, total: 2_000 };
  expect(describeProgress(fetching, 125)).toBe("Fetching · 1.5 KB of 2.0 KB, 75%, 2 min 5 s left");
  expect(describeProgress({ ...fetching, done: 2_000 }, 0)).toBe("Fetching · 2.0 KB of 2.0 KB, 100%");
});

test("a terminal is shown how long a step will take yet, anew for each step; what is no terminal is shown nothing", async () => {
  const clock = stillClock(0);
  const drawn: string[] = [];
  const terminal = { isTTY: true, columns: 120, write: (text: string) => drawn.push(text) };
  const progress = createProgress(terminal, clock);
  progress.update({ step: "Fetching", done: 0, total: 4_000 });
  clock.move(2_000);
  progress.update({ step: "Fetching", done: 1_000, total: 4_000 });
  await expect.poll(() => drawn.at(-1)).toContain("Fetching · 1.0 KB of 4.0 KB, 25%, 6 s left");
  progress.update({ step: "Loading", done: 2_000, total: 4_000 });
  expect(drawn.at(-1)).toMatch(/Loading · 2\.0 KB of 4\.0 KB, 50%$/);
  progress.end();
  expect(drawn.at(-1)).toBe("\r\x1b[2K");
  const piped = createProgress({ ...terminal, isTTY: false, write: expect.unreachable }, clock);
  piped.update({ step: "Fetching" });
  piped.end();
});
