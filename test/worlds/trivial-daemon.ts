import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import * as z from "zod";
import { callDaemon } from "../../src/client/control.ts";
import { type Home, homeAt } from "../../src/paths.ts";
import { type StartReport, startReportSchema } from "../../src/protocol/control.ts";
import type { ControlMethod } from "../../src/protocol/control-methods.ts";

const entry = fileURLToPath(new URL("../fixtures/trivial-daemon.ts", import.meta.url));

/** A folder that is gone after the test. */
export async function temporaryHome(...deeper: string[]): Promise<Home> {
  const root = await mkdtemp(join(tmpdir(), "peerllm-test-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  return homeAt(join(root, ...deeper));
}

export interface TrivialDaemon {
  readonly process: ChildProcess;
  readonly pid: number;
  /** What it told its starter, so far. */
  readonly reports: readonly StartReport[];
  /** Its first report that isn't progress; rejects where it ends without one. */
  readonly started: Promise<StartReport>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** A process that runs the frame of every daemon around a role that does nothing; killed after the test. */
export function trivialDaemon(
  home: Home,
  options: { behaviour?: "serve" | "fail" | "hang"; isAttached?: boolean } = {},
): TrivialDaemon {
  const child = spawn(process.execPath, ["--import", "tsx", entry], { stdio: ["pipe", "ignore", "inherit", "ipc"] });
  const { behaviour = "serve", isAttached = false } = options;
  child.stdin?.end(JSON.stringify({ home: home.root, isAttached, isEchoed: false, options: { behaviour } }));
  const reports: StartReport[] = [];
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const started = new Promise<StartReport>((resolve, reject) => {
    child.on("message", (message) => {
      const report = startReportSchema.parse(message);
      reports.push(report);
      if (report.kind !== "progress") resolve(report);
    });
    child.once("exit", () => reject(new Error("The daemon ended without a word.")));
  });
  started.catch(() => {});
  onTestFinished(() => void child.kill("SIGKILL"));
  return { process: child, pid: child.pid ?? 0, reports, started, exited };
}

/** Calls a method of the trivial role, which no table lists. */
export function callTrivial(home: Home, name: "hold" | "release" | "refuse" | "crash"): Promise<unknown> {
  const method: ControlMethod<z.ZodUnknown, z.ZodUnknown, false> = {
    name,
    params: z.unknown(),
    result: z.unknown(),
    streams: false,
  };
  return callDaemon(home, "network", method, {}, AbortSignal.timeout(20_000));
}
