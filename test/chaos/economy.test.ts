import { expect, it } from "vitest";
import { killOrchestrator } from "./economy.ts";

it("an orchestrator killed at random instants loses no money, makes none, and agrees with PayPal", {
  timeout: 300_000,
}, async () => {
  const result = await killOrchestrator(20_261_103, 3, () => {});
  expect(result.problems).toEqual([]);
  expect(result.told.settled).toBeGreaterThan(0);
});
