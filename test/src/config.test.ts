import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
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

test("what is set is read back by another, typed, and unset again", async () => {
  await openConfig(home).set("host.threads", "3");
  await openConfig(home).set("privacy.mask", "Project Atlas, Zenith");
  await openConfig(home).set("network.url", "https://peer.example");
  expect(openConfig(home).list()).toEqual({
    "host.threads": 3,
    "privacy.mask": ["Project Atlas", "Zenith"],
    "network.url": "https://peer.example",
  });
  await openConfig(home).unset("host.threads");
  expect(openConfig(home).get("host.threads")).toBeUndefined();
});

test("reading makes no file, and a file that is made is its owner's alone", async () => {
  expect(openConfig(home).list()).toEqual({});
  await openConfig(home).unset("host.threads");
  expect(existsSync(home.configFile)).toBe(false);
  await openConfig(home).set("host.gpu", "off");
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
  ["host.gpu", "banana"],
  ["host.schedule", "99:99-88:77"],
  ["host.schedule", "22:00-07:00, 24:00-25:00"],
  ["consume.model", ""],
  ["network.listen", "two words"],
])("%s can't be %s", async (key, text) => {
  await expect(openConfig(home).set(key, text)).rejects.toEqual(expect.objectContaining({ code: "config_invalid" }));
});

test("a value that can't be is refused in words for people", async () => {
  const refusal = async (key: ConfigKey, text: string) => {
    try {
      await openConfig(home).set(key, text);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    return "not refused";
  };
  const refusals = [refusal("host.gpu", "banana"), refusal("consume.model", ""), refusal("network.url", "peer")];
  expect(await Promise.all(refusals)).toEqual([
    'host.gpu can\'t be "banana": it must be auto, off, cuda, metal or vulkan.',
    'consume.model can\'t be "": it must not be empty.',
    'network.url can\'t be "peer": it must be a URL like http://127.0.0.1:7420.',
  ]);
});

test("a key that doesn't exist is refused, naming those that do", () => {
  expect(() => parseConfigKey("host.thread")).toThrow(
    expect.objectContaining({ code: "config_invalid", hint: expect.stringContaining("host.threads") }),
  );
});

test.each([
  ["isn't JSON", "{"],
  ["is JSON, but no object", "[]"],
  ["holds a word for a group", '{"privacy":"x"}'],
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
  await config.set("host.threads", "2");
  await config.unset("network.port");
  expect(config.list()).toEqual({ "host.threads": 2, "host.gpu": "off" });
  await writeFile(home.configFile, '{"privacy":"x"}');
  await config.set("privacy.level", "strict");
  expect(config.list()).toEqual({ "privacy.level": "strict" });
});

test("a file that can't be read is not one that isn't there", async () => {
  await symlink(home.configFile, home.configFile);
  const refused = expect.objectContaining({ code: "file_unusable", message: expect.stringContaining(home.configFile) });
  expect(() => openConfig(home).get("privacy.mask")).toThrow(refused);
  await expect(openConfig(home).unset("privacy.mask")).rejects.toEqual(refused);
});

test("reading makes no folder either", () => {
  const elsewhere = homeAt(join(home.root, "elsewhere"));
  expect(openConfig(elsewhere).list()).toEqual({});
  expect(existsSync(elsewhere.root)).toBe(false);
});
