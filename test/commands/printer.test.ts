import { expect, test } from "vitest";
import { describeProgress, formatBytes, formatDuration } from "../../commands/printer.ts";

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

test("progress names its step, and bytes where it has them", () => {
  expect(describeProgress({ step: "Measuring" })).toBe("Measuring");
  expect(describeProgress({ step: "Fetching", done: 1_500 })).toBe("Fetching · 1.5 KB");
  expect(describeProgress({ step: "Fetching", done: 1_500, total: 2_000 })).toBe("Fetching · 1.5 KB of 2.0 KB, 75%");
});
