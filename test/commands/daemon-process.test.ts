import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { isAlive } from "../../src/client/process-identity.ts";
import { readRunRecord } from "../../src/client/run-record.ts";
import { homeAt, packageFile } from "../../src/paths.ts";
import { type Script, scriptedBackend } from "../daemon/http/scripted-backend.ts";
import { serveAnswers } from "../worlds/answer-server.ts";
import { peerllm, temporaryFolder } from "../worlds/command.ts";
import { type Deferred, deferred } from "../worlds/deferred.ts";

const binary = packageFile("dist/peerllm.js");
const readySchema = z.looseObject({ baseUrl: z.url(), pid: z.int() });

/** An answer of two halves, with `gate` between them. */
function halved(gate: Deferred<void>): Script {
  return async function* () {
    yield { kind: "begin", receipt: null };
    yield { kind: "delta", choice: 0, text: "The first half. " };
    await gate.promise;
    yield { kind: "delta", choice: 0, text: "The second half." };
    yield { kind: "choice-end", choice: 0, finishReason: "stop" };
    yield { kind: "end", usage: { promptTokens: 7, completionTokens: 8 }, summary: null };
  };
}

/** `peerllm consume` as a shell runs it in the foreground, with a process group of its own, at a network of one answer. */
async function endpoint(gate: Deferred<void>) {
  const home = await temporaryFolder();
  const network = await serveAnswers(scriptedBackend(halved(gate)));
  onTestFinished(() => network.close());
  const words = ["consume", "--port", "0", "--json", "--home", home, "--network", network.url];
  const command = execa(process.execPath, [binary, ...words], {
    detached: true,
    env: { PEERLLM_API_KEY: "sk-peer-any" },
    reject: false,
  });
  const group = -Number(command.pid);
  onTestFinished(async () => {
    command.kill("SIGKILL");
    await command;
  });
  let said = "";
  command.stdout.on("data", (chunk) => {
    said += String(chunk);
  });
  await vi.waitUntil(() => said.includes("\n"), { timeout: 60_000 });
  const { baseUrl, pid } = readySchema.parse(JSON.parse(said));
  const ask = async () => {
    const body = { model: "default", stream: true, messages: [{ role: "user", content: "Tell me." }] };
    const headers = { "content-type": "application/json" };
    return fetch(`${baseUrl}/chat/completions`, { method: "POST", headers, body: JSON.stringify(body) });
  };
  return { home, command, group, pid, ask };
}

describe("a daemon in the foreground", () => {
  test("finishes the answer that runs when Ctrl-C reaches the whole process group", async () => {
    const gate = deferred();
    const { command, group, ask } = await endpoint(gate);
    const answer = await ask();
    process.kill(group, "SIGINT");
    let logged = "";
    command.stderr.on("data", (chunk) => {
      logged += String(chunk);
    });
    await vi.waitUntil(() => logged.includes("daemon-draining"), { timeout: 60_000 });
    gate.resolve();
    expect(await answer.text()).toMatch(/The second half\.[\s\S]*\[DONE\]/);
    expect((await command).exitCode).toBe(0);
  });

  test("cuts it at a second Ctrl-C, and is gone", async () => {
    const { home, command, group, pid, ask } = await endpoint(deferred());
    const answer = await ask();
    let logged = "";
    command.stderr.on("data", (chunk) => {
      logged += String(chunk);
    });
    process.kill(group, "SIGINT");
    await vi.waitUntil(() => logged.includes("daemon-draining"), { timeout: 60_000 });
    process.kill(group, "SIGINT");
    expect(await answer.text().catch(() => "cut")).not.toContain("[DONE]");
    expect((await command).exitCode).toBe(130);
    await vi.waitUntil(() => !isRunning(pid), { timeout: 20_000 });
    expect(await readdir(join(home, "run"))).toEqual([]);
  });

  test("drains and cleans up although nobody reads what it logs any more", async () => {
    const gate = deferred();
    const { home, command, ask } = await endpoint(gate);
    const answer = await ask();
    command.stderr.destroy();
    command.kill("SIGTERM");
    gate.resolve();
    expect(await answer.text()).toContain("[DONE]");
    expect((await command).exitCode).toBe(0);
    expect(await readdir(join(home, "run"))).toEqual([]);
  });

  test("that can't start says so in one line", async () => {
    const home = await temporaryFolder();
    const words = ["network", "up", "--foreground", "--listen", "0.0.0.0", "--port", "0"];
    const { code, stdout, stderr } = await peerllm(words, { home });
    expect([code, stdout, stderr.trimEnd().split("\n")]).toEqual([2, "", [expect.stringMatching(/^peerllm: Refused/)]]);
  });
});

test("a daemon in the background survives the end of its terminal, and Ctrl-C in it", async () => {
  const home = await temporaryFolder();
  onTestFinished(async () => void (await peerllm(["network", "down", "--now"], { home })));
  // What a terminal does to its foreground processes: here to all that the script started and left in its group.
  const script = 'trap "" INT HUP; "$0" "$1" network up --port 0 || exit; kill -INT 0; kill -HUP 0';
  const ran = await execa("sh", ["-c", script, process.execPath, binary], {
    detached: true,
    env: { PEERLLM_HOME: home },
    reject: false,
  });
  expect(ran.exitCode, ran.stderr).toBe(0);
  const daemon = await readRunRecord(homeAt(home), "network");
  if (daemon === null) throw new Error("There is no record of the daemon.");
  process.kill(daemon.pid, "SIGHUP");
  expect((await peerllm(["network", "status", "--json"], { home })).json()).toMatchObject({ pid: daemon.pid });
  expect(isAlive(daemon)).toBe(true);
});

test("a second start leaves the last words of the daemon that runs", async () => {
  const home = await temporaryFolder();
  onTestFinished(async () => void (await peerllm(["network", "down", "--now"], { home })));
  await peerllm(["network", "up", "--port", "0"], { home });
  const file = join(home, "logs", "network.stderr.log");
  await writeFile(file, "Out of memory.\n");
  expect(await peerllm(["network", "up", "--port", "0"], { home })).toMatchObject({ code: 2 });
  expect(await readFile(file, "utf8")).toContain("Out of memory.");
});

test.each(["network up", "network up --foreground"])("%s says why where no process can be made", async (line) => {
  const home = await temporaryFolder();
  const spawnsNothing = `
    import processes from "node:child_process";
    import { syncBuiltinESMExports } from "node:module";
    const { spawn } = processes;
    processes.spawn = (_, ...rest) => spawn("/nowhere", ...rest);
    syncBuiltinESMExports();`;
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(spawnsNothing)}` };
  const ran = await peerllm([...line.split(" "), "--json"], { home, env });
  expect(ran).toMatchObject({ code: 1, stderr: "" });
  expect(ran.json()).toMatchObject({
    error: { code: "unexpected", message: "The network daemon can't be started: spawn /nowhere ENOENT." },
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
