import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // Real processes on a shared machine: what fails once there is tried once more, and only there.
    retry: process.env.CI === undefined ? 0 : 1,
  },
});
