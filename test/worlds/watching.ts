import { execa } from "execa";
import { onTestFinished, vi } from "vitest";
import { packageFile } from "../../src/paths.ts";

/** A `--watch` whose output is a pipe. */
export interface Watching {
  /** Waits until it has printed `text`. */
  until(text: string): Promise<void>;
  /** Interrupts it; all it printed, its times as TIME, and how it ended. */
  stop(): Promise<{ readonly code: number | undefined; readonly stdout: string }>;
}

const waitMsMax = 90_000;

/** Starts the built `peerllm` as a script would, until it is stopped or the test is over. */
export function watching(words: readonly string[], home: string): Watching {
  const running = execa(process.execPath, [packageFile("dist/peerllm.js"), ...words, "--home", home], {
    env: { NO_COLOR: "1" },
    reject: false,
    stripFinalNewline: false,
  });
  onTestFinished(() => void running.kill("SIGKILL"));
  let printed = "";
  running.stdout.on("data", (chunk) => {
    printed += String(chunk);
  });
  return {
    until: async (text) => void (await vi.waitUntil(() => printed.includes(text), { timeout: waitMsMax })),
    async stop() {
      running.kill("SIGINT");
      const { exitCode: code, stdout } = await running;
      return { code, stdout: stdout.replaceAll(/\d{4}-\d\d-\d\dT\S+/g, "TIME") };
    },
  };
}
