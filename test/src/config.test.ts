import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { type ConfigKey, openConfig, parseConfigKey } from "../../src/config.ts";
import { type Home, homeAt } from "../../src/paths.ts";

let home: Home;

beforeEach(async () => {
  home = homeAt(await mkdtemp(join(tmpdir(), "peerllm-config-")));
  return () => rm(home.root, { recursive: true, force: true });
});

test("what is set is read back by another, typed, and unset again", () => {
  openConfig(home).set("host.threads", "3");
  openConfig(home).set("privacy.mask", "Project Atlas, Zenith");
  openConfig(home).set("network.url", "https://peer.example");
  expect(openConfig(home).list()).toEqual({
    "host.threads": 3,
    "privacy.mask": ["Project Atlas", "Zenith"],
    "network.url": "https://peer.example",
  });
  openConfig(home).unset("host.threads");
  expect(openConfig(home).get("host.threads")).toBeUndefined();
});

test("reading makes no file, and a file that is made is its owner's alone", async () => {
  expect(openConfig(home).list()).toEqual({});
  openConfig(home).unset("host.threads");
  expect(existsSync(home.configFile)).toBe(false);
  openConfig(home).set("host.gpu", "off");
  expect((await stat(home.configFile)).mode & 0o777).toBe(0o600);
});

test.each<[ConfigKey, string]>([
  ["host.threads", "0"],
  ["host.threads", "many"],
  ["network.url", "ftp://peer.example"],
  ["privacy.level", "loose"],
  ["consume.port", "70000"],
  ["consume.port", ""],
  ["host.threads", "1e1"],
])("%s can't be %s", (key, text) => {
  expect(() => openConfig(home).set(key, text)).toThrow(expect.objectContaining({ code: "config_invalid" }));
});

test("a key that doesn't exist is refused, naming those that do", () => {
  expect(() => parseConfigKey("host.thread")).toThrow(
    expect.objectContaining({ code: "config_invalid", hint: expect.stringContaining("host.threads") }),
  );
});

test.each([
  ["isn't JSON", "{"],
  ["holds a value of the wrong kind", '{"host":{"threads":"many"}}'],
])("a file that %s is refused, and left as it is", async (_, content) => {
  await writeFile(home.configFile, content);
  expect(() => openConfig(home).list()).toThrow(expect.objectContaining({ code: "config_invalid" }));
  expect(await readFile(home.configFile, "utf8")).toBe(content);
});

test("a value of the wrong kind stops those who want it alone, and can be set anew or unset", async () => {
  await writeFile(home.configFile, '{"host":{"threads":"many","gpu":"off"},"network":{"port":"http"}}');
  const config = openConfig(home);
  expect(config.get("host.gpu")).toBe("off");
  config.set("host.threads", "2");
  config.unset("network.port");
  expect(config.list()).toEqual({ "host.threads": 2, "host.gpu": "off" });
});

test("reading makes no folder either", () => {
  const elsewhere = homeAt(join(home.root, "elsewhere"));
  expect(openConfig(elsewhere).list()).toEqual({});
  expect(existsSync(elsewhere.root)).toBe(false);
});
