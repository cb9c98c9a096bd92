import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openAccounts } from "../../../daemon/sqlite/accounts.ts";
import { openWriter } from "../../../daemon/sqlite/connection.ts";
import { openHosts } from "../../../daemon/sqlite/hosts.ts";
import { openInvites } from "../../../daemon/sqlite/invites.ts";
import { migrate, migrations } from "../../../daemon/sqlite/migrations.ts";
import { type Account, type AccountStore, ownerOf, unknownOwner } from "../../../src/identity/account.ts";
import { requireScope } from "../../../src/identity/api-key.ts";
import { newId } from "../../../src/ids.ts";
import { parseUsd } from "../../../src/money.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { stillClock } from "../../worlds/still-clock.ts";

const clock = stillClock(1_000);
let open: OpenDatabase;
let accounts: AccountStore;

beforeEach(async () => {
  open = await freshDatabase();
  accounts = openAccounts(open.database, clock);
});
afterEach(() => open.close());

describe("accounts", () => {
  it("lets a key in until it is revoked, and from then on never", async () => {
    const account = await accounts.create({ name: "Ada" });
    const { key, secret } = await accounts.createKey(account.id, { name: "laptop", scopes: ["consume"] });
    expect(secret).toMatch(/^sk-peer-[a-z2-7]{68}$/);
    expect(await accounts.authenticate(secret)).toEqual({ account, key });
    await accounts.revokeKey(account.id, key.id);
    await expect(accounts.authenticate(secret)).rejects.toMatchObject({ code: "authentication_failed" });
  });

  it.each([
    [
      "another secret with the same prefix",
      (secret: string) => `${secret.slice(0, -1)}${secret.endsWith("a") ? "b" : "a"}`,
    ],
    ["a key nobody made", () => `sk-peer-${"a".repeat(68)}`],
    ["an OpenAI key", () => "sk-proj-1234"],
    ["nothing", () => ""],
  ])("refuses %s", async (_what, forge) => {
    const account = await accounts.create({ name: "Ada" });
    const { secret } = await accounts.createKey(account.id, { name: "laptop", scopes: ["consume"] });
    await expect(accounts.authenticate(forge(secret))).rejects.toMatchObject({ code: "authentication_failed" });
  });

  it("are found by their id, name or e-mail address in any case, the newest first and no more than asked", async () => {
    const later = stillClock(1_000);
    const kept = openAccounts(open.database, later);
    const ada = await kept.create({ name: "Ada", email: "ada@example.com" });
    later.move(1_000);
    const bob = await kept.create({ name: "Bob, Ada's brother" });
    const found = async (words: string, max = 10) => (await kept.search(words, max)).map(({ id }) => id);
    expect(await found("")).toEqual([bob.id, ada.id]);
    expect(await found("ADA")).toEqual([bob.id, ada.id]);
    expect(await found("ada", 1)).toEqual([bob.id]);
    expect(await found("ADA@example")).toEqual([ada.id]);
    expect(await found(bob.id.slice(8))).toEqual([bob.id]);
    expect(await found("%")).toEqual([]);
    expect(ada.email).toBe("ada@example.com");
    expect((await kept.find(bob.id))?.email).toBeNull();
  });

  it("takes a hundred keys of an account, and another where one was revoked", async () => {
    const { id } = await accounts.create({ name: "Ada" });
    const make = () => accounts.createKey(id, { name: "laptop", scopes: ["consume"] });
    const [first] = await Promise.all(Array.from({ length: 100 }, make));
    await expect(make()).rejects.toMatchObject({ code: "insufficient_quota" });
    await accounts.revokeKey(id, first?.key.id ?? newId("key"));
    await make();
    await expect(make()).rejects.toMatchObject({ code: "insufficient_quota" });
  });

  it("keeps no secret in its file", async () => {
    const account = await accounts.create({ name: "Ada" });
    const { secret } = await accounts.createKey(account.id, { name: "laptop", scopes: ["consume"] });
    const bytes = Buffer.concat([await readFile(open.path), await readFile(`${open.path}-wal`)]);
    expect(bytes.includes(secret.slice(24))).toBe(false);
    expect(bytes.includes(account.id)).toBe(true);
  });

  it("keeps a key's scopes, budget and limits", async () => {
    const account = await accounts.create({ name: "Ada" });
    const wanted = {
      name: "ci",
      scopes: ["consume", "host"],
      budget: { perDay: parseUsd("1"), perMonth: null },
      rateLimits: { requestsPerMinute: 5, tokensPerMinute: 500 },
    } as const;
    const { key } = await accounts.createKey(account.id, wanted);
    expect(await accounts.keys(account.id)).toEqual([key]);
    expect(key).toMatchObject(wanted);
    expect(() => requireScope(key, "host")).not.toThrow();
    expect(() => requireScope(key, "admin")).toThrow(expect.objectContaining({ code: "permission_denied" }));
  });

  it("made before keys could manage them are managed by their first key, and by no other", async () => {
    open.database.close();
    const before = openWriter(`${open.path}.before`);
    const steps = migrations.findIndex(({ name }) => name === "account-keys");
    migrate(before, migrations.slice(0, steps));
    before.exec(
      `INSERT INTO accounts (id, name, created_at) VALUES ('a', 'Ada', 1);
       INSERT INTO api_keys (id, account_id, name, prefix, hash, scopes, requests_per_minute, tokens_per_minute, created_at)
       VALUES ('1', 'a', 'first', 'p1', x'00', 'consume produce host', 1, 1, 1),
         ('2', 'a', 'second', 'p2', x'00', 'consume produce host', 1, 1, 2)`,
    );
    migrate(before);
    const kept = before.prepare("SELECT scopes FROM api_keys ORDER BY id").pluck().all();
    expect(kept).toEqual(["consume produce host admin", "consume produce host"]);
    before.close();
  });

  it("counts accounts nobody vouches for as one owner, and one payer's accounts as one", async () => {
    const [ada, bob, eve] = await Promise.all(["Ada", "Bob", "Eve"].map((name) => accounts.create({ name })));
    if (ada === undefined || bob === undefined || eve === undefined) throw new Error("three accounts were made");
    expect([ada, bob].map(ownerOf)).toEqual([unknownOwner, unknownOwner]);
    expect(ownerOf(await accounts.vouch(ada.id, true))).toBe(ada.id);
    expect(ownerOf(await accounts.vouch(ada.id, false))).toBe(unknownOwner);
    await Promise.all([bob, eve].map((account) => accounts.setPaymentIdentity(account.id, "payer", "paid")));
    expect(await ownersOf(bob, eve)).toEqual(["payment:payer", "payment:payer"]);
  });

  it("counts accounts as one owner that are joined by payers they share, and says when that changes", async () => {
    const [ada, bob, eve] = await Promise.all(["Ada", "Bob", "Eve"].map((name) => accounts.create({ name })));
    if (ada === undefined || bob === undefined || eve === undefined) throw new Error("three accounts were made");
    expect(await accounts.setPaymentIdentity(ada.id, "first", "paid")).toBe(true);
    expect(await accounts.setPaymentIdentity(bob.id, "second", "paid")).toBe(true);
    expect(await accounts.setPaymentIdentity(bob.id, "second", "paid")).toBe(false);
    await accounts.setPaymentIdentity(eve.id, "first", "paid");
    expect(await ownersOf(ada, bob, eve)).toEqual(["payment:first", "payment:second", "payment:first"]);
    expect(await accounts.setPaymentIdentity(ada.id, "second", "paid")).toBe(true);
    expect(new Set(await ownersOf(ada, bob, eve)).size).toBe(1);
    const dan = await accounts.create({ name: "Dan" });
    await accounts.setPaymentIdentity(dan.id, "first", "paid");
    expect(new Set(await ownersOf(ada, dan)).size).toBe(1);
  });

  it("lets nobody join two strangers by having money sent to them", async () => {
    const names = ["Ada", "Bob", "Mallory", "Mallory too"];
    const [ada, bob, one, two] = await Promise.all(names.map((name) => accounts.create({ name })));
    if (ada === undefined || bob === undefined || one === undefined || two === undefined)
      throw new Error("no accounts");
    await accounts.setPaymentIdentity(ada.id, "ada's", "paid");
    await accounts.setPaymentIdentity(bob.id, "bob's", "paid");
    await accounts.setPaymentIdentity(one.id, "ada's", "was-paid");
    await accounts.setPaymentIdentity(one.id, "bob's", "was-paid");
    await accounts.setPaymentIdentity(two.id, "bob's", "was-paid");
    expect(new Set(await ownersOf(ada, bob, one, two)).size).toBe(2);
    await accounts.setPaymentIdentity(one.id, "mallory's", "paid");
    await accounts.setPaymentIdentity(two.id, "mallory's", "paid");
    expect(await ownersOf(ada, bob, one, two)).toEqual([
      "payment:ada's",
      "payment:bob's",
      "payment:mallory's",
      "payment:mallory's",
    ]);
  });

  it("says which account or key is not there", async () => {
    const account = await accounts.create({ name: "Ada" });
    expect(await accounts.find(newId("account"))).toBeNull();
    await expect(accounts.vouch(newId("account"), true)).rejects.toMatchObject({ code: "not_found" });
    await expect(accounts.revokeKey(account.id, newId("key"))).rejects.toMatchObject({ code: "not_found" });
  });
});

async function ownersOf(...members: readonly Account[]) {
  const found = await Promise.all(members.map(({ id }) => accounts.find(id)));
  return found.map((account) => (account === null ? "" : ownerOf(account)));
}

describe("invites", () => {
  it("are accepted as often as they say, until they expire", async () => {
    const invites = openInvites(open.database, clock);
    const twice = await invites.create({ uses: 2, expiresAt: null });
    await invites.accept(twice);
    await invites.accept(twice);
    await expect(invites.accept(twice)).rejects.toMatchObject({ code: "authentication_failed" });
    const late = await invites.create({ uses: 1, expiresAt: clock.now() });
    await expect(invites.accept(late)).rejects.toMatchObject({ code: "authentication_failed" });
  });
});

describe("hosts", () => {
  it("belong to the account and key that first connected them", async () => {
    const hosts = openHosts(open.database, clock);
    const [ada, eve] = [await accounts.create({ name: "Ada" }), await accounts.create({ name: "Eve" })];
    const host = { id: newId("host"), accountId: ada.id, publicKey: "key" };
    await hosts.seen(host);
    await hosts.seen(host);
    await expect(hosts.seen({ ...host, accountId: eve.id })).rejects.toMatchObject({ code: "permission_denied" });
    await hosts.setBenchmark(host.id, "{}");
    expect(await hosts.list(ada.id)).toEqual([{ ...host, firstSeenAt: 1_000, lastSeenAt: 1_000, benchmark: "{}" }]);
    expect(await hosts.list(eve.id)).toEqual([]);
  });
});
