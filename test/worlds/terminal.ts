import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { onTestFinished, vi } from "vitest";
import { packageFile } from "../../src/paths.ts";
import { temporaryFolder } from "./command.ts";

/** A real terminal with `peerllm` in it, on a tmux server of its own, whose socket is in a folder of its own. */
export interface Terminal {
  /** The lines it shows now, without trailing blanks. */
  lines(): Promise<string[]>;
  /** The same with the escape sequences that colour them. */
  coloured(): Promise<string>;
  /** The screen, once it shows what is expected. Throws with the last screen where it never does. */
  until(isShown: RegExp | ((screen: string) => boolean)): Promise<string>;
  /** By tmux's names: "Down", "Enter", "q". */
  press(...keys: string[]): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
}

export interface TerminalOptions {
  readonly home: string;
  readonly columns: number;
  readonly rows: number;
  readonly env?: Readonly<Record<string, string>>;
}

export const hasTmux = commandWorks("tmux", "-V");
/** For the title of tests that take a terminal. */
export const needsTmux = hasTmux ? "" : " (skipped: needs tmux)";

const waitMsMax = 90_000;
const configuration = "set -g status off\nset -g history-limit 100\nset -g default-size 80x24\n";

/** Starts the built `peerllm` in a terminal, which is gone after the test. What ran before and after it shows too. */
export async function openTerminal(words: readonly string[], options: TerminalOptions): Promise<Terminal> {
  const { home, columns, rows, env = {} } = options;
  const folder = await temporaryFolder();
  const [configFile, script] = [join(folder, "tmux.conf"), join(folder, "run.sh")];
  await writeFile(configFile, configuration);
  const command = [process.execPath, packageFile("dist/peerllm.js"), ...words].map(quoted).join(" ");
  await writeFile(script, `echo "Before it."\n${command}\necho "Ended with $?."\nread -r _\n`);
  const tmux = async (...args: string[]) =>
    (
      await execa("tmux", ["-u", "-L", "test", "-f", configFile, ...args], {
        env: { ...plainEnvironment(), LC_ALL: "C.UTF-8", PEERLLM_HOME: home, TMUX_TMPDIR: folder, ...env },
        extendEnv: false,
        stripFinalNewline: false,
      })
    ).stdout;
  onTestFinished(async () => void (await tmux("kill-server").catch(() => "gone already")));
  await tmux("new-session", "-d", "-s", "main", "-x", String(columns), "-y", String(rows), "sh", script);
  const capture = async (...more: string[]) => await tmux("capture-pane", "-t", "main", "-p", ...more);
  return {
    lines: async () => (await capture()).split("\n").slice(0, -1),
    coloured: () => capture("-e"),
    async until(isShown) {
      let last = "";
      const isThere = async () => {
        last = await capture();
        return typeof isShown === "function" ? isShown(last) : isShown.test(last);
      };
      await vi.waitUntil(isThere, { timeout: waitMsMax, interval: 100 }).catch((cause: unknown) => {
        throw new Error(`The terminal never showed ${isShown}. It shows:\n${last}`, { cause });
      });
      return last.trimEnd();
    },
    press: async (...keys) => void (await tmux("send-keys", "-t", "main", ...keys)),
    resize: async (width, height) =>
      void (await tmux("resize-window", "-t", "main", "-x", String(width), "-y", String(height))),
  };
}

/** Without what says how a test runs: no colour, in CI. */
function plainEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || /^(CI|NO_COLOR|FORCE_COLOR|TMUX.*|TERM|PEERLLM_.*|PAYPAL_.*|GITHUB_.*)$/.test(name)
        ? []
        : [[name, value]],
    ),
  );
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function commandWorks(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
