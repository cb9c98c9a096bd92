import { readdir, writeFile } from "node:fs/promises";
import { afterEach, describe, expect, it } from "vitest";
import { lockFile } from "../../../src/client/lock.ts";
import { ownIdentity } from "../../../src/client/process-identity.ts";
import { systemClock } from "../../../src/clock.ts";
import { type Folder, temporaryFolder } from "../../worlds/model-folder.ts";

const never = new AbortController().signal;
const folders: Folder[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.remove();
});

async function place() {
  const folder = await temporaryFolder();
  folders.push(folder);
  return { folder, path: folder.file("model"), lock: folder.file("model.lock") };
}

describe("a file's lock", () => {
  it("is held by one at a time, and leaves nothing behind", async () => {
    const { folder, path } = await place();
    const order: string[] = [];
    const first = await lockFile(path, systemClock, never);
    const second = lockFile(path, systemClock, never).then(async (lock) => {
      order.push("second");
      await lock.release();
    });
    order.push("first");
    await first.release();
    await second;
    expect(order).toEqual(["first", "second"]);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it.each([
    ["a process that ended", JSON.stringify({ ...ownIdentity(0), pid: 4_000_000, nonce: "gone" })],
    ["an earlier process of our number", JSON.stringify({ ...ownIdentity(0), processStart: "boot:1", nonce: "gone" })],
    ["nobody who can be read", "torn"],
  ])("is taken over from %s", async (_, content) => {
    const { folder, path, lock } = await place();
    await writeFile(lock, content);
    const taken = await lockFile(path, systemClock, never);
    expect(await readdir(folder.path)).toEqual(["model.lock"]);
    await taken.release();
    expect(await readdir(folder.path)).toEqual([]);
  });

  it("goes to one alone of several who find it stale", async () => {
    const { path, lock } = await place();
    await writeFile(lock, JSON.stringify({ ...ownIdentity(0), pid: 4_000_000, nonce: "gone" }));
    let holders = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        const held = await lockFile(path, systemClock, never);
        holders++;
        most = Math.max(most, holders);
        await new Promise((resolve) => setImmediate(resolve));
        holders--;
        await held.release();
      }),
    );
    expect(most).toBe(1);
  });

  it("is waited for only as long as the one who waits wants", async () => {
    const { folder, path } = await place();
    const held = await lockFile(path, systemClock, never);
    const waiting = new AbortController();
    const waiter = lockFile(path, systemClock, waiting.signal);
    waiting.abort(new Error("enough"));
    await expect(waiter).rejects.toThrowError("enough");
    expect(await readdir(folder.path)).toEqual(["model.lock"]);
    await held.release();
  });
});
