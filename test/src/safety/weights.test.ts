import { statSync } from "node:fs";
import { expect, test } from "vitest";
import { packageFile } from "../../../src/paths.ts";
import { decodeWeights, encodeWeights, packagedWeights } from "../../../src/safety/weights.ts";

test("weights survive their file", () => {
  expect(decodeWeights(encodeWeights(packagedWeights()))).toEqual(packagedWeights());
});

test("damaged weights are refused", () => {
  const bytes = encodeWeights(packagedWeights());
  const damaged = expect.objectContaining({ code: "config_invalid" });
  expect(() => decodeWeights(bytes.subarray(0, -1))).toThrow(damaged);
  expect(() => decodeWeights(Buffer.from("nonsense"))).toThrow(damaged);
});

test("the file in the package is at most 400 KB", () => {
  expect(statSync(packageFile("src/safety/triage.weights")).size).toBeLessThanOrEqual(400_000);
});
