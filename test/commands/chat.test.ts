import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { execa } from "execa";
import { describe, expect, onTestFinished, test } from "vitest";
import { PeerError } from "../../src/errors.ts";
import { packageFile } from "../../src/paths.ts";
import { type Script, scriptedBackend } from "../daemon/http/scripted-backend.ts";
import { serveAnswers } from "../worlds/answer-server.ts";
import { peerllm, peerllmInto, processesIn, temporaryFolder } from "../worlds/command.ts";
import { hasTmux, needsTmux, openTerminal } from "../worlds/terminal.ts";

const env = { PEERLLM_API_KEY: "sk-peer-any" };

/** A network that answers as `script` says, until the test is over. */
async function network(script: Script) {
  const backend = scriptedBackend(script);
  const server = await serveAnswers(backend);
  onTestFinished(() => server.close());
  return { backend, url: server.url };
}

/** Answers with `pieces`; where `isEndless`, until nobody listens any more. */
function saying(pieces: readonly string[], isEndless = false): Script {
  return async function* (_request, signal) {
    yield { kind: "begin", receipt: null };
    for (const text of pieces) yield { kind: "delta", choice: 0, text };
    if (isEndless) await once(signal, "abort");
    yield { kind: "choice-end", choice: 0, finishReason: "stop" };
    yield { kind: "end", usage: { promptTokens: 7, completionTokens: 8 }, summary: null };
  };
}

test("an answer can't rule the terminal, ends its line, and is whole in --json", async () => {
  const home = await temporaryFolder();
  const pieces = ["Copied\u001b]52;c;ZXZ", "pbA==\u0007 and \u001b", "[2Jcleared,\n\u009b2J", "done\u202e."];
  const { url } = await network(saying(pieces));
  const text = await peerllm(["chat", "Hello", "--network", url], { home, env });
  expect(text).toMatchObject({ code: 0, stderr: "", stdout: "Copied]52;c;ZXZpbA== and [2Jcleared,\n2Jdone.\n" });
  const json = await peerllm(["chat", "Hello", "--network", url, "--json"], { home, env });
  expect(json.json()).toMatchObject({ answer: pieces.join(""), usage: { promptTokens: 7, completionTokens: 8 } });
  expect(json.stdout).toMatch(/^[\x20-\x7e]+\n$/);
});

test("an answer that breaks off ends its line, and is one error in --json", async () => {
  const home = await temporaryFolder();
  const { url } = await network(async function* () {
    yield { kind: "begin", receipt: null };
    yield { kind: "delta", choice: 0, text: "Once upon" };
    throw new PeerError("host_unavailable", "The last host left.");
  });
  expect(await peerllm(["chat", "Hello", "--network", url], { home, env })).toMatchObject({
    code: 4,
    stdout: "Once upon\n",
    stderr: expect.stringMatching(/^peerllm: The last host left\..*\n$/),
  });
  const json = await peerllm(["chat", "Hello", "--network", url, "--json"], { home, env });
  expect([json.code, json.json()]).toMatchObject([4, { error: { code: "host_unavailable" } }]);
});

test("a running endpoint keeps to what it was started with, in all that the user doesn't say", async () => {
  const home = await temporaryFolder();
  const { backend, url } = await network(saying(["Hello."]));
  onTestFinished(async () => void (await peerllm(["consume", "down", "--now"], { home })));
  const consume = ["consume", "--detach", "--port", "0", "--privacy", "strict", "--network", url];
  expect(await peerllm(consume, { home, env })).toMatchObject({ code: 0 });
  for (const said of [[], ["--plan", "split"], ["--privacy", "standard"]]) {
    expect(await peerllm(["chat", "Hello", ...said], { home })).toMatchObject({ code: 0, stdout: "Hello.\n" });
  }
  expect(backend.requests.map(({ privacy, plan }) => [privacy, plan])).toEqual([
    ["strict", "auto"],
    ["strict", "split"],
    ["standard", "auto"],
  ]);
});

test("a reader that goes away ends the answer, and leaves no process and no folder behind", async () => {
  const [home, folder] = [await temporaryFolder(), await temporaryFolder()];
  const { url } = await network(async function* (_request, signal) {
    yield { kind: "begin", receipt: null };
    for (; !signal.aborted; await new Promise((resolve) => setImmediate(resolve))) {
      yield { kind: "delta", choice: 0, text: "On and on. " };
    }
  });
  const options = { home, env: { ...env, TMPDIR: folder } };
  const ran = await peerllmInto("| head -c5", ["chat", "Hello", "--network", url], options);
  expect(ran).toMatchObject({ code: 0, stdout: "On an", stderr: "" });
  expect(await readdir(folder)).toEqual([]);
  expect(processesIn(folder)).toEqual([]);
});

test.runIf(existsSync("/dev/full"))("an answer that can't be written is told of once", async () => {
  const home = await temporaryFolder();
  const { url } = await network(saying(["Once upon"], true));
  const { code, stderr } = await peerllmInto("> /dev/full", ["chat", "Hello", "--network", url], { home, env });
  expect([code, stderr.trimEnd().split("\n")]).toEqual([1, [expect.stringContaining("ENOSPC")]]);
});

test("a prompt that never ends is given up with the first SIGTERM, and told of", async () => {
  const home = await temporaryFolder();
  const running = execa(process.execPath, [packageFile("dist/peerllm.js"), "chat", "--json"], {
    env: { ...env, PEERLLM_HOME: home },
    reject: false,
  });
  onTestFinished(() => void running.kill("SIGKILL"));
  // More than a pipe holds: once it is written, it is being read.
  running.stdin.write("A letter. ".repeat(100_000));
  await once(running.stdin, "drain");
  running.kill("SIGTERM");
  const { exitCode, stdout } = await running;
  expect([exitCode, JSON.parse(stdout)]).toMatchObject([130, { error: { code: "cancelled" } }]);
});

describe("a conversation", () => {
  test.skipIf(!hasTmux)(`goes on after Ctrl-C in an answer, with what was said of it${needsTmux}`, async () => {
    const home = await temporaryFolder();
    const { backend, url } = await network(saying(["Once upon"], true));
    const words = ["chat", "--network", url];
    const terminal = await openTerminal(words, { home, columns: 80, rows: 24, env });
    await terminal.until(/^>$/m);
    await terminal.press("Hello", "Enter");
    await terminal.until(/^Once upon/m);
    await terminal.press("C-c");
    await terminal.until(/^Once upon\n+>$/m);
    await terminal.press("Go on", "Enter");
    await terminal.until((screen) => screen.match(/^Once upon/gm)?.length === 2);
    expect(backend.requests[1]?.prompts).toMatchObject([
      {
        messages: [
          { role: "user", content: "Hello" },
          { role: "assistant", content: "Once upon" },
          { role: "user", content: "Go on" },
        ],
      },
    ]);
    await terminal.press("C-c");
    await terminal.until((screen) => screen.match(/^>/gm)?.length === 3);
    await terminal.press("C-c");
    await terminal.until(/^Ended with 0\.$/m);
  });

  test.skipIf(!hasTmux)(`ends with Ctrl-D, on a line of its own${needsTmux}`, async () => {
    const home = await temporaryFolder();
    const { url } = await network(saying(["Hello"]));
    const terminal = await openTerminal(["chat", "--network", url], { home, columns: 80, rows: 24, env });
    await terminal.until(/^>$/m);
    await terminal.press("C-d");
    await terminal.until(/^>\nEnded with 0\.$/m);
  });

  test.skipIf(!hasTmux)(`can't be one JSON document${needsTmux}`, async () => {
    const home = await temporaryFolder();
    const terminal = await openTerminal(["chat", "--json"], { home, columns: 120, rows: 24, env });
    expect(await terminal.until(/^Ended with/m)).toMatch(/"usage_invalid"[\s\S]*Ended with 2\.$/);
  });
});
