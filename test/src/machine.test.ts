import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { freeMemoryBytes, memoryBytes, threadsAtOnce } from "../../src/machine.ts";
import { temporaryFolder } from "../worlds/command.ts";

afterEach(() => void vi.restoreAllMocks());

test.each([
  ["a container's limit", 734_003_200, 734_003_200],
  ["the machine's where nothing limits it", 0, totalmem()],
  ["the machine's where the limit is none", 2 ** 64, totalmem()],
])("memory is %s", (_, constrained, expected) => {
  vi.spyOn(process, "constrainedMemory").mockReturnValue(constrained);
  expect(memoryBytes()).toBe(expected);
});

test("free memory is what a container has left", () => {
  vi.spyOn(process, "availableMemory").mockReturnValue(1_000);
  expect(freeMemoryBytes()).toBe(1_000);
});

const all = availableParallelism();

test.each<[string, Record<string, string>, number]>([
  ["one for a share of less than two", { "cpu.max": "150000 100000\n" }, 1],
  ["one for a share of less than one", { "cpu.max": "50000 100000\n" }, 1],
  ["the machine's for a larger share", { "cpu.max": `${all + 1}00000 100000\n` }, all],
  ["the machine's without a quota", { "cpu.max": "max 100000\n" }, all],
  ["by the first version's quota", { "cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n" }, 1],
  ["the machine's where that is none", { "cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n" }, all],
  ["the machine's without control groups", {}, all],
])("threads are %s", async (_, files, expected) => {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  expect(threadsAtOnce(folder)).toBe(expected);
});
