import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { readAccounts } from "../../src/client/account-file.ts";
import { homeAt, packageFile } from "../../src/paths.ts";
import { peerllm, temporaryFolder } from "../worlds/command.ts";

const upSchema = z.object({ url: z.url(), pid: z.int(), networkId: z.string() });

async function networkUp(more: string[] = []): Promise<z.output<typeof upSchema> & { home: string }> {
  const home = await temporaryFolder();
  onTestFinished(async () => void (await peerllm(["network", "down", "--now"], { home })));
  const ran = await peerllm(["network", "up", "--port", "0", "--json", ...more], { home });
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  return { ...upSchema.parse(ran.json()), home };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !/^State:\s+Z/m.test(existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, "utf8") : "");
}

describe("an orchestrator in the background", () => {
  test("answers when its command returns, runs once in a home, and is gone when `down` returns", async () => {
    const { home, url, pid, networkId } = await networkUp();
    expect((await fetch(`${url}/api/v1/network`)).status).toBe(200);
    const status = (await peerllm(["network", "status", "--json"], { home })).json();
    expect(status).toMatchObject({ networkId, url, pid, accounts: 0, hosts: [] });

    const again = await peerllm(["network", "up", "--port", "0", "--json"], { home });
    expect(again.code).toBe(2);
    expect(again.json()).toMatchObject({
      error: { code: "already_running", message: expect.stringContaining(String(pid)) },
    });

    expect((await peerllm(["network", "down", "--json"], { home })).json()).toEqual({
      stopped: true,
      pid,
      killed: false,
    });
    expect(isRunning(pid)).toBe(false);
    expect(await readdir(join(home, "run"))).toEqual([]);
    expect((await peerllm(["network", "down", "--json"], { home })).json()).toMatchObject({ stopped: false });
  });

  test("is found by a home named from another folder", async () => {
    const folder = await temporaryFolder();
    onTestFinished(async () => void (await peerllm(["network", "down", "--now"], { home: join(folder, "home") })));
    const up = await peerllm(["network", "up", "--port", "0", "--json", "--home", "home"], { cwd: folder });
    const { pid } = upSchema.parse(up.json());
    const status = await peerllm(["network", "status", "--json"], { home: join(folder, "home") });
    expect(status.json()).toMatchObject({ pid });
    expect(await readdir(folder)).toEqual(["home"]);
  });

  test("starts again after a SIGKILL, with the same identity, accounts and credit", async () => {
    const { home, url, pid, networkId } = await networkUp();
    const member = await temporaryFolder();
    const made = await peerllm(["account", "create", "--network", url, "--json"], { home: member });
    const { accountId } = z.object({ accountId: z.string() }).parse(made.json());
    expect((await peerllm(["network", "credit", accountId, "20"], { home })).code).toBe(0);
    const mistaken = (await peerllm(["network", "credit", accountId, "2000", "--json"], { home })).json();
    const { transfer } = z.looseObject({ transfer: z.string() }).parse(mistaken);
    expect((await peerllm(["network", "reverse", transfer, "--json"], { home })).json()).toEqual({
      accountId,
      reversed: "2000.00",
      available: "20.00",
      owed: "0.00",
    });
    const nobody = await peerllm(["network", "credit", `account_${"a".repeat(26)}`, "20", "--json"], { home });
    expect([nobody.code, nobody.json()]).toMatchObject([2, { error: { code: "not_found" } }]);
    for (const words of [
      ["credit", accountId, "0"],
      ["code", "create", "0"],
    ]) {
      const nothing = await peerllm(["network", ...words, "--json"], { home });
      expect([nothing.code, nothing.json()]).toMatchObject([2, { error: { code: "request_invalid" } }]);
    }
    process.kill(pid, "SIGKILL");
    await vi.waitUntil(() => !isRunning(pid), { timeout: 10_000 });
    expect((await peerllm(["network", "status"], { home })).code).toBe(4);

    const port = new URL(url).port;
    const back = await peerllm(["network", "up", "--port", port, "--json"], { home });
    expect(back.json()).toMatchObject({ networkId, url });
    const balance = await peerllm(["billing", "balance", "--json"], { home: member });
    expect(balance.json()).toEqual({ available: "20.00", held: "0.00" });
    expect((await peerllm(["network", "audit", "--json"], { home })).json()).toMatchObject({ balanced: true });
    expect((await peerllm(["network", "audit"], { home })).stdout).toMatch(
      /^books +balanced\ntransfers +3, of 6 entries\nopen holds +0\n\nACCOUNTS +USD\n(.+\n)*consumer-credit +20\.00\n/,
    );
  });

  test("does not start with empty books in the place of those it had", async () => {
    const { home } = await networkUp();
    await peerllm(["network", "down"], { home });
    await truncate(join(homeAt(home).databaseDirectory, "network.db"), 0);
    const refused = await peerllm(["network", "up", "--port", "0", "--json"], { home });
    expect(refused.json()).toMatchObject({
      error: { code: "storage_failed", message: expect.stringContaining("books of this network are missing") },
    });
  });

  test("that was private is started again as it was, and opened by its operator's word alone", async () => {
    const { home } = await networkUp(["--private"]);
    const restart = async (more: string[]) => {
      await peerllm(["network", "down"], { home });
      await peerllm(["network", "up", "--port", "0", ...more], { home });
      return (await peerllm(["network", "status", "--json"], { home })).json();
    };
    expect(await restart([])).toMatchObject({ isPrivate: true });
    expect(await restart(["--no-private"])).toMatchObject({ isPrivate: false });
    expect(await restart([])).toMatchObject({ isPrivate: false });
    await writeFile(join(home, "enrolment.json"), "{");
    expect(await restart([])).toMatchObject({ error: { code: "daemon_unreachable" } });
    expect(await restart(["--private"])).toMatchObject({ isPrivate: true });
  });

  test("a model that it doesn't have is wrong input to every command that names one", async () => {
    const { url } = await networkUp();
    const home = await temporaryFolder();
    await peerllm(["account", "create", "--network", url], { home });
    for (const words of [
      ["models", "show"],
      ["models", "pull"],
      ["producer", "show"],
      ["chat", "Hi", "--model"],
    ]) {
      const { code, stdout } = await peerllm([...words, "acme/nope", "--network", url, "--json"], { home });
      expect([words, code, stdout]).toEqual([words, 2, expect.stringContaining("acme/nope")]);
    }
  });

  test("whose port is taken says so, and leaves no trace that it runs", async () => {
    const { url } = await networkUp();
    const home = await temporaryFolder();
    const ran = await peerllm(["network", "up", "--port", new URL(url).port, "--json"], { home });
    expect(ran.code).not.toBe(0);
    expect(JSON.stringify(ran.json())).toContain(new URL(url).port);
    expect(await readdir(join(home, "run"))).toEqual(["network.end.json"]);
  });

  test("logs JSON lines that `logs` shows, for its owner alone", async () => {
    const { home, networkId } = await networkUp();
    const logs = (await peerllm(["network", "logs", "--json"], { home })).json();
    expect(logs).toMatchObject({ lines: expect.arrayContaining([expect.objectContaining({ event: "daemon-ready" })]) });
    expect(JSON.stringify(logs)).toContain(networkId);
    expect((await stat(join(home, "logs", "network.log"))).mode & 0o077).toBe(0);
    expect((await peerllm(["network", "logs", "--lines", "1"], { home })).stdout.trim().split("\n")).toHaveLength(1);
  });
});

test("in the foreground an orchestrator prints that it serves, and ends with its command", async () => {
  const home = await temporaryFolder();
  const up = execa(
    process.execPath,
    [packageFile("dist/peerllm.js"), "network", "up", "--port", "0", "--foreground", "--json", "--home", home],
    { reject: false },
  );
  const lines: string[] = [];
  up.stdout.on("data", (chunk) => lines.push(String(chunk)));
  await vi.waitUntil(() => lines.length > 0, { timeout: 30_000 });
  const { pid } = upSchema.parse(JSON.parse(lines.join("")));
  up.kill("SIGINT");
  expect((await up).exitCode).toBe(0);
  expect(isRunning(pid)).toBe(false);
  expect((await up).stderr).toContain("daemon-closed");
});

describe("an account", () => {
  test("is kept in the home for its owner alone, and its keys can be made and revoked", async () => {
    const { url, home: operator } = await networkUp();
    const home = await temporaryFolder();
    const who = ["--name", "Ada", "--email", "ada@example.com"];
    const made = await peerllm(["account", "create", ...who, "--network", url, "--json"], { home });
    const { accountId, apiKey } = z.strictObject({ accountId: z.string(), apiKey: z.string() }).parse(made.json());
    const file = join(home, "keys", "accounts.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, "utf8")).toContain(apiKey);
    expect((await peerllm(["account", "show", "--json"], { home })).json()).toMatchObject({
      accountId,
      name: "Ada",
      email: "ada@example.com",
    });
    const known = { accountId, name: "Ada", email: "ada@example.com", isVouched: false, available: "0.00" };
    const found = async (word: string) =>
      (await peerllm(["network", "accounts", word, "--json"], { home: operator })).json();
    expect(await found("ADA@")).toMatchObject({ accounts: [known], isWhole: true });
    expect(await found("nobody")).toEqual({ accounts: [], isWhole: true });

    const words = ["account", "keys", "create", "--name", "notebook", "--scope", "consume", "--json"];
    const key = z.looseObject({ keyId: z.string(), apiKey: z.string() }).parse((await peerllm(words, { home })).json());
    const elsewhere = await temporaryFolder();
    const asKey = (command: string[]) =>
      peerllm([...command, "--network", url, "--json"], {
        home: elsewhere,
        env: { PEERLLM_API_KEY: key.apiKey },
      });
    expect((await asKey(["account", "show"])).json()).toMatchObject({ accountId });
    const negative = ["account", "keys", "create", "--name", "less", "--budget-per-day", "-1", "--json"];
    expect(await peerllm(negative, { home })).toMatchObject({ code: 2 });
    const held = ["--budget-per-day", "0.5", "--requests-per-minute", "9", "--tokens-per-minute", "900"];
    expect(await peerllm([...words, ...held], { home })).toMatchObject({ code: 0 });
    expect((await peerllm(["account", "keys", "list", "--json"], { home })).json()).toMatchObject({
      keys: [
        { scopes: ["consume", "produce", "host", "admin"], budgetUsdPerDay: null, requestsPerMinute: 10_000 },
        { keyId: key.keyId, scopes: ["consume"], tokensPerMinute: 20_000_000 },
        { scopes: ["consume"], budgetUsdPerDay: "0.50", requestsPerMinute: 9, tokensPerMinute: 900 },
      ],
    });
    expect(await asKey(["account", "keys", "list"])).toMatchObject({ code: 3 });
    expect((await peerllm(["account", "keys", "revoke", key.keyId], { home })).code).toBe(0);
    expect(await asKey(["account", "show"])).toMatchObject({ code: 3 });
    const listed = JSON.stringify((await peerllm(["account", "keys", "list", "--json"], { home })).json());
    expect(listed).toContain(key.keyId);
    expect(listed).not.toContain(apiKey);
  });

  test("that is made beside others in one home is kept as they are, and a first use makes one alone", async () => {
    const { url } = await networkUp();
    const made = async (words: string[], home: string) => {
      await Promise.all(Array.from({ length: 4 }, () => peerllm([...words, "--network", url, "--yes"], { home })));
      return (await readAccounts(homeAt(home))).length;
    };
    expect(await made(["account", "create"], await temporaryFolder())).toBe(4);
    expect(await made(["producer", "yank", "acme/tiny:1.2.0"], await temporaryFolder())).toBe(1);
  });

  test("on a private network takes an invite, which is good once", async () => {
    const { home, url } = await networkUp(["--private"]);
    const create = async (more: string[]) =>
      peerllm(["account", "create", "--network", url, "--json", ...more], { home: await temporaryFolder() });
    expect((await create([])).code).toBe(3);
    const unseen = ["/v1/models", "/api/v1/models", "/api/v1/models/acme/tiny"].map((path) => fetch(url + path));
    expect((await Promise.all(unseen)).map(({ status }) => status)).toEqual([401, 401, 401]);
    const invited = (await peerllm(["network", "invite", "--json"], { home })).json();
    const { invite } = z.looseObject({ invite: z.string() }).parse(invited);
    expect((await create(["--invite", invite])).code).toBe(0);
    expect((await create(["--invite", invite])).code).not.toBe(0);
  });

  test("of one network is not shown to another", async () => {
    const { url } = await networkUp();
    const home = await temporaryFolder();
    await peerllm(["account", "create", "--network", url], { home });
    const elsewhere = await peerllm(["account", "show", "--network", "http://127.0.0.1:1", "--json"], { home });
    expect(elsewhere.json()).toMatchObject({ error: { code: "authentication_failed" } });
  });
});
