import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { accountFilePath, readAccounts, storeAccount } from "../../../src/client/account-file.ts";
import { temporaryHome } from "../../worlds/trivial-daemon.ts";

const account = (networkUrl: string, accountId: string) => ({ networkUrl, accountId, apiKey: "sk-test", name: null });

test("accounts are kept newest first, older ones of a network behind, for their owner alone", async () => {
  const home = await temporaryHome();
  expect(await readAccounts(home)).toEqual([]);
  for (const [url, id] of [
    ["http://a", "one"],
    ["http://b", "two"],
    ["http://a", "three"],
  ] as const) {
    await storeAccount(home, account(url, id));
  }
  expect((await readAccounts(home)).map(({ accountId }) => accountId)).toEqual(["three", "two", "one"]);
  expect((await stat(accountFilePath(home))).mode & 0o777).toBe(0o600);
  expect(await readdir(home.keysDirectory)).toEqual(["accounts.json"]);
});

test("a damaged file is refused and not overwritten: it holds keys", async () => {
  const home = await temporaryHome();
  await mkdir(home.keysDirectory, { recursive: true });
  await writeFile(accountFilePath(home), '{"version":1,"acc');
  await expect(storeAccount(home, account("http://a", "one"))).rejects.toMatchObject({ code: "config_invalid" });
  expect((await stat(accountFilePath(home))).size).toBe(17);
});
