import { expect, test } from "vitest";
import { createEstimate } from "../../commands/estimate.ts";
import { stillClock } from "../worlds/still-clock.ts";

test("an estimate follows the speed of late, from where it was taken up on", () => {
  const clock = stillClock(0);
  const estimate = createEstimate(clock);
  estimate.add(500_000);
  expect(estimate.secondsLeft(1_000_000)).toBeUndefined();
  clock.move(2_000);
  estimate.add(600_000);
  expect(estimate.secondsLeft(1_000_000)).toBe(8);
  for (let second = 0; second < 30; second += 1) {
    clock.move(1_000);
    estimate.add(600_000 + 10_000 * (second + 1));
  }
  expect(estimate.secondsLeft(1_000_000)).toBe(10);
});

test("an estimate grows while nothing moves, and there is none once nothing moved for long", () => {
  const clock = stillClock(0);
  const estimate = createEstimate(clock);
  estimate.add(0);
  clock.move(1_000);
  estimate.add(100);
  expect(estimate.secondsLeft(200)).toBe(1);
  clock.move(9_000);
  estimate.add(100);
  expect(estimate.secondsLeft(200)).toBe(10);
  for (let second = 0; second < 20; second += 1) {
    clock.move(1_000);
    estimate.add(100);
  }
  expect(estimate.secondsLeft(200)).toBeUndefined();
});

test("an estimate starts anew where what is done goes back", () => {
  const clock = stillClock(0);
  const estimate = createEstimate(clock);
  estimate.add(900);
  clock.move(5_000);
  estimate.add(100);
  expect(estimate.secondsLeft(1_000)).toBeUndefined();
  clock.move(1_000);
  estimate.add(200);
  expect(estimate.secondsLeft(1_000)).toBe(8);
});
