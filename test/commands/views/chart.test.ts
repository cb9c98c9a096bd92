import { describe, expect, it } from "vitest";
import { columnChart, sparkline } from "../../../commands/views/chart.ts";

describe("a sparkline", () => {
  it("has a bar for each of the last values, the highest full and nothing a dot", () => {
    expect(sparkline([9, 1, 2, 4], 3)).toBe("▂▄█");
    expect(sparkline([], 3)).toBe("");
    expect(sparkline([0, 0, 1_000, 1], 4)).toBe("··█▁");
  });
});

describe("a chart of columns", () => {
  it("is as high as its highest value, which any other is measured by", () => {
    expect(columnChart([0, 1, 4, 8], 2, 1)).toEqual(["   █", "·▂██"]);
    expect(columnChart([1, 2], 1, 3)).toEqual(["▄▄▄███"]);
  });

  it("shows the least that is more than nothing", () => {
    expect(columnChart([1, 1_000_000, 0], 3, 1)).toEqual([" █ ", " █ ", "▁█·"]);
    expect(columnChart([0, 0], 2, 2)).toEqual(["    ", "····"]);
  });
});
