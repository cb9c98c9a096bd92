import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { packageVersion } from "../../src/paths.ts";
import { peerllm, peerllmInto, temporaryFolder, unknownUser } from "../worlds/command.ts";

describe("a command that fails", () => {
  test.each<[string, string[], number, string]>([
    ["an unknown command", ["hsot", "up"], 2, "usage_invalid"],
    ["an unknown option", ["network", "up", "--prot", "1"], 2, "usage_invalid"],
    ["an argument missing", ["network", "credit"], 2, "usage_invalid"],
    ["an argument too many", ["network", "hosts", "all"], 2, "usage_invalid"],
    ["a group without its subcommand", ["network"], 2, "usage_invalid"],
    ["a number that isn't one", ["network", "up", "--port", "http"], 2, "usage_invalid"],
    ["a number left empty", ["network", "up", "--port", ""], 2, "usage_invalid"],
    ["a number out of range", ["network", "up", "--port", "-1"], 2, "usage_invalid"],
    [
      "a certificate that isn't there",
      ["network", "up", "--port", "0", "--tls-cert", "a", "--tls-key", "b"],
      2,
      "file_missing",
    ],
    ["a certificate without its key", ["network", "up", "--port", "0", "--tls-cert", "a"], 2, "usage_invalid"],
    [
      "an address that isn't there",
      ["network", "up", "--port", "0", "--listen", "192.0.2.1", "--allow-clear"],
      2,
      "usage_invalid",
    ],
    ["a file that can't be written", ["producer", "key", "export", "--output", "/nowhere/key"], 2, "file_missing"],
    ["a file that isn't there", ["receipts", "verify", "nowhere.json"], 2, "file_missing"],
    ["a folder for a file", ["receipts", "verify", "."], 2, "file_unusable"],
    ["a choice that isn't one", ["network", "up", "--billing", "barter"], 2, "usage_invalid"],
    ["a global option that isn't valid", ["models", "--network", "not-a-url"], 2, "usage_invalid"],
    ["a config key that doesn't exist", ["config", "get", "colour"], 2, "config_invalid"],
    ["an amount that isn't one", ["network", "credit", "account_a", "lots"], 2, "money_malformed"],
    ["an amount that no books hold", ["network", "credit", "account_a", "999999999999"], 2, "money_malformed"],
    [
      "a budget that is no amount",
      ["account", "keys", "create", "--name", "a", "--budget-per-day", "1e3"],
      2,
      "money_malformed",
    ],
    [
      "a budget below nothing",
      ["account", "keys", "create", "--name", "a", "--budget-per-month", "-1"],
      2,
      "usage_invalid",
    ],
    ["a threshold below nothing", ["payout", "settings", "--threshold", "-1"], 2, "usage_invalid"],
    ["a payment that is no amount", ["billing", "topup", "1e3"], 2, "money_malformed"],
    ["a cost below nothing", ["earnings", "calculator", "--electricity", "-1"], 2, "usage_invalid"],
    ["hours that aren't said", ["earnings", "calculator", "--hours", ""], 2, "usage_invalid"],
    ["no account", ["account", "show", "--network", "http://127.0.0.1:1"], 3, "authentication_failed"],
    ["a network that isn't there", ["account", "create", "--network", "http://127.0.0.1:1"], 4, "network_unreachable"],
    ["a daemon that doesn't run", ["host", "status"], 4, "daemon_unreachable"],
  ])("for %s says so once, with its exit code, as text and as JSON", async (_, words, code, errorCode) => {
    // Two homes: of two daemons that start in one, the second is refused for that.
    const [home, other] = [await temporaryFolder(), await temporaryFolder()];
    const [text, json] = await Promise.all([peerllm(words, { home }), peerllm([...words, "--json"], { home: other })]);
    expect([text.code, json.code]).toEqual([code, code]);
    expect(text.stdout).toBe("");
    expect(text.stderr).not.toMatch(/^\s+at /m);
    expect(json.json()).toEqual({
      error: { code: errorCode, message: expect.any(String), hint: expect.toBeOneOf([expect.any(String), null]) },
    });
  });

  test("guesses what was meant", async () => {
    const { stderr } = await peerllm(["netwrok", "up"]);
    expect(stderr).toBe("peerllm: Unknown command 'netwrok'. Did you mean network?\n");
  });

  test("exits as it failed also where nobody reads what it says", async () => {
    const home = await temporaryFolder();
    const code = async (words: string[], pipe: string) => (await peerllmInto(pipe, words, { home })).code;
    expect(await code(["host", "status"], "2>&1 | true")).toBe(4);
    expect(await code(["host", "status", "--json"], "| true")).toBe(4);
    expect(await code(["--help"], "| true")).toBe(0);
  });

  test("says one line, whoever wrote it", async () => {
    const home = await temporaryFolder();
    const message = "evil\u001b[2J\nline2";
    const network = createServer((_, response) => {
      response.writeHead(401, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message, code: "authentication_failed" } }));
    });
    network.listen(0, "127.0.0.1");
    await once(network, "listening");
    onTestFinished(() => void network.close());
    const { port } = z.object({ port: z.int() }).parse(network.address());
    const words = ["models", "--network", `http://127.0.0.1:${port}`];
    const options = { home, env: { PEERLLM_API_KEY: "sk-peer-any" } };
    expect(await peerllm(words, options)).toMatchObject({ code: 3, stderr: expect.stringMatching(/^[^\p{Cc}]+\n$/u) });
    expect((await peerllm([...words, "--json"], options)).json()).toMatchObject({
      error: { message: "evil [2J line2" },
    });
    const { stderr } = await peerllm(["config", "get", "a\nb\u001b[31m"], { home });
    expect(stderr).toMatch(/^peerllm: There is no config key "a b \[31m"\.[^\p{Cc}]+\n$/u);
  });

  test("shows a stack with --debug alone", async () => {
    const home = await temporaryFolder();
    const { stderr, code } = await peerllm(["host", "status", "--debug"], { home });
    expect([code, /^\s+at /m.test(stderr)]).toEqual([4, true]);
  });
});

describe("a command that is asked about itself", () => {
  test("prints its help on standard output and exits 0, without a home being made", async () => {
    const home = join(await temporaryFolder(), "home");
    for (const words of [[], ["--help"], ["network", "--help"], ["host", "up", "--help"]]) {
      const { code, stdout, stderr } = await peerllm(words, { home });
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toContain("Usage: peerllm");
      expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    }
    expect(existsSync(home)).toBe(false);
  });

  test("prints its version", async () => {
    expect((await peerllm(["--version"])).stdout).toBe(`${packageVersion()}\n`);
  });
});

describe("global options", () => {
  test("hold before and after the command, the nearest to it first", async () => {
    const [near, far] = [await temporaryFolder(), await temporaryFolder()];
    const path = async (words: string[]) => (await peerllm(words)).json();
    expect(await path(["--home", far, "--json", "config", "path"])).toEqual({ path: join(far, "config.json") });
    expect(await path(["config", "path", "--home", near, "--json"])).toEqual({ path: join(near, "config.json") });
    expect(await path(["--home", far, "config", "path", "--home", near, "--json"])).toEqual({
      path: join(near, "config.json"),
    });
  });

  test("come from the environment, a flag before it", async () => {
    const [flagged, named] = [await temporaryFolder(), await temporaryFolder()];
    const env = { PEERLLM_JSON: "1" };
    const fromEnvironment = await peerllm(["config", "path"], { home: named, env });
    const fromFlag = await peerllm(["config", "path", "--home", flagged], { home: named, env });
    expect(fromEnvironment.json()).toEqual({ path: join(named, "config.json") });
    expect(fromFlag.json()).toEqual({ path: join(flagged, "config.json") });
    const off = await peerllm(["config", "path"], { home: named, env: { PEERLLM_JSON: "0" } });
    expect(off.stdout).toBe(`${join(named, "config.json")}\n`);
  });
});

describe("an option", () => {
  test("comes from its flag, else the environment, else the config file", async () => {
    const home = await temporaryFolder();
    await peerllm(["config", "set", "network.billing", "barter"], { home });
    await peerllm(["config", "set", "network.port", "70000"], { home });
    await peerllm(["config", "set", "network.listen", "192.0.2.1"], { home });
    const words = ["network", "up", "--json"];
    // Each of the three sources names an address that can't be listened on; the refusal quotes the one that counts.
    const said = async (more: string[], env: Record<string, string>) =>
      JSON.stringify((await peerllm([...words, ...more], { home, env })).json());
    expect(await said([], {})).toContain("192.0.2.1");
    expect(await said([], { PEERLLM_LISTEN: "192.0.2.2" })).toContain("192.0.2.2");
    expect(await said(["--listen", "192.0.2.3"], { PEERLLM_LISTEN: "192.0.2.2" })).toContain("192.0.2.3");
  });
});

test("an option that can't be is refused where it was said: as a flag or in the environment", async () => {
  const home = await temporaryFolder();
  const words = ["network", "up", "--port", "0"];
  const said = async (more: string[], env: Record<string, string>) =>
    (await peerllm([...words, ...more], { home, env })).stderr;
  expect(await said(["--billing", "barter"], {})).toMatch(
    /^peerllm: --billing must be off, credits or paypal, not "barter"\./,
  );
  expect(await said([], { PEERLLM_BILLING: "barter" })).toMatch(/^peerllm: PEERLLM_BILLING must be off, /);
  expect(await said(["--billing", "barter"], { PEERLLM_BILLING: "off" })).toMatch(/^peerllm: --billing must be off, /);
  expect(await said([], { PEERLLM_NETWORK: "peer" })).toMatch(/^peerllm: PEERLLM_NETWORK must be a URL like /);
  expect(await said([], { PEERLLM_ALLOW_ORIGIN: "*" })).toMatch(/^peerllm: PEERLLM_ALLOW_ORIGIN must be an origin /);
});

test.runIf(existsSync("/dev/full"))(
  "a file that could not be written is named, also where the disk is full",
  async () => {
    const home = await temporaryFolder();
    expect((await peerllm(["producer", "key", "export", "--output", "/dev/full"], { home })).stderr).toBe(
      `peerllm: "/dev/full" can't be used: the disk is full (ENOSPC). Free some room, or name another place.\n`,
    );
  },
);

test("a user whom the system doesn't know needs no more than a home", async () => {
  const home = await temporaryFolder();
  const env = { HOME: undefined, XDG_DATA_HOME: undefined, ...unknownUser };
  const run = (words: string) => peerllm([...words.split(" "), "--json"], { home, env });
  onTestFinished(async () => {
    for (const role of ["network", "host"]) await run(`${role} down --now`);
  });
  expect(await peerllm(["--version"], { env })).toMatchObject({ code: 0 });
  expect(await run("config set consume.port 7000")).toMatchObject({ code: 0 });
  expect(await run("network up --port 0")).toMatchObject({ code: 0 });
  expect((await run("chat hello")).json()).toMatchObject({ error: { code: "model_missing" } });
  expect((await run("account show")).json()).toMatchObject({ name: null });
  expect(await run("host up --local --port 0 --threads 1")).toMatchObject({ code: 0 });
  const homeless = await peerllm(["config", "path"], { env });
  expect(homeless).toMatchObject({ code: 2, stderr: expect.stringContaining("--home") });
});

describe("a home", () => {
  test("that is no folder, or damaged, is told of by its commands and by `doctor`", async () => {
    const home = await temporaryFolder();
    const file = join(home, "file");
    await writeFile(file, "");
    const inFile = await peerllm(["account", "create", "--json", "--network", "http://127.0.0.1:1"], { home: file });
    expect([inFile.code, inFile.json()]).toEqual([
      2,
      { error: expect.objectContaining({ code: "file_unusable", message: expect.stringContaining(file) }) },
    ]);
    await mkdir(join(home, "keys"), { mode: 0o700 });
    await writeFile(join(home, "config.json"), "{");
    await writeFile(join(home, "keys", "accounts.json"), "{", { mode: 0o600 });
    const doctor = await peerllm(["doctor", "--json", "--network", "http://127.0.0.1:1"], { home });
    expect([doctor.code, doctor.json()]).toEqual([
      1,
      expect.objectContaining({
        ok: false,
        checks: expect.arrayContaining([
          expect.objectContaining({ name: "config", state: "failed" }),
          expect.objectContaining({ name: "account", state: "failed" }),
          expect.objectContaining({ name: "home", state: "ok" }),
        ]),
      }),
    ]);
  });

  test.each([
    ["keys/accounts.json", "account show"],
    ["run/network.json", "network status"],
    ["run/network.lock", "network up --port 0"],
    ["run/network.sock", "network up --port 0"],
  ])("with a folder in the place of %s is told which", async (name, words) => {
    const home = await temporaryFolder();
    const file = join(home, name);
    await mkdir(file, { recursive: true });
    const ran = await peerllm([...words.split(" "), "--json"], { home });
    expect(ran.json()).toMatchObject({ error: { code: "file_unusable", message: expect.stringContaining(file) } });
  });

  test("that leads nowhere is not one that can be made", async () => {
    const home = join(await temporaryFolder(), "home");
    await symlink("/nowhere/at/all", home);
    const doctor = await peerllm(["doctor", "--json", "--network", "http://127.0.0.1:1"], { home });
    expect(doctor.json()).toMatchObject({
      checks: expect.arrayContaining([expect.objectContaining({ name: "home", state: "failed" })]),
    });
  });

  test("whose keys can't be looked at is not said to have none", async () => {
    const home = await temporaryFolder();
    await symlink(join(home, "keys"), join(home, "keys"));
    const doctor = await peerllm(["doctor", "--json", "--network", "http://127.0.0.1:1"], { home });
    expect([doctor.code, doctor.json()]).toMatchObject([
      1,
      { checks: expect.arrayContaining([expect.objectContaining({ name: "keys", state: "failed" })]) },
    ]);
  });

  test("that isn't there yet is not made by looking", async () => {
    const home = join(await temporaryFolder(), "home");
    for (const words of [["config", "list"], ["doctor"], ["network", "status"]]) await peerllm(words, { home });
    expect(existsSync(home)).toBe(false);
  });
});
