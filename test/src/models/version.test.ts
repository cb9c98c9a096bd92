import { describe, expect, it } from "vitest";
import { compareVersions, newestVersion } from "../../../src/models/version.ts";

describe("versions", () => {
  it("are ordered as the specification's example is", () => {
    const ordered = [
      "1.0.0-alpha",
      "1.0.0-alpha.1",
      "1.0.0-alpha.beta",
      "1.0.0-beta",
      "1.0.0-beta.2",
      "1.0.0-beta.11",
      "1.0.0-rc.1",
      "1.0.0",
      "1.0.1",
      "1.2.0",
      "1.10.0",
      "2.0.0",
    ];
    expect(ordered.toReversed().sort(compareVersions)).toEqual(ordered);
  });

  it.each([
    [undefined, "2.0.0"],
    ["1", "1.10.0"],
    ["1.2", "1.2.1"],
    ["1.2.0", "1.2.0"],
    ["3.0.0-rc.1", "3.0.0-rc.1"],
    ["3", "3.0.0-rc.1"],
    ["1.3", undefined],
    ["9.9.9", undefined],
  ])("%s means %s", (wanted, expected) => {
    const versions = ["1.2.0", "1.10.0", "1.2.1", "2.0.0", "3.0.0-rc.1"];
    expect(newestVersion(versions, wanted)).toBe(expected);
  });
});
