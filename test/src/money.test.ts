import { expect, test } from "vitest";
import { formatUsd, parseUsd } from "../../src/money.ts";

test.each([
  ["20", "20.00"],
  ["0.25", "0.25"],
  ["-0.000000001", "-0.000000001"],
  ["999999999.999999999", "999999999.999999999"],
])("%s dollars are kept exactly", (text, kept) => {
  expect(formatUsd(parseUsd(text))).toBe(kept);
});

test.each(["", " 20", "1e3", "0x10", "1,5", ".5", "5.", "0.0000000001", "1000000000", "NaN", "٣"])(
  "%j is no amount, and the hint says what is one",
  (text) => {
    expect(() => parseUsd(text)).toThrow(
      expect.objectContaining({ code: "money_malformed", hint: expect.stringContaining("0.25") }),
    );
  },
);
