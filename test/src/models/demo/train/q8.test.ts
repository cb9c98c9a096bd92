import { expect, it } from "vitest";
import { halfBits, quantizedQ8 } from "../../../../../src/models/demo/train/q8.ts";

it.each([
  [0, 0x0000],
  [1, 0x3c00],
  [0.5, 0x3800],
  [65_504, 0x7bff],
  [2 ** -14, 0x0400],
  [2 ** -24, 0x0001],
  [1 - 2 ** -12, 0x3c00],
  [0.1, 0x2e66],
])("half precision writes %d as its IEEE 754 bits", (value, bits) => {
  expect(halfBits(value)).toBe(bits);
});

it("a block keeps every value to half a step of its largest", () => {
  const values = Float32Array.from({ length: 64 }, (_, index) => Math.sin(index) * (index < 32 ? 1 : 0.01));
  const bytes = quantizedQ8(values);
  const view = new DataView(bytes.buffer);
  expect(bytes).toHaveLength(68);
  values.forEach((value, index) => {
    const block = Math.floor(index / 32);
    const step = (block === 0 ? 1 : 0.01) / 127;
    const decoded = view.getInt8(block * 34 + 2 + (index % 32)) * step;
    expect(Math.abs(decoded - value)).toBeLessThan(step);
  });
});

it("a block of zeros stays zeros", () => {
  expect([...quantizedQ8(new Float32Array(32))]).toEqual(new Array<number>(34).fill(0));
});
