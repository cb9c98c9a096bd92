import { InsufficientMemoryError } from "node-llama-cpp";
import { describe, expect, it, vi } from "vitest";
import { loadWeights, openLibrary } from "../../../daemon/llama/library.ts";
import { demoModelFile } from "../../worlds/answers.ts";

describe("a model's weights", () => {
  it.each([
    [1_024, 4_096],
    [8_192, 8_192],
  ])("leave room on a GPU for 4 contexts of %i tokens, or as many as it was trained on", async (length, tokens) => {
    const llama = await openLibrary("off", 1);
    const load = vi.spyOn(llama, "loadModel");
    const model = await loadWeights(llama, demoModelFile, { sequences: 4, contextLength: length });
    expect(model.trainContextSize).toBe(2_048);
    expect(load).toHaveBeenCalledWith(expect.objectContaining({ gpuLayers: { fitContext: { contextSize: tokens } } }));
    await llama.dispose();
  });

  it("without room for them say what to do", async () => {
    const llama = await openLibrary("off", 1);
    vi.spyOn(llama, "loadModel").mockRejectedValue(new InsufficientMemoryError("Not enough VRAM."));
    await expect(loadWeights(llama, demoModelFile, { sequences: 4, contextLength: 1_024 })).rejects.toMatchObject({
      code: "config_invalid",
      hint: "Use fewer sequences or a shorter context.",
    });
    await llama.dispose();
  });
});
