import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    // What any machine needs, however busy: they end what hangs, and measure nothing.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    maxWorkers: 2,
    // Real processes on a shared machine: what fails once there is tried once more, and only there.
    retry: process.env.CI === undefined ? 0 : 1,
  },
});
