import { readdir, stat, writeFile } from "node:fs/promises";
import { afterEach, describe, expect, it } from "vitest";
import { isPeerError } from "../../../src/errors.ts";
import {
  createProducerKey,
  findProducerKey,
  parsePrivateKey,
  parsePublicKey,
  producerKey,
  producerKeyFile,
} from "../../../src/models/signing-key.ts";
import { homeAt } from "../../../src/paths.ts";
import { type Folder, temporaryFolder } from "../../worlds/model-folder.ts";

const folders: Folder[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.remove();
});

async function freshHome() {
  const folder = await temporaryFolder();
  folders.push(folder);
  return homeAt(folder.path);
}

describe("the producer's key", () => {
  it("is made on first use, on P-256, readable by its owner alone, and is the same ever after", async () => {
    const home = await freshHome();
    expect(await findProducerKey(home)).toBeUndefined();
    const key = await producerKey(home);
    expect(key.curve).toBe("P-256");
    expect((await stat(producerKeyFile(home))).mode & 0o777).toBe(0o600);
    expect((await producerKey(home)).fingerprint).toBe(key.fingerprint);
    expect(await readdir(home.keysDirectory)).toEqual(["producer.pem"]);
  });

  it("is one, though many ask for it at once", async () => {
    const home = await freshHome();
    const keys = await Promise.all(Array.from({ length: 5 }, () => producerKey(home)));
    expect(new Set(keys.map(({ fingerprint }) => fingerprint)).size).toBe(1);
  });

  it("is never overwritten", async () => {
    const home = await freshHome();
    const key = await createProducerKey(home, "P-384");
    await expect(createProducerKey(home, "P-256")).rejects.toSatisfy((error) => isPeerError(error, "conflict"));
    expect((await producerKey(home)).fingerprint).toBe(key.fingerprint);
  });

  it("that is damaged is refused without showing it", async () => {
    const home = await freshHome();
    await createProducerKey(home, "P-256");
    await writeFile(producerKeyFile(home), "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n");
    await expect(producerKey(home)).rejects.not.toThrowError(/c2VjcmV0/);
  });

  it.each(["", "hello", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])("%j is not a key", (text) => {
    const refused = expect.toSatisfy((error: unknown) => isPeerError(error, "signature_invalid"));
    expect(() => parsePublicKey(Buffer.from(text))).toThrowError(refused);
    expect(() => parsePrivateKey(text)).toThrowError(refused);
  });
});
