import { expect, it } from "vitest";
import { seedAt } from "../../../daemon/llama/seed.ts";

it("gives each position and each base seed a seed of its own, in 32 bits", () => {
  const seeds = new Set<number>();
  for (const base of [0, 1, 2, 4_294_967_295]) {
    for (let position = 0; position < 2_500; position++) seeds.add(seedAt(base, position));
  }
  expect(seeds.size).toBeGreaterThan(9_990);
  for (const seed of seeds) expect(Number.isInteger(seed) && seed >= 0 && seed <= 4_294_967_295).toBe(true);
});

it("stays what it is, so that an answer begun by one version can be continued by another", () => {
  expect([seedAt(0, 0), seedAt(7, 35), seedAt(4_294_967_295, 131_071)]).toMatchInlineSnapshot(`
    [
      2462723854,
      43084441,
      1082333547,
    ]
  `);
});
