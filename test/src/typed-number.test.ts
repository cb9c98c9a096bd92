import { expect, test } from "vitest";
import { decimalNumber, positiveNumber, typedUsd, wholeNumber } from "../../src/typed-number.ts";

test.each(["0", " 7 ", "65535", 12])("%j is a whole number in range", (given) => {
  expect(wholeNumber(0, 65_535).parse(given)).toBe(Number(given));
});

test.each(["", " ", "-1", "65536", "1.5", "1e3", "0x10", "ten", "٣", Number.NaN, true, null, []])(
  "%j is none",
  (given) => {
    const parsed = wholeNumber(0, 65_535).safeParse(given);
    expect(parsed.error?.issues[0]?.message).toBe("must be a whole number from 0 to 65535");
  },
);

test("bounds of decimal numbers are held", () => {
  expect([decimalNumber(0, 2).safeParse("2").success, decimalNumber(0, 2).safeParse("2.01").success]).toEqual([
    true,
    false,
  ]);
  expect([positiveNumber(9).safeParse("0.1").success, positiveNumber(9).safeParse("0").success]).toEqual([true, false]);
});

test("dollars are none or more", () => {
  expect([typedUsd.parse("0"), typedUsd.parse("12.50")]).toEqual([0n, 12_500_000_000n]);
  expect(typedUsd.safeParse("-1").error?.issues[0]?.message).toBe("must not be negative");
});
