import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/** A process told apart from a later one that was given the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Linux: the boot's id and the process's start in clock ticks since; empty elsewhere. */
  readonly processStart: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

export function ownIdentity(startedAt: number): ProcessIdentity {
  return { pid: process.pid, processStart: processStart(process.pid) ?? "", startedAt };
}

/** Whether that very process still runs. A zombie doesn't: it holds no lock, no port and no socket any more. */
export function isAlive(identity: ProcessIdentity): boolean {
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  if (process.platform === "linux") return processStart(identity.pid) === identity.processStart;
  const bootedAt = Date.now() - uptime() * 1_000;
  return identity.startedAt > bootedAt - 60_000;
}

/** Null where there is no such process (any more) or the platform doesn't say. Source: proc(5), fields 3 and 22 of stat. */
function processStart(pid: number): string | null {
  if (process.platform !== "linux") return null;
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const isZombie = fields[0] === "Z" || fields[0] === "X";
    return isZombie ? null : `${boot}:${fields[19]}`;
  } catch {
    // The process ended between two looks, which is what is being asked.
    return null;
  }
}
