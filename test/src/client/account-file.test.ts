import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { accountFilePath, keepAccount, readAccounts } from "../../../src/client/account-file.ts";
import type { Home } from "../../../src/paths.ts";
import { temporaryHome } from "../../worlds/trivial-daemon.ts";

const never = new AbortController().signal;
const account = (networkUrl: string, accountId: string) => ({ networkUrl, accountId, apiKey: "sk-test", name: null });

async function keep(home: Home, networkUrl: string, accountId: string) {
  return keepAccount(home, async () => account(networkUrl, accountId), never);
}

test("accounts are kept newest first, older ones of a network behind, for their owner alone", async () => {
  const home = await temporaryHome();
  expect(await readAccounts(home)).toEqual([]);
  await keep(home, "http://a", "one");
  await keep(home, "http://b", "two");
  await keep(home, "http://a", "three");
  expect((await readAccounts(home)).map(({ accountId }) => accountId)).toEqual(["three", "two", "one"]);
  expect((await stat(accountFilePath(home))).mode & 0o777).toBe(0o600);
  expect(await readdir(home.keysDirectory)).toEqual(["accounts.json"]);
});

test("none of many that are made at once is lost, and each is told of those before it", async () => {
  const home = await temporaryHome();
  const ids = Array.from({ length: 8 }, (_, index) => `account ${index}`);
  const told: number[] = [];
  await Promise.all(
    ids.map((id) =>
      keepAccount(
        home,
        async (accounts) => {
          told.push(accounts.length);
          return account("http://a", id);
        },
        never,
      ),
    ),
  );
  expect((await readAccounts(home)).map(({ accountId }) => accountId).sort()).toEqual(ids);
  expect(told).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("there is room on disk for its key before it is asked for", async () => {
  const home = await temporaryHome();
  let bytesTaken = 0;
  const make = async () => {
    const drafts = (await readdir(home.keysDirectory)).filter((name) => name.startsWith(".accounts.json."));
    const { blocks } = await stat(join(home.keysDirectory, drafts[0] ?? ""));
    bytesTaken = blocks * 512;
    return account("http://a", "one");
  };
  await keepAccount(home, make, never);
  expect(bytesTaken).toBeGreaterThan((await stat(accountFilePath(home))).size);
});

test("one that can't be made changes nothing and leaves nothing behind", async () => {
  const home = await temporaryHome();
  await keep(home, "http://a", "one");
  const refused = keepAccount(home, () => Promise.reject(new Error("refused")), never);
  await expect(refused).rejects.toThrow("refused");
  expect(await readAccounts(home)).toEqual([account("http://a", "one")]);
  expect(await readdir(home.keysDirectory)).toEqual(["accounts.json"]);
});

test("a damaged file is refused and not overwritten: it holds keys", async () => {
  const home = await temporaryHome();
  await mkdir(home.keysDirectory, { recursive: true });
  await writeFile(accountFilePath(home), '{"version":1,"acc');
  await expect(keep(home, "http://a", "one")).rejects.toMatchObject({ code: "config_invalid" });
  expect((await stat(accountFilePath(home))).size).toBe(17);
});
