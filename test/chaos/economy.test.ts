import { expect, it } from "vitest";
import { killBooks } from "./economy.ts";

it("books killed at random instants lose nothing that was told, make nothing, and leave no hold open", async () => {
  const result = await killBooks(20_261_103, 4);
  expect(result.problems).toEqual([]);
  expect(result.told).toBeGreaterThan(0);
});
