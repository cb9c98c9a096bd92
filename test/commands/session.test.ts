import { Command } from "commander";
import { expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { action, type Session } from "../../commands/session.ts";
import { PeerError } from "../../src/errors.ts";
import { temporaryFolder } from "../worlds/command.ts";

/** What a command says whose handler this is; rejects as it fails. */
async function running(handler: (session: Session) => Promise<void>, words: readonly string[] = []) {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation((text) => stdout.push(String(text)) > 0),
    vi.spyOn(process.stderr, "write").mockImplementation((text) => stderr.push(String(text)) > 0),
  ];
  onTestFinished(() => spies.forEach((spy) => void spy.mockRestore()));
  const command = new Command("try").option("--home <dir>").option("--json").option("--yes");
  command.action(action(z.object({}), handler));
  const run = command.parseAsync(["--home", await temporaryFolder(), "--json", ...words], { from: "user" });
  await run.finally(() => spies.forEach((spy) => void spy.mockRestore()));
  return { stdout: stdout.join(""), stderr: stderr.join("") };
}

const failure = new PeerError("storage_failed", "The folder\nis full.", { hint: "Free\u001b[2J some." });

test("a failure after the result is a remark: what was asked for is done, and its one document is out", async () => {
  const said = await running(async ({ printer }) => {
    printer.result({ answer: 42 }, () => "42");
    throw failure;
  });
  expect(said).toEqual({ stdout: '{"answer":42}\n', stderr: "peerllm: The folder is full. Free [2J some.\n" });
});

test("a failure before the result is the command's own", async () => {
  await expect(running(() => Promise.reject(failure))).rejects.toBe(failure);
});
