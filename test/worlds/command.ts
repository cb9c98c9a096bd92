import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa, type Options } from "execa";
import { onTestFinished } from "vitest";
import { packageFile } from "../../src/paths.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The one document of --json. */
  json(): unknown;
}

/** Variables of PeerLLM's and the shell's that a test's commands must not inherit. */
const cleared = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => /^(PEERLLM_|PAYPAL_|FORCE_COLOR$)/.test(name))
    .map((name) => [name, undefined]),
);

const unknown = `import os from "node:os";
import { syncBuiltinESMExports } from "node:module";
os.userInfo = () => { throw new Error("ENOENT"); };
os.homedir = () => process.env.HOME ?? os.userInfo();
syncBuiltinESMExports();`;

/** The environment of a user who is but a number, as in a container: the system knows neither a name nor a folder. */
export const unknownUser = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(unknown)}` };

export interface CommandOptions extends Options {
  readonly home?: string;
  /** Told what the command says to people, while it runs. */
  readonly onMessage?: (text: string) => void;
}

/** Runs the built `peerllm` as a script would: no terminal, its output kept. */
export async function peerllm(words: readonly string[], options: CommandOptions = {}): Promise<Ran> {
  return run(process.execPath, [packageFile("dist/peerllm.js"), ...words], options);
}

/** The same into a pipe, read by a shell's command, such as "head -c1", which may go away before the end. */
export async function peerllmInto(pipe: string, words: readonly string[], options: CommandOptions = {}): Promise<Ran> {
  const status = "PIPESTATUS[0]";
  const script = `"$0" "$@" ${pipe}; exit "\${${status}}"`;
  return run("bash", ["-c", script, process.execPath, packageFile("dist/peerllm.js"), ...words], options);
}

async function run(file: string, args: readonly string[], options: CommandOptions): Promise<Ran> {
  const { home, env, onMessage, ...rest } = options;
  const running = execa(file, args, {
    ...rest,
    env: { ...cleared, NO_COLOR: "1", ...(home === undefined ? {} : { PEERLLM_HOME: home }), ...env },
    reject: false,
    stripFinalNewline: false,
  });
  if (onMessage !== undefined) running.stderr?.on("data", (chunk) => onMessage(String(chunk)));
  const done = await running;
  const stdout = String(done.stdout);
  return {
    code: done.exitCode ?? 128,
    stdout,
    stderr: String(done.stderr),
    json: () => JSON.parse(stdout),
  };
}

/** Told what is to be done when a world ends: with the test, unless several tests share it. */
export type Ending = (end: () => Promise<void>) => void;

/** A home that is gone after the test. */
export async function temporaryFolder(atEnd: Ending = onTestFinished): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "peerllm-command-"));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Processes that work in a folder, by /proc: their ids and command lines; nothing where there is none. */
export function processesIn(folder: string): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc").flatMap((pid) => {
    try {
      if (!/^\d+$/.test(pid) || !readlinkSync(`/proc/${pid}/cwd`).startsWith(folder) || isZombie(pid)) return [];
      return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")}`];
    } catch {
      return [];
    }
  });
}

function isZombie(pid: string): boolean {
  return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}
