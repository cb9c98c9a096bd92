import { truncate, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openWriter } from "../../../daemon/sqlite/connection.ts";
import { Database } from "../../../daemon/sqlite/database.ts";
import { migrate, migrations } from "../../../daemon/sqlite/migrations.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";

describe("database", () => {
  let open: OpenDatabase;

  beforeEach(async () => {
    open = await freshDatabase();
    open.database.connection.exec("CREATE TABLE notes (text TEXT UNIQUE NOT NULL)");
  });
  afterEach(() => open.close());

  function note(text: string): void {
    open.database.connection.prepare<[string]>("INSERT INTO notes VALUES (?)").run(text);
  }

  function notes(): string[] {
    return open.database.connection
      .prepare<[], { text: string }>("SELECT text FROM notes")
      .all()
      .map((row) => row.text);
  }

  it("undoes a failing write alone, and keeps those that share its commit", async () => {
    const writes = await Promise.allSettled([
      open.database.durably(() => note("first")),
      open.database.durably(() => {
        note("second");
        note("first");
      }),
      open.database.durably(() => note("third")),
    ]);
    expect(writes.map((write) => write.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(notes()).toEqual(["first", "third"]);
  });

  it("shares one commit between writes of one turn", async () => {
    const reader = open.database.openReader();
    const version = () => reader.pragma("data_version", { simple: true });
    const before = version();
    const writes = Array.from({ length: 100 }, (_, index) => open.database.durably(() => note(`${index}`)));
    expect(version()).toBe(before);
    await Promise.all(writes);
    expect(notes()).toHaveLength(100);
    reader.close();
  });

  it("waits for the disk with what is to survive a power cut, and with nothing else", async () => {
    const { database } = open;
    const level = () => database.connection.pragma("synchronous", { simple: true });
    const [full, normal] = [2n, 1n];
    expect(database.connection.pragma("journal_mode", { simple: true })).toBe("wal");
    for (const write of [database.durably, database.promptly, database.durably, database.durably]) {
      expect(await write.call(database, level)).toBe(write === database.durably ? full : normal);
    }
    const [durable, prompt] = await Promise.all([database.durably(level), database.promptly(level)]);
    expect([durable, prompt]).toEqual([full, normal]);
  });

  it("commits what is queued when it closes, and refuses what comes later", async () => {
    const write = open.database.durably(() => note("last"));
    open.database.close();
    await write;
    await expect(open.database.promptly(() => note("late"))).rejects.toMatchObject({ code: "storage_failed" });
    const reopened = new Database(open.path);
    expect(reopened.connection.prepare("SELECT text FROM notes").pluck().all()).toEqual(["last"]);
    reopened.close();
  });

  it("says so, and half writes nothing, where the disk is full", async () => {
    const pages = Number(open.database.connection.pragma("page_count", { simple: true }));
    open.database.connection.pragma(`max_page_count = ${pages + 2}`);
    const writes = Array.from({ length: 40 }, (_, index) => open.database.durably(() => note(`${index}`.repeat(500))));
    const refused = (await Promise.allSettled(writes)).filter((write) => write.status === "rejected");
    expect(refused[0]?.reason).toMatchObject({ code: "storage_failed", hint: expect.stringContaining("disk is full") });
    expect(notes()).toHaveLength(40 - refused.length);
  });

  it("is one process's at a time, whatever container that is in", () => {
    expect(() => new Database(open.path)).toThrow(expect.objectContaining({ code: "already_running" }));
    open.database.close();
    new Database(open.path).close();
  });

  it("refuses a file that is no database", async () => {
    const path = `${open.path}.other`;
    await writeFile(path, "not a database, by any means ".repeat(100));
    expect(() => new Database(path)).toThrow(expect.objectContaining({ code: "storage_failed" }));
  });

  it("refuses a file that was cut short", async () => {
    open.database.close();
    await truncate(open.path, 8192);
    expect(() => new Database(open.path)).toThrow(expect.objectContaining({ code: "storage_failed" }));
  });

  it("refuses a schema newer than it knows, and changes nothing", () => {
    open.database.connection.pragma(`user_version = ${migrations.length + 1}`);
    open.database.close();
    expect(() => new Database(open.path)).toThrow(/schema \d+; this PeerLLM knows/);
  });

  it("keeps what was taken back of a payment when that is no longer limited", () => {
    const before = openWriter(`${open.path}.before`);
    migrate(
      before,
      migrations.slice(
        0,
        migrations.findIndex(({ name }) => name === "refunds"),
      ),
    );
    before.exec(
      `INSERT INTO payments (id, account_id, purpose, amount, refunded, created_at, updated_at)
       VALUES ('payment_1', 'account_1', '{"kind":"model","model":"acme/pro"}', 20, 5, 1, 1)`,
    );
    migrate(before);
    before.exec("UPDATE payments SET refunded = refunded + 20");
    const kept = before.prepare("SELECT refunded, model FROM payments").all();
    expect(kept).toEqual([{ refunded: 25n, model: "acme/pro" }]);
    before.close();
  });

  it("applies new steps once, and none where one of them fails", () => {
    const { connection } = open.database;
    const good = { name: "good", sql: "CREATE TABLE good (id INTEGER)" };
    const bad = { name: "bad", sql: "CREATE TABLE half (id INTEGER); CREATE TABLE good (id INTEGER)" };
    migrate(connection, [...migrations, good]);
    migrate(connection, [...migrations, good]);
    expect(() => migrate(connection, [...migrations, good, bad])).toThrow("already exists");
    expect(connection.pragma("user_version", { simple: true })).toBe(BigInt(migrations.length + 1));
    expect(connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'half'").all()).toEqual([]);
  });
});
