import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createPrivateFile, writePrivateFile } from "../../src/private-file.ts";
import { temporaryHome } from "../worlds/trivial-daemon.ts";

test("a file is replaced whole and is its owner's alone, however open the one before was", async () => {
  const { root } = await temporaryHome();
  const path = join(root, "deep", "er", "key");
  await mkdir(join(root, "deep", "er"), { recursive: true });
  await writeFile(path, "a longer content than the next", { mode: 0o666 });
  await writePrivateFile(path, "next");
  expect(await readFile(path, "utf8")).toBe("next");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test("many writers at once leave one content whole and nothing beside it", async () => {
  const { root } = await temporaryHome();
  const path = join(root, "record");
  await Promise.all(Array.from({ length: 20 }, (_, index) => writePrivateFile(path, String(index).repeat(10_000))));
  const content = await readFile(path, "utf8");
  expect(Array.from({ length: 20 }, (_, index) => String(index).repeat(10_000))).toContain(content);
  expect(await readdir(root)).toEqual(["record"]);
});

test("a write that fails leaves no draft", async () => {
  const { root } = await temporaryHome();
  await mkdir(join(root, "taken"));
  await expect(writePrivateFile(join(root, "taken"), "x")).rejects.toThrow();
  expect(await readdir(root)).toEqual(["taken"]);
});

test("a file is created by one of many who try at once, and never over another", async () => {
  const { root } = await temporaryHome();
  const path = join(root, "key");
  const made = await Promise.all(Array.from({ length: 20 }, (_, index) => createPrivateFile(path, String(index))));
  expect(made.filter((isMade) => isMade)).toHaveLength(1);
  expect(await readFile(path, "utf8")).toBe(String(made.indexOf(true)));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(root)).toEqual(["key"]);
});
