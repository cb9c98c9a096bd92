import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { watch } from "../../../daemon/llama/watchdog.ts";

const never = new AbortController().signal;

/** Resolves with what the watchdog says of a child that answers `ask` so. */
function verdict(ask: (signal: AbortSignal) => Promise<number>): Promise<string> {
  return new Promise((resolve, reject) => {
    watch({ everyMs: 5, silenceMsMax: 100, stepMsMax: 1_000, ask, wedged: resolve }, never).catch(reject);
  });
}

function silence(signal: AbortSignal): Promise<number> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

describe("the watchdog", () => {
  it("finds a child silent that answered before and doesn't any more", async () => {
    let answers = 0;
    expect(await verdict((signal) => (++answers > 3 ? silence(signal) : Promise.resolve(0)))).toBe("silent");
    expect(answers).toBe(4);
  });

  it("finds a child stuck in one step", async () => {
    const steps = [0, 20, 999, 1_001];
    expect(await verdict(async () => steps.shift() ?? 0)).toBe("stuck");
  });

  it("finds a stopped process silent", async () => {
    const echo = fileURLToPath(new URL("./echo-child.ts", import.meta.url));
    const child = fork(echo, { execArgv: ["--import", "tsx"] });
    try {
      await once(child, "message");
      child.kill("SIGSTOP");
      const ask = async (signal: AbortSignal) => {
        child.send("?");
        await once(child, "message", { signal });
        return 0;
      };
      expect(await verdict(ask)).toBe("silent");
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("ends quietly with its signal", async () => {
    const controller = new AbortController();
    const options = { everyMs: 1, silenceMsMax: 60_000, stepMsMax: 1, ask: silence };
    const watching = watch({ ...options, wedged: (why) => expect.unreachable(why) }, controller.signal);
    controller.abort();
    await watching;
  });
});
