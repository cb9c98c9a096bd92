import { describe, expect, it } from "vitest";
import { Exposure } from "../../../src/scheduling/exposure.ts";

const part = (tokens: number, name = "a part") => ({ name, tokens });

describe("how much of a prompt one owner may see", () => {
  it("counts every showing to an owner, backups and replacements too", () => {
    const exposure = new Exposure(100, 0.5);
    exposure.record("a", part(30));
    expect(exposure.mayShow("a", part(20))).toBe(true);
    expect(exposure.mayShow("a", part(21))).toBe(false);
    exposure.record("a", part(20));
    expect(exposure.mayShow("a", part(1))).toBe(false);
    expect(exposure.mayShow("b", part(50))).toBe(true);
    expect(exposure.largestShare()).toBe(0.5);
  });

  it("knows a part that nobody may see", () => {
    expect(new Exposure(100, 0.5).mayShowAnyone(51)).toBe(false);
    expect(new Exposure(100, Number.POSITIVE_INFINITY).mayShowAnyone(100)).toBe(true);
  });

  it("lets an empty prompt be shown where all may be, whatever its template adds", () => {
    const exposure = new Exposure(0, Number.POSITIVE_INFINITY);
    expect([exposure.mayShowAnyone(7), exposure.mayShow("a", part(7))]).toEqual([true, true]);
    expect(new Exposure(0, 0.5).mayShowAnyone(7)).toBe(false);
  });

  it("never reports more than the whole", () => {
    const exposure = new Exposure(10, Number.POSITIVE_INFINITY);
    exposure.record("a", part(10));
    exposure.record("a", part(10));
    expect(exposure.largestShare()).toBe(1);
  });

  it("keeps room for every part that has some set aside, and gives it to that part alone", () => {
    const exposure = new Exposure(100, 0.5);
    const parts = [part(30, "1"), part(20, "2"), part(20, "3"), part(30, "4")];
    expect(exposure.reserve(parts, ["a", "b"])).toBe(true);
    expect(exposure.mayShow("a", part(1, "5"))).toBe(false);
    for (const each of parts) {
      const owner = ["a", "b"].find((candidate) => exposure.mayShow(candidate, each));
      expect(owner).toBeDefined();
      exposure.record(owner ?? "", each);
    }
    expect(exposure.largestShare()).toBe(0.5);
  });

  it("sets nothing aside where there is not room for all", () => {
    const exposure = new Exposure(100, 0.5);
    expect(exposure.reserve([part(40, "1"), part(30, "2"), part(30, "3")], ["a", "b"])).toBe(false);
    expect(exposure.mayShow("a", part(50, "4"))).toBe(true);
  });
});
