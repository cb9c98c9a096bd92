import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KnownNetworks } from "../../../daemon/host/known-networks.ts";
import { generateKeyPair } from "../../../src/identity/key.ts";
import { type Folder, temporaryFolder } from "../../worlds/model-folder.ts";

describe("a host's known networks", () => {
  let folder: Folder;
  let path: string;
  const first = generateKeyPair().publicKey;
  const other = generateKeyPair().publicKey;

  beforeEach(async () => {
    folder = await temporaryFolder();
    path = join(folder.path, "known-networks.json");
  });
  afterEach(() => folder.remove());

  it("trust the key of the first meeting, and know it after a restart", async () => {
    await new KnownNetworks(path).trust("https://a.example", first);
    await new KnownNetworks(path).trust("https://a.example", first);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("refuse another key at a known address, and keep the one they know", async () => {
    await new KnownNetworks(path).trust("https://a.example", first);
    const known = new KnownNetworks(path);
    const refusal = { code: "authentication_failed", hint: expect.stringContaining(path) };
    await expect(known.trust("https://a.example", other)).rejects.toMatchObject(refusal);
    await expect(known.trust("https://a.example", first)).resolves.toBeUndefined();
  });

  it("keep one key for each address", async () => {
    const known = new KnownNetworks(path);
    await known.trust("https://a.example", first);
    await known.trust("https://b.example", other);
    await expect(known.trust("https://b.example", first)).rejects.toMatchObject({ code: "authentication_failed" });
    await expect(known.trust("https://a.example", first)).resolves.toBeUndefined();
  });
});
