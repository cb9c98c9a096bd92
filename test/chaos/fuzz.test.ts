import { expect, it } from "vitest";
import { fuzz } from "./fuzz.ts";

it("an orchestrator and a host that are thrown mutated frames, requests, manifests and calls neither crash, hang nor grow", async () => {
  const figures = await fuzz(20_261_122, 400, () => {});
  expect(figures.problems).toEqual([]);
  expect(figures.thrown).toMatchObject({
    frames: 80,
    requests: 80,
    manifests: 80,
    control: 80,
    "frames to a host": 80,
    headers: 20,
  });
}, 300_000);
