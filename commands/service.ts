import { createHash } from "node:crypto";
import { basename } from "node:path";
import { type Home, homeAt } from "../src/paths.ts";

/** What the platform's service manager is to keep running. */
export interface Service {
  /** Without the manager's own ending: "peerllm-host", or "peerllm-host-office-1f0c2a9b". */
  readonly name: string;
  /** "host", "orchestrator". */
  readonly title: string;
  /** Absolute. */
  readonly home: string;
  /** The program and its arguments, all paths absolute. */
  readonly command: readonly string[];
}

export interface ServiceState {
  readonly installed: boolean;
  /** Whether it starts when its user logs in. */
  readonly enabled: boolean;
  readonly running: boolean;
  readonly unit: string;
  /** Whether it also runs while its user is logged out; null where that isn't known. */
  readonly lingers: boolean | null;
}

/** systemd or launchd, as it keeps one service of this user. */
export interface ServiceManager {
  /** Where the service is written down. */
  readonly file: string;
  /** Why nothing can be started here, and what to do instead; null where all is well. */
  obstacle(): Promise<Obstacle | null>;
  state(): Promise<ServiceState>;
  /** Writes it down, enables and starts it; one that runs is started again where anything changed. */
  install(): Promise<void>;
  /** False where it was not installed. */
  uninstall(): Promise<boolean>;
}

export interface Obstacle {
  readonly reason: string;
  readonly hint: string;
}

/** In the platform's own home a group's service is "peerllm-host"; in any other it is named for the folder and its path too. */
export function serviceName({ root }: Home, group: string): string {
  if (root === homeAt(undefined).root) return `peerllm-${group}`;
  const folder = basename(root)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 32);
  const digest = createHash("sha256").update(root).digest("hex").slice(0, 8);
  return [`peerllm-${group}`, folder, digest].filter((part) => part !== "").join("-");
}

/** Longer than a daemon's own drain takes, which a restart waits for. */
const toolMsMax = 90_000;

export interface ToolRun {
  /** Null where the tool isn't installed. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a service manager's tool. Never throws for what the tool says. */
export async function runTool(tool: string, words: readonly string[], signal: AbortSignal): Promise<ToolRun> {
  const { execa } = await import("execa");
  const done = await execa(tool, words, { reject: false, timeout: toolMsMax, stdin: "ignore", cancelSignal: signal });
  signal.throwIfAborted();
  const exitCode = done.code === "ENOENT" ? null : (done.exitCode ?? 1);
  return { exitCode, stdout: done.stdout, stderr: done.stderr };
}
