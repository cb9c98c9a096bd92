import { describe, expect, it } from "vitest";
import { engineSettings } from "../../../daemon/host/engine-settings.ts";
import { tokensMax } from "../../../src/protocol/frame.ts";

const unsaid = { threads: null, gpu: "off", sequences: null, context: null } as const;

describe("an engine's context", () => {
  it.each([
    ["what was asked for", 4_096, 32_768, 4_096],
    ["no more than the model has", 65_536, 32_768, 32_768],
    ["8,192 where nothing was asked for", null, 32_768, 8_192],
    ["what a small model has", null, 2_048, 2_048],
    ["no more than the protocol can say", tokensMax * 4, tokensMax * 2, tokensMax],
  ])("is %s", (_what, context, contextLength, expected) => {
    expect(engineSettings({ ...unsaid, context }, { sizeBytes: 1, contextLength })).toMatchObject({
      contextLength: expected,
    });
  });
});

describe("threads and sequences", () => {
  it("are one and eight for a tiny model, whatever the machine, unless said", () => {
    const tiny = { sizeBytes: 1, contextLength: 2_048 };
    expect(engineSettings(unsaid, tiny)).toMatchObject({ threads: 1, sequences: 8 });
    expect(engineSettings({ ...unsaid, threads: 3, sequences: 2 }, tiny)).toMatchObject({ threads: 3, sequences: 2 });
  });
});
