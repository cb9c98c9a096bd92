import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { openReader, openWriter } from "../../../daemon/sqlite/connection.ts";
import { temporaryFolder } from "../../worlds/command.ts";

test("no statement is ever collected, which would abort an idle process under Node 24", async () => {
  const path = join(await temporaryFolder(), "database.sqlite");
  const writer = openWriter(path);
  const reader = openReader(path);
  onTestFinished(() => {
    reader.close();
    writer.close();
  });
  const statements = [writer, reader].flatMap((connection) =>
    Array.from({ length: 20 }, (_, index) => new WeakRef(connection.prepare(`SELECT ${index}`))),
  );
  await new Promise(setImmediate);
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  expect(statements.every((statement) => statement.deref() !== undefined)).toBe(true);
});
