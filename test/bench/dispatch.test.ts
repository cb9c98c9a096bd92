import { expect, it } from "vitest";
import { wholeNumber } from "./dispatch.ts";

it("an option's number is whole and 1 or more, and named where it isn't", () => {
  expect(wholeNumber("--laps", "3")).toBe(3);
  for (const text of ["", "0", "-1", "1.5", "x", "1e400"]) {
    expect(() => wholeNumber("--laps", text)).toThrowError(/--laps.*whole number/);
  }
});
