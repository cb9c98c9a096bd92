import { expect, it } from "vitest";
import { registryBench } from "./registry.ts";

it("measures hashing, signing, verifying and a download beside their limits, each measured in the same run", async () => {
  const rows = await registryBench(20_000_000, 1);
  const rate = (measure: string | null) => rows.find((row) => row.measure === measure)?.megabytesPerSecond ?? 0;
  expect(rows.filter(({ limit }) => limit !== null).map(({ measure, limit }) => [measure, limit])).toEqual([
    ["hash (one SHA-256 of the whole)", "read"],
    ["sign (shards)", "read"],
    ["verify (shards)", "read"],
    ["download, verified and on disk", "loopback"],
  ]);
  for (const { megabytesPerSecond, limit, ratio } of rows) {
    expect(megabytesPerSecond).toBeGreaterThan(0);
    if (limit !== null) expect(ratio).toBeCloseTo(megabytesPerSecond / rate(limit));
  }
});
