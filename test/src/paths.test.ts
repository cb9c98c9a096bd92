import { userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { xdgFolder } from "../../src/paths.ts";

afterEach(() => void vi.unstubAllEnvs());

test.each([
  ["where its variable says", "/data", "/home/ada", "/data"],
  ["in the user's folder where that is empty", "", "/home/ada", "/home/ada/.local/share"],
  ["in the user's folder where that depends on where one is", "data", "/home/ada", "/home/ada/.local/share"],
  ["where the system says where HOME doesn't", "", "", join(userInfo().homedir, ".local/share")],
])("a folder of the platform's is %s", (_, data, home, expected) => {
  vi.stubEnv("XDG_DATA_HOME", data);
  vi.stubEnv("HOME", home);
  expect(xdgFolder("XDG_DATA_HOME", ".local", "share")).toBe(expected);
});
