import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { acquireLock } from "../../daemon/lock.ts";
import { isAlive, ownIdentity } from "../../src/client/process-identity.ts";
import { lockPath } from "../../src/client/run-record.ts";
import type { Home } from "../../src/paths.ts";
import { temporaryHome } from "../worlds/trivial-daemon.ts";

async function leaveLock(home: Home, content: unknown): Promise<void> {
  await mkdir(home.runDirectory, { recursive: true });
  await writeFile(lockPath(home, "host"), typeof content === "string" ? content : JSON.stringify(content));
}

test("of many that take one stale lock at once exactly one gets it, each time", async () => {
  const home = await temporaryHome();
  for (let round = 0; round < 20; round += 1) {
    await leaveLock(home, { ...ownIdentity(0), processStart: "another boot", nonce: `stale${round}` });
    const attempts = await Promise.allSettled(Array.from({ length: 12 }, () => acquireLock(home, "host", Date.now())));
    const taken = attempts.filter((attempt) => attempt.status === "fulfilled");
    expect(taken).toHaveLength(1);
    for (const attempt of taken) await attempt.value.release();
    expect(await readdir(home.runDirectory)).toEqual([]);
  }
});

test.each([
  [
    "of a process number that was given to another process since",
    { ...ownIdentity(0), processStart: "1:1", nonce: "n" },
  ],
  ["that isn't a record", "half a reco"],
  ["that is empty", ""],
])("a lock %s is taken over", async (_, content) => {
  const home = await temporaryHome();
  await leaveLock(home, content);
  const lock = await acquireLock(home, "host", Date.now());
  await lock.release();
  expect(await readdir(home.runDirectory)).toEqual([]);
});

test("roles of one home don't exclude each other, and a released lock isn't missed", async () => {
  const home = await temporaryHome();
  const host = await acquireLock(home, "host", Date.now());
  const proxy = await acquireLock(home, "proxy", Date.now());
  await expect(acquireLock(home, "host", Date.now())).rejects.toHaveProperty("code", "already_running");
  await host.release();
  await (await acquireLock(home, "host", Date.now())).release();
  await proxy.release();
});

test("a process that ended counts as gone though nobody reaped it", async () => {
  // The shell doesn't wait for its child, which prints its own start time and ends.
  const shell = spawn("sh", ["-c", "sh -c 'echo $$; read line; exit 0' & exec sleep 60"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const [output] = await once(shell.stdout, "data");
  const pid = Number(String(output).trim());
  shell.kill("SIGKILL");
  await once(shell, "exit");
  expect(isAlive({ pid, processStart: "not its own", startedAt: 0 })).toBe(false);
});
