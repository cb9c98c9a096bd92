import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemFailure } from "../../src/errors.ts";
import { temporaryHome } from "../worlds/trivial-daemon.ts";

/** What the call fails with, as one of our errors. */
function failureOf(call: () => unknown) {
  try {
    call();
  } catch (error) {
    return systemFailure(error);
  }
  throw new Error("It did not fail.");
}

test("what the system refuses names the file, says why and what to do", async () => {
  const { root } = await temporaryHome();
  const at = (...names: string[]) => join(root, ...names);
  writeFileSync(at("file"), "");
  symlinkSync(at("circle"), at("circle"));
  const told: [() => unknown, string, string][] = [
    [() => readFileSync(at("nowhere")), "file_missing", `"${at("nowhere")}" can't be used: it isn't there (ENOENT).`],
    [
      () => readdirSync(at("file", "in")),
      "file_unusable",
      `"${at("file", "in")}" can't be used: a part of the path is not a folder (ENOTDIR).`,
    ],
    [
      () => readFileSync(at("circle")),
      "file_unusable",
      `"${at("circle")}" can't be used: its links lead in a circle (ELOOP).`,
    ],
    [() => mkdirSync(at("file")), "file_unusable", `"${at("file")}" can't be used: something else is there (EEXIST).`],
    [
      () => readSync(openSync(root, "r"), Buffer.alloc(1)),
      "file_unusable",
      "A file can't be read: it is a folder (EISDIR).",
    ],
  ];
  for (const [call, code, message] of told) {
    expect(failureOf(call)).toMatchObject({ code, message, hint: expect.stringMatching(/\w/) });
  }
});

test.runIf(existsSync("/dev/full"))("a full disk is told of, though its error names no file", () => {
  expect(failureOf(() => writeFileSync("/dev/full", "x"))).toMatchObject({
    code: "storage_failed",
    message: "A file can't be written: the disk is full (ENOSPC).",
  });
});

test("what is no file's failure is none of these", () => {
  expect(systemFailure(spawnSync("/nowhere/program").error)).toBeUndefined();
  expect(systemFailure(Object.assign(new Error("denied"), { code: "EACCES", syscall: "listen" }))).toBeUndefined();
});
