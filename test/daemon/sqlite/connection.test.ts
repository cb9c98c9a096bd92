import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { openReader, openWriter } from "../../../daemon/sqlite/connection.ts";
import { temporaryFolder } from "../../worlds/command.ts";

test("no statement or iterator is ever collected, which would abort an idle process under Node 24", async () => {
  const path = join(await temporaryFolder(), "database.sqlite");
  const writer = openWriter(path);
  const reader = openReader(path);
  onTestFinished(() => {
    reader.close();
    writer.close();
  });
  const natives = [writer, reader].flatMap((connection) =>
    Array.from({ length: 20 }, (_, index) => {
      const statement = connection.prepare(`SELECT ${index}`);
      const rows = statement.iterate();
      expect([...rows]).toHaveLength(1);
      return [new WeakRef(statement), new WeakRef(rows)];
    }).flat(),
  );
  await new Promise(setImmediate);
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  expect(natives.every((native) => native.deref() !== undefined)).toBe(true);
});
