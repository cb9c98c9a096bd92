import { describe, expect, it } from "vitest";
import { Exposure } from "../../../src/scheduling/exposure.ts";

describe("how much of a prompt one owner may see", () => {
  it("counts every showing to an owner, backups and replacements too", () => {
    const exposure = new Exposure(100, 0.5);
    exposure.record("a", 30);
    expect(exposure.mayShow("a", 20)).toBe(true);
    expect(exposure.mayShow("a", 21)).toBe(false);
    exposure.record("a", 20);
    expect(exposure.mayShow("a", 1)).toBe(false);
    expect(exposure.mayShow("b", 50)).toBe(true);
    expect(exposure.largestShare()).toBe(0.5);
  });

  it("knows a part that nobody may see", () => {
    expect(new Exposure(100, 0.5).mayShowAnyone(51)).toBe(false);
    expect(new Exposure(100, Number.POSITIVE_INFINITY).mayShowAnyone(100)).toBe(true);
  });

  it("never reports more than the whole", () => {
    const exposure = new Exposure(10, Number.POSITIVE_INFINITY);
    exposure.record("a", 10);
    exposure.record("a", 10);
    expect(exposure.largestShare()).toBe(1);
  });
});
