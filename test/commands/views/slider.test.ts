import { describe, expect, it } from "vitest";
import {
  formatHundredths,
  movedBy,
  type Slider,
  sliderBar,
  typedHundredths,
  usdOfHundredths,
} from "../../../commands/views/slider.ts";
import { parseUsd } from "../../../src/money.ts";

const hours: Slider = { title: "hours", unit: "busy", min: 0, max: 2_400, step: 100, places: 1, isMoney: false };
const dollars: Slider = { title: "dollars", unit: "", min: 0, max: 100_000, step: 100, places: 2, isMoney: true };

describe("a slider", () => {
  it.each([
    [1_200, 1, 1_300],
    [1_250, 1, 1_300],
    [1_250, -1, 1_200],
    [2_400, 1, 2_400],
    [300, -10, 0],
  ])("at %i moved by %i is at %i: on whole steps, within its ends", (from, steps, to) => {
    expect(movedBy(hours, from, steps)).toBe(to);
  });

  it.each([
    ["7", 700],
    ["7.", 700],
    ["7.5", 750],
    ["07", 700],
    ["7.55", null],
    ["25", null],
    [".5", null],
    ["", null],
    ["1e1", null],
  ])('takes "%s" as %s hundredths', (text, hundredths) => {
    expect(typedHundredths(hours, text)).toBe(hundredths);
  });

  it("keeps dollars exact", () => {
    expect(usdOfHundredths(typedHundredths(dollars, "12.57") ?? 0)).toBe(parseUsd("12.57"));
    expect(formatHundredths(dollars, 100_000)).toBe("$1,000.00");
  });

  it("has its knob at one end, at the other, or between", () => {
    expect(sliderBar(hours, 0, 5)).toBe("●────");
    expect(sliderBar(hours, 2_400, 5)).toBe("━━━━●");
    expect(sliderBar(hours, 400, 5)).toBe("━━●──");
  });
});
