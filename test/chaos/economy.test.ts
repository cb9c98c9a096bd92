import { expect, it } from "vitest";
import { killBooks } from "./economy.ts";

it("books killed at random instants lose nothing, make nothing, and agree with PayPal", {
  timeout: 300_000,
}, async () => {
  const result = await killBooks(20_261_103, 3, () => {});
  expect(result.problems).toEqual([]);
  expect(result.told).toBeGreaterThan(0);
});
