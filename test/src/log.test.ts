import { mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { PeerError } from "../../src/errors.ts";
import { ifThere } from "../../src/if-there.ts";
import { openLog, parseLogLevel, pinoLog } from "../../src/log.ts";

function written(fields: Record<string, unknown>): string {
  const lines: string[] = [];
  pinoLog("debug", { write: (line) => lines.push(line) }).info("thing-happened", fields);
  return lines.join("");
}

test("an event is one JSON line with its level, time, name and fields", () => {
  const line = written({ requestId: "request_a", promptTokens: 12, elapsedMs: 3.5, balance: 5n });
  expect(line.endsWith("\n")).toBe(true);
  expect(JSON.parse(line)).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    event: "thing-happened",
    requestId: "request_a",
    promptTokens: 12,
    elapsedMs: 3.5,
    balance: "5",
  });
});

const secret = "marker-of-the-secret";

test.each<[string, Record<string, unknown>]>([
  ["a prompt by name", { prompt: secret }],
  ["a prompt deep inside", { request: { body: { lines: [secret] } } }],
  ["messages of a conversation", { messages: [{ role: "user", content: secret }] }],
  ["an answer's text", { delta: { text: secret } }],
  ["token ids, which are text", { tokens: [secret, 1, 2] }],
  ["a vault", { vault: { "[PERSON_1]": secret } }],
  ["a key by name", { apiKey: secret, api_key: secret, privateKey: secret }],
  ["a header", { headers: { authorization: secret, cookie: secret } }],
  ["an API key by its looks", { note: `refused sk-peer-${secret}` }],
  ["an e-mail address by its looks", { account: `${secret}@example.org` }],
  ["what JSON.parse choked on", { error: parseFailure(`${secret} is no JSON`) }],
  ["the cause of an error", { error: new PeerError("unexpected", "It failed.", { cause: new TypeError(secret) }) }],
  ["bytes", { chunk: Buffer.from(secret) }],
])("%s is not written", (_, fields) => {
  expect(written(fields)).not.toContain(secret);
});

function parseFailure(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
}

test("an error of ours is written with its code and words, another's with its frames alone", () => {
  const ours = JSON.parse(written({ error: new PeerError("host_lost", "Host host_a left.") }));
  expect(ours.error).toEqual({ name: "PeerError", code: "host_lost", reason: "Host host_a left." });
  const others = JSON.parse(written({ error: new RangeError("whatever it says") }));
  expect(others.error.name).toBe("RangeError");
  expect(others.error.stack).toContain("log.test.ts");
});

test("a log file is for its owner alone, and rotates at its size, keeping a few", async () => {
  const folder = await mkdtemp(join(tmpdir(), "peerllm-log-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "logs", "host.log");
  const filling = Array.from({ length: 60 }, () => "x".repeat(500));
  for (let run = 0; run < 2; run += 1) {
    const log = openLog({ file, level: "info" });
    log.debug("not-written", { filling });
    for (let line = 0; line < 200; line += 1) log.info("line-written", { run, line, filling });
    await log.close();
  }
  const names = await readdir(join(folder, "logs"));
  expect(names).toContain("host.log");
  expect(names).toContain("host.1.log");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(file)).size).toBeLessThan(10.5 * 1024 * 1024);
  const last = (await readFile(file, "utf8")).trimEnd().split("\n").at(-1) ?? "";
  expect(JSON.parse(last)).toMatchObject({ run: 1, line: 199 });
});

test("a log file that can't be written is said to be, once, and goes on when it can be again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "peerllm-log-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  vi.useFakeTimers({ toFake: ["performance"] });
  const told: unknown[] = [];
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation((text) => told.push(text) > 0);
  onTestFinished(() => {
    vi.useRealTimers();
    stderr.mockRestore();
  });
  const file = join(folder, "host.log");
  await mkdir(file);
  const log = openLog({ file, level: "info" });
  log.info("lost");
  await expect.poll(() => told).toEqual([expect.stringContaining(file)]);
  vi.advanceTimersByTime(10_000);
  log.info("lost");
  await rm(file, { recursive: true });
  await expect
    .poll(async () => {
      vi.advanceTimersByTime(10_000);
      log.info("written");
      return (await ifThere(readFile(file, "utf8"))) ?? "";
    })
    .toContain("written");
  await log.close();
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  const resumed = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "log-resumed");
  expect(resumed).toEqual([expect.objectContaining({ lostLines: expect.any(Number) })]);
  expect(resumed[0].lostLines).toBeGreaterThan(1);
  expect(told).toHaveLength(1);
});

test("a level is read in any case, and one that doesn't exist is refused", () => {
  expect([parseLogLevel(undefined), parseLogLevel("DEBUG")]).toEqual(["info", "debug"]);
  expect(() => parseLogLevel("loud")).toThrow(expect.objectContaining({ code: "config_invalid" }));
});
