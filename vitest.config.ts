import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What starts processes first: it takes longest, and one long file at the end keeps a core waiting. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const startsProcesses = ({ moduleId }: TestSpecification) => /test\/(chaos|commands)\//.test(moduleId);
    const sorted = await super.sort(files);
    return [...sorted.filter(startsProcesses), ...sorted.filter((file) => !startsProcesses(file))];
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    // What any machine needs, however busy: they end what hangs, and measure nothing.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    // Most of the time is spent waiting for processes: two cores have room for a third.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Real processes on a shared machine: what fails once there is tried once more, and only there.
    retry: process.env.CI === undefined ? 0 : 1,
  },
});
