import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { callDaemon } from "../src/client/control.ts";
import { isAlive, type ProcessIdentity } from "../src/client/process-identity.ts";
import { readLockRecord } from "../src/client/run-record.ts";
import { systemClock } from "../src/clock.ts";
import { isPeerError, PeerError } from "../src/errors.ts";
import { type Home, packageFile } from "../src/paths.ts";
import { errorOfDocument, type RoleName, type StartProgress, startReportSchema } from "../src/protocol/control.ts";
import { frameMethods } from "../src/protocol/control-methods.ts";
import { timeLimit } from "../src/time-limit.ts";

export interface DaemonStart {
  readonly home: Home;
  readonly role: RoleName;
  /** By the role's schema of src/protocol/start.ts. */
  readonly options: unknown;
  /**
   * In the background a daemon is on its own once it serves. In the foreground it lives and dies with this command and
   * logs to its standard error too; attached, it does the first alone.
   */
  readonly mode: "background" | "foreground" | "attached";
}

export interface StartedDaemon {
  readonly ready: Readonly<Record<string, unknown>>;
  readonly pid: number;
  /** Resolves once the process is gone; in the background nobody waits for it. */
  readonly exited: Promise<DaemonEnd>;
  /** Asks it to drain and go. */
  stop(): void;
}

export interface DaemonEnd {
  readonly exitCode: number;
  /** Why it ended after it had served, where nobody told it to. */
  readonly failure: PeerError | null;
}

/**
 * Starts a daemon and waits until it serves. In the background it is then on its own: it survives this command and
 * its terminal. Throws what kept it from serving. An abort of the signal before then stops it.
 */
export async function startDaemon(
  start: DaemonStart,
  onProgress: (progress: StartProgress) => void,
  signal: AbortSignal,
): Promise<StartedDaemon> {
  const holder = await readLockRecord(start.home, start.role);
  signal.throwIfAborted();
  const child = spawnDaemon(start, holder !== null && isAlive(holder));
  const exited = endOf(child, start.mode);
  const onAbort = () => child.kill("SIGTERM");
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    child.stdin?.on("error", () => {});
    child.stdin?.end(
      JSON.stringify({
        home: start.home.root,
        isAttached: start.mode !== "background",
        isEchoed: start.mode === "foreground",
        options: start.options,
      }),
    );
    const ready = await waitUntilReady(child, start, onProgress);
    if (start.mode === "background") child.unref();
    return { ready, pid: child.pid ?? 0, exited, stop: () => child.kill("SIGTERM") };
  } catch (error) {
    await exited;
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function endOf(child: ChildProcess, mode: DaemonStart["mode"]): Promise<DaemonEnd> {
  let failure: PeerError | null = null;
  // A process that could not be made has no end to wait for.
  if (child.pid === undefined) return { exitCode: 1, failure };
  child.on("message", (message) => {
    const report = startReportSchema.safeParse(message);
    if (report.success && report.data.kind === "failed") failure = errorOfDocument(report.data.error);
  });
  // What it said last may come after its exit, but before its channel's end.
  const told = mode === "background" ? null : new Promise((resolve) => child.once("disconnect", resolve));
  const exitCode = await new Promise<number>((resolve) => {
    child.once("exit", (code, name) => resolve(code ?? (name === null ? 1 : 128)));
  });
  await told;
  return { exitCode, failure };
}

/** One that finds another at work ends at once, and says so in a file that is still the other's. */
function spawnDaemon({ home, role, mode }: DaemonStart, isHeld: boolean): ChildProcess {
  mkdirSync(home.root, { recursive: true, mode: 0o700 });
  mkdirSync(home.logsDirectory, { recursive: true, mode: 0o700 });
  const file = join(home.logsDirectory, `${role}.stderr.log`);
  // What a process says that can't log any more: a native crash, memory that ran out.
  const lastWords = mode === "foreground" ? "inherit" : openSync(file, isHeld ? "a" : "w", 0o600);
  const { PEERLLM_API_KEY: _, ...environment } = process.env;
  const words = [packageFile("dist/daemon.js"), role];
  const isPosix = process.platform !== "win32";
  // A core dump would hold prompts, here or in the engines that inherit the limit; Node can't set it.
  const limited = ["-c", 'ulimit -c 0; exec "$0" "$@"', process.execPath, ...words];
  const child = spawn(isPosix ? "/bin/sh" : process.execPath, isPosix ? limited : words, {
    cwd: home.root,
    // A session of its own: the terminal's Ctrl-C is for the command, which asks it once to drain and go.
    detached: true,
    // The engine's library looks for the user's folder when it is loaded, and fails where there is none.
    env: { HOME: home.root, ...environment },
    stdio: ["pipe", "ignore", lastWords, "ipc"],
    windowsHide: true,
  });
  if (lastWords !== "inherit") closeSync(lastWords);
  return child;
}

function waitUntilReady(
  child: ChildProcess,
  { home, role, mode }: DaemonStart,
  onProgress: (progress: StartProgress) => void,
): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    let ready: Readonly<Record<string, unknown>> | undefined;
    child.on("message", (message) => {
      const report = startReportSchema.safeParse(message);
      if (!report.success) return;
      if (report.data.kind === "progress") onProgress(report.data);
      if (report.data.kind === "failed") reject(errorOfDocument(report.data.error));
      if (report.data.kind === "ready") {
        ready = report.data.ready;
        if (mode !== "background") resolve(ready);
      }
    });
    // In the background the daemon lets go of the channel: only then may this command end.
    child.once("disconnect", () => ready !== undefined && resolve(ready));
    child.once("error", (cause) => {
      reject(
        new PeerError("unexpected", `The ${role} daemon can't be started: ${cause.message}.`, {
          cause,
          hint: '"peerllm doctor" checks this machine.',
        }),
      );
    });
    child.once("exit", (code, name) => {
      const how = name === null ? `exit code ${code}` : `signal ${name}`;
      reject(
        new PeerError("unexpected", `The ${role} daemon ended before it served (${how}).`, {
          hint: `Look into "${join(home.logsDirectory, `${role}.log`)}" and "${role}.stderr.log" beside it.`,
        }),
      );
    });
  });
}

/** Longest a daemon is waited for: its own bounds for drain and close, and some. */
const stopMsMax = 45_000;
const killMsMax = 5_000;
const lookMs = 50;

export interface StoppedDaemon {
  readonly pid: number;
  /** True where it had to be killed. */
  readonly wasKilled: boolean;
}

/**
 * Stops the daemon of that role and home and waits until its process is gone: it drains first unless `isImmediate`.
 * Null where none ran. One that doesn't end in time is killed.
 */
export async function stopDaemon(
  home: Home,
  role: RoleName,
  isImmediate: boolean,
  signal: AbortSignal,
): Promise<StoppedDaemon | null> {
  const holder = await readLockRecord(home, role);
  if (holder === null || !isAlive(holder)) return null;
  await askToStop(home, role, holder, isImmediate, signal);
  if (await isGone(holder, stopMsMax, signal)) return { pid: holder.pid, wasKilled: false };
  process.kill(holder.pid, "SIGKILL");
  if (await isGone(holder, killMsMax, signal)) return { pid: holder.pid, wasKilled: true };
  throw new PeerError("unexpected", `Process ${holder.pid}, the ${role} daemon, can't be stopped.`);
}

/** Over its control socket; where that doesn't answer (it is starting, or stuck), by a signal. */
async function askToStop(
  home: Home,
  role: RoleName,
  holder: ProcessIdentity,
  isImmediate: boolean,
  signal: AbortSignal,
): Promise<void> {
  try {
    const limited = AbortSignal.any([signal, timeLimit(killMsMax)]);
    await callDaemon(home, role, frameMethods.shutdown, { isImmediate }, limited);
  } catch (error) {
    signal.throwIfAborted();
    if (!isPeerError(error) && !(error instanceof DOMException)) throw error;
    if (isAlive(holder)) process.kill(holder.pid, "SIGTERM");
  }
}

async function isGone(process: ProcessIdentity, msMax: number, signal: AbortSignal): Promise<boolean> {
  const until = systemClock.monotonic() + msMax;
  while (isAlive(process)) {
    if (systemClock.monotonic() > until) return false;
    await systemClock.sleep(lookMs, signal);
  }
  return true;
}
