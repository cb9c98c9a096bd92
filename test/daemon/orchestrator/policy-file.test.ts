import { readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PolicyFile } from "../../../daemon/orchestrator/policy-file.ts";
import { defaultPolicy } from "../../../src/safety/policy.ts";
import { type Folder, temporaryFolder } from "../../worlds/model-folder.ts";

describe("a network's policy file", () => {
  let folder: Folder;
  let path: string;
  const stricter = { ...defaultPolicy, withoutGuard: "block" as const };

  beforeEach(async () => {
    folder = await temporaryFolder();
    path = join(folder.path, "policy.json");
  });
  afterEach(() => folder.remove());

  it("is the default until the operator replaces it, and the replacement outlives a restart", async () => {
    const policy = await PolicyFile.open(path);
    expect(policy.current()).toEqual(defaultPolicy);
    await policy.replace(stricter);
    expect(policy.current()).toEqual(stricter);
    expect((await PolicyFile.open(path)).current()).toEqual(stricter);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it.each([null, {}, "allow", { ...stricter, withoutGuard: "perhaps" }, { ...stricter, categories: {} }])(
    "keeps the old one where the new one is %j",
    async (wanted) => {
      const policy = await PolicyFile.open(path);
      await policy.replace(stricter);
      const before = await readFile(path, "utf8");
      await expect(policy.replace(wanted)).rejects.toMatchObject({ code: "config_invalid" });
      expect(policy.current()).toEqual(stricter);
      expect(await readFile(path, "utf8")).toBe(before);
    },
  );

  it("keeps a network from starting where it can't be read, rather than judging by the default", async () => {
    await writeFile(path, '{"version":1,');
    const refusal = { code: "config_invalid", message: expect.stringContaining(path) };
    await expect(PolicyFile.open(path)).rejects.toMatchObject(refusal);
  });

  it("that is a link to where no disk is mounted is not the default", async () => {
    await symlink(join(folder.path, "not-mounted", "policy.json"), path);
    await expect(PolicyFile.open(path)).rejects.toMatchObject({ code: "file_missing" });
  });
});
