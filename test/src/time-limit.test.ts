import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it, onTestFinished } from "vitest";
import { timeLimit } from "../../src/time-limit.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

it("fires where nothing but a signal made of it is listened to, whatever is collected meanwhile", async () => {
  const { signal } = new AbortController();
  const composed = AbortSignal.any([AbortSignal.any([signal, timeLimit(200)]), signal]);
  const collecting = setInterval(collectGarbage, 20);
  onTestFinished(() => clearInterval(collecting));
  await new Promise((resolve) => composed.addEventListener("abort", resolve));
  expect(composed.reason).toMatchObject({ name: "TimeoutError" });
});
