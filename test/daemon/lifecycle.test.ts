import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { callDaemon } from "../../src/client/control.ts";
import { endRecordPath, readRunRecord, runRecordPath } from "../../src/client/run-record.ts";
import { isPeerError } from "../../src/errors.ts";
import type { Home } from "../../src/paths.ts";
import { frameMethods } from "../../src/protocol/control-methods.ts";
import { callTrivial, temporaryHome, trivialDaemon } from "../worlds/trivial-daemon.ts";

const signal = AbortSignal.timeout(300_000);

describe("a daemon's start", () => {
  test("tells progress, then what it serves, and is found by its home", async () => {
    const home = await temporaryHome();
    const daemon = trivialDaemon(home);
    expect(await daemon.started).toEqual({ kind: "ready", ready: { url: "http://127.0.0.1:1" } });
    expect(daemon.reports[0]).toEqual({ kind: "progress", step: "Warming up", done: 1, total: 2 });
    expect(await callDaemon(home, "network", frameMethods.ping, {}, signal)).toMatchObject({
      pid: daemon.pid,
      role: "network",
    });
    expect((await stat(join(home.runDirectory, "network.sock"))).mode & 0o077).toBe(0);
  });

  test("that fails is told with its code and hint, exits 1 and leaves the role free", async () => {
    const home = await temporaryHome();
    const failing = trivialDaemon(home, { behaviour: "fail" });
    expect(await failing.started).toEqual({
      kind: "failed",
      error: { code: "model_missing", message: "No such model.", hint: "Name another." },
    });
    expect((await failing.exited).code).toBe(1);
    expect(await readdir(home.runDirectory)).toEqual(["network.end.json"]);
    expect(await trivialDaemon(home).started).toMatchObject({ kind: "ready" });
  });

  test("is refused while another holds the role, naming its process", async () => {
    const home = await temporaryHome();
    const first = trivialDaemon(home);
    await first.started;
    const second = trivialDaemon(home);
    expect(await second.started).toMatchObject({ kind: "failed", error: { code: "already_running" } });
    expect(JSON.stringify(await second.started)).toContain(String(first.pid));
    expect((await second.exited).code).toBe(1);
    expect(existsSync(endRecordPath(home, "network"))).toBe(false);
    await callDaemon(home, "network", frameMethods.ping, {}, signal);
  });

  test("takes the role over from one that was killed", async () => {
    const home = await temporaryHome();
    const first = trivialDaemon(home);
    await first.started;
    first.process.kill("SIGKILL");
    await first.exited;
    expect((await readdir(home.runDirectory)).sort()).toEqual(["network.json", "network.lock", "network.sock"]);
    const killed = expect.stringContaining(`process ${first.pid}, was killed or crashed`);
    await expect(ping(home)).rejects.toMatchObject({ code: "daemon_unreachable", message: killed });
    const second = trivialDaemon(home);
    expect(await second.started).toMatchObject({ kind: "ready" });
    expect((await readRunRecord(home, "network"))?.pid).toBe(second.pid);
  });

  test("whose command goes away before it serves ends it", async () => {
    const home = await temporaryHome();
    const daemon = trivialDaemon(home, { behaviour: "hang" });
    await vi.waitUntil(() => daemon.reports.length > 0, { timeout: 60_000 });
    daemon.process.disconnect();
    await daemon.exited;
    expect(await readdir(home.runDirectory)).toEqual([]);
  });

  test("in a home too deep for a socket's name serves on a socket elsewhere", async () => {
    const home = await temporaryHome("deep".repeat(20), "deeper".repeat(10));
    const daemon = trivialDaemon(home);
    await daemon.started;
    const record = await readRunRecord(home, "network");
    expect(record?.socket.startsWith(home.root)).toBe(false);
    expect(await callDaemon(home, "network", frameMethods.ping, {}, signal)).toMatchObject({ pid: daemon.pid });
    daemon.process.kill("SIGTERM");
    await daemon.exited;
    expect(existsSync(record?.socket ?? "")).toBe(false);
  });

  test("where the folder for temporary files is as deep leaves no socket that keeps the next from starting", async () => {
    const home = await temporaryHome("deep".repeat(20), "deeper".repeat(10));
    await mkdir(home.root, { recursive: true });
    vi.stubEnv("TMPDIR", home.root);
    onTestFinished(() => void vi.unstubAllEnvs());
    const first = trivialDaemon(home);
    await first.started;
    first.process.kill("SIGKILL");
    await first.exited;
    const second = trivialDaemon(home);
    expect(await second.started).toMatchObject({ kind: "ready" });
    expect(await callDaemon(home, "network", frameMethods.ping, {}, signal)).toMatchObject({ pid: second.pid });
    second.process.kill("SIGTERM");
    expect((await second.exited).code).toBe(0);
  });
});

describe("a daemon's end", () => {
  test("by SIGTERM waits for what runs, then leaves nothing in the run folder", async () => {
    const home = await temporaryHome();
    const daemon = trivialDaemon(home);
    await daemon.started;
    await callTrivial(home, "hold");
    daemon.process.kill("SIGTERM");
    const log = join(home.logsDirectory, "network.log");
    await vi.waitUntil(async () => (await readFile(log, "utf8")).includes("daemon-draining"), { timeout: 60_000 });
    await callTrivial(home, "release");
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
    expect(await readdir(home.runDirectory)).toEqual([]);
  });

  test("by a second SIGTERM doesn't wait for what runs", async () => {
    const home = await temporaryHome();
    const daemon = trivialDaemon(home);
    await daemon.started;
    await callTrivial(home, "hold");
    daemon.process.kill("SIGTERM");
    const log = join(home.logsDirectory, "network.log");
    await vi.waitUntil(async () => (await readFile(log, "utf8")).includes("daemon-draining"), { timeout: 60_000 });
    daemon.process.kill("SIGTERM");
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
  });

  test("by an immediate shutdown over the control socket doesn't wait either", async () => {
    const home = await temporaryHome();
    const daemon = trivialDaemon(home);
    await daemon.started;
    await callTrivial(home, "hold");
    expect(await callDaemon(home, "network", frameMethods.shutdown, { isImmediate: true }, signal)).toEqual({
      pid: daemon.pid,
    });
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
  });

  test("by an uncaught exception exits 1, cleans up and logs no message of the exception", async () => {
    const home = await temporaryHome();
    const daemon = trivialDaemon(home);
    await daemon.started;
    await callTrivial(home, "crash");
    expect((await daemon.exited).code).toBe(1);
    expect(await readdir(home.runDirectory)).toEqual(["network.end.json"]);
    const message = expect.stringContaining("Something unexpected failed (TypeError)");
    await expect(ping(home)).rejects.toMatchObject({ code: "daemon_unreachable", message });
    const log = await readFile(join(home.logsDirectory, "network.log"), "utf8");
    expect(log).toContain("exception-uncaught");
    expect(log).not.toContain("somebody");
  });

  test("for what its role can't go on after exits with that code, tells it, and tells who asks until the next starts", async () => {
    const home = await temporaryHome();
    const daemon = trivialDaemon(home, { isAttached: true });
    await daemon.started;
    await callTrivial(home, "refuse");
    expect(await daemon.exited).toEqual({ code: 3, signal: null });
    const error = { code: "permission_denied", message: "The network refuses it.", hint: "Ask its operator." };
    expect(daemon.reports.at(-1)).toEqual({ kind: "failed", error });
    expect(await readdir(home.runDirectory)).toEqual(["network.end.json"]);
    const message = expect.stringMatching(/ended on .+: The network refuses it\. Ask its operator\.$/);
    await expect(ping(home)).rejects.toMatchObject({ code: "daemon_unreachable", message });
    const next = trivialDaemon(home);
    await next.started;
    next.process.kill("SIGTERM");
    expect((await next.exited).code).toBe(0);
    expect(await readdir(home.runDirectory)).toEqual([]);
    await expect(ping(home)).rejects.toMatchObject({ message: expect.stringMatching(/is running in "[^"]+"\.$/) });
  });

  test("of an attached one comes with the end of its command", async () => {
    const home = await temporaryHome();
    const daemon = trivialDaemon(home, { isAttached: true });
    await daemon.started;
    daemon.process.disconnect();
    expect((await daemon.exited).code).toBe(0);
  });
});

function ping(home: Home) {
  return callDaemon(home, "network", frameMethods.ping, {}, signal);
}

test("a call where nothing runs says how to start it", async () => {
  const home = await temporaryHome();
  const call = callDaemon(home, "network", frameMethods.ping, {}, signal);
  await expect(call).rejects.toSatisfy((error) => isPeerError(error, "daemon_unreachable"));
  await expect(call).rejects.toHaveProperty("hint", expect.stringContaining("peerllm network up"));
  expect(existsSync(runRecordPath(home, "network"))).toBe(false);
});
