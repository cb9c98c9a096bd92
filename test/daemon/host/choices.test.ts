import { stat } from "node:fs/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { openChoices } from "../../../daemon/host/choices.ts";
import { homeAt } from "../../../src/paths.ts";
import { temporaryFolder } from "../../worlds/model-folder.ts";

async function world() {
  const folder = await temporaryFolder();
  onTestFinished(folder.remove);
  const home = homeAt(folder.path);
  return { folder, open: () => openChoices(home) };
}

const tiny = { digest: `sha256:${"a".repeat(64)}`, source: "acme/tiny:1.0.0", networkUrl: "https://peer.example" };
const own = { digest: `sha256:${"b".repeat(64)}`, source: "/models/own.gguf", networkUrl: null };

describe("what a host's owner chose", () => {
  it("is nothing at first, and is there when the host starts again, for its owner alone", async () => {
    const { open, folder } = await world();
    const first = await open();
    expect({ pause: first.pause, pins: first.pins }).toEqual({ pause: null, pins: [] });
    await Promise.all([first.setPause({ until: 5 }), first.setPin(tiny, true), first.setPin(own, true)]);
    const second = await open();
    expect({ pause: second.pause, pins: second.pins }).toEqual({ pause: { until: 5 }, pins: [tiny, own] });
    expect((await stat(folder.file("host-choices.json"))).mode & 0o077).toBe(0);
    await second.setPause(null);
    await second.setPin(tiny, false);
    const third = await open();
    expect({ pause: third.pause, pins: third.pins }).toEqual({ pause: null, pins: [own] });
    expect([third.isPinned(tiny.digest), third.isPinned(own.digest)]).toEqual([false, true]);
  });

  it("pins a model once, by what it was pinned as last", async () => {
    const { open } = await world();
    const choices = await open();
    await choices.setPin(tiny, true);
    await choices.setPin({ ...tiny, source: "acme/tiny:1" }, true);
    expect(choices.pins).toEqual([{ ...tiny, source: "acme/tiny:1" }]);
  });

  it("pins 256 models, and says so of one more", async () => {
    const { open } = await world();
    const choices = await open();
    for (let index = 0; index < 256; index += 1) await choices.setPin({ ...tiny, digest: String(index) }, true);
    await expect(choices.setPin(own, true)).rejects.toMatchObject({ code: "conflict" });
    await choices.setPin({ ...tiny, digest: "7" }, true);
    expect(choices.pins).toHaveLength(256);
  });

  it.each(["", "{", '{"version":2}', '{"version":1,"pause":7,"pins":[]}'])(
    "is not guessed at where it reads %j",
    async (text) => {
      const { open, folder } = await world();
      await folder.write("host-choices.json", text);
      await expect(open()).rejects.toMatchObject({ code: "config_invalid" });
    },
  );
});
