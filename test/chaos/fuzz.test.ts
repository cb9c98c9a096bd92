import { expect, it } from "vitest";
import { fuzz } from "./fuzz.ts";

it("an orchestrator that is thrown mutated frames, requests, manifests and calls neither crashes, hangs nor grows", async () => {
  const figures = await fuzz(20_261_122, 400);
  expect(figures.problems).toEqual([]);
  expect(figures.thrown).toMatchObject({ frames: 100, requests: 100, manifests: 100, control: 100, headers: 20 });
}, 300_000);
