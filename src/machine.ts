import { readFileSync } from "node:fs";
import { availableParallelism, freemem, totalmem } from "node:os";
import { join } from "node:path";

/** What this process may use of the machine's memory: a container's share, where it is in one. */
export function memoryBytes(): number {
  // 0, or more than any machine has, where there is no limit.
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}

export function freeMemoryBytes(): number {
  return Math.min(freemem(), process.availableMemory());
}

/**
 * Threads that run at once: the machine's, or the share of a container, rounded down, but one at least. Node 20 doesn't
 * know of that. Source: cgroups(7), cpu.max, and in version 1 cpu.cfs_quota_us.
 */
export function threadsAtOnce(controlGroup = "/sys/fs/cgroup"): number {
  const read = (file: string) => textOf(join(controlGroup, file)).trim();
  const limit = read("cpu.max") || `${read("cpu/cpu.cfs_quota_us")} ${read("cpu/cpu.cfs_period_us")}`;
  const [quota = 0, period = 0] = limit.split(" ").map(Number);
  const share = quota > 0 && period > 0 ? Math.floor(quota / period) : Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(availableParallelism(), share));
}

/** Empty where it can't be read: not every system has control groups. */
function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
