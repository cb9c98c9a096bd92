import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly isZombie: boolean;
}

/** Living processes whose parent is `pid`. */
export function childrenOf(pid: number): number[] {
  return processes().flatMap((each) => (each.parent === pid && !each.isZombie ? [each.pid] : []));
}

export function isRunning(pid: number): boolean {
  return processes().some((each) => each.pid === pid && !each.isZombie);
}

/** Resident memory in bytes; 0 for a process that is gone. */
export function residentBytes(pid: number): number {
  const kilobytes =
    process.platform === "linux"
      ? /^VmRSS:\s+(\d+) kB$/m.exec(readIfThere(`/proc/${pid}/status`))?.[1]
      : execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" }).trim();
  return Number(kilobytes ?? 0) * 1_024;
}

function processes(): Process[] {
  return process.platform === "linux" ? readProc() : readPs();
}

/** Source: proc(5), fields 1, 3 and 4 of stat; the name in field 2 may hold anything. */
function readProc(): Process[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    const stat = readIfThere(`/proc/${entry}/stat`);
    if (stat === "") return [];
    const [state = "", parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return [{ pid: Number(entry), parent: Number(parent), isZombie: "ZX".includes(state) }];
  });
}

function readPs(): Process[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" }).trim().split("\n");
  return lines.map((line) => {
    const [pid, parent, state = ""] = line.trim().split(/\s+/);
    return { pid: Number(pid), parent: Number(parent), isZombie: state.startsWith("Z") };
  });
}

/** Empty for what ended between two looks. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
