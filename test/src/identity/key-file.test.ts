import { readFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { loadOrCreateKeyPair } from "../../../src/identity/key-file.ts";
import { temporaryFolder } from "../../worlds/model-folder.ts";

test("a key is made on first use, and the same from then on, also for those who race", async () => {
  const folder = await temporaryFolder();
  onTestFinished(folder.remove);
  const file = folder.file("keys/host.pem");
  const keys = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateKeyPair(file)));
  const [first] = keys;
  for (const key of [...keys, await loadOrCreateKeyPair(file)]) expect(key.publicKey).toBe(first?.publicKey);
  expect(await readFile(file, "utf8")).toBe(first?.exportPem());
});

test.each([
  ["empty", ""],
  ["no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"],
])("a file that is %s is told by its path, with what to do, and left as it is", async (_, content) => {
  const folder = await temporaryFolder({ "host.pem": content });
  onTestFinished(folder.remove);
  const file = folder.file("host.pem");
  await expect(loadOrCreateKeyPair(file)).rejects.toMatchObject({
    code: "config_invalid",
    message: expect.stringContaining(file),
    hint: expect.any(String),
  });
  expect(await readFile(file, "utf8")).toBe(content);
});
