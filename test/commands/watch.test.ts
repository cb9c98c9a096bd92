import { expect, onTestFinished, test, vi } from "vitest";
import { createPrinter } from "../../commands/printer.ts";
import { watch } from "../../commands/watch.ts";
import { systemClock } from "../../src/clock.ts";
import { openConfig } from "../../src/config.ts";
import { homeAt } from "../../src/paths.ts";

let isPiped = false;
vi.mock("node:fs", async (original) => ({
  ...(await original<typeof import("node:fs")>()),
  fstatSync: () => ({ isFIFO: () => isPiped }),
}));

/** How often a state that never changes is printed in so many looks. */
async function linesOf(looks: number): Promise<number> {
  const sleep = vi.spyOn(systemClock, "sleep").mockResolvedValue();
  onTestFinished(() => sleep.mockRestore());
  const [interrupted, home] = [new AbortController(), homeAt("/nowhere")];
  let look = 0;
  const printed: number[] = [];
  const printer = { ...createPrinter(true), line: () => void printed.push(look) };
  const said = { home, config: openConfig(home), given: {}, networkUrl: undefined, isJson: true, mayAsk: false };
  const read = async () => {
    look += 1;
    if (look === looks) interrupted.abort();
    return "idle";
  };
  await watch({ ...said, printer, signal: interrupted.signal }, read, (state) => state);
  return printed.length;
}

test.each([
  ["into a pipe is printed now and then: only so is it noticed that nobody reads it", true, 3],
  ["elsewhere is printed once", false, 1],
])("a state that doesn't change %s", async (_, piped, lines) => {
  isPiped = piped;
  expect(await linesOf(31)).toBe(lines);
});
