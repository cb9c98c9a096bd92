import { describe, expect, it } from "vitest";
import type { Engine } from "../../src/chat/generation.ts";
import { PeerError } from "../../src/errors.ts";
import { question, wholeAnswer } from "../worlds/answers.ts";

/** What any engine must do, whatever makes its answers. `open` gives one that runs the demo model; it is closed elsewhere. */
export function engineContract(name: string, open: () => Engine): void {
  describe(name, () => {
    it("answers a conversation, and counts what it read and said", async () => {
      const { text, tokens, end } = await wholeAnswer(open(), question("What is PeerLLM?"));
      expect(text).toContain("PeerLLM");
      expect(text).not.toContain("<|");
      expect(end.finishReason).toBe("stop");
      expect(end.usage.promptTokens).toBeGreaterThan(3);
      if (open().reportsTokens) expect(end.usage.completionTokens).toBe(tokens.length);
      else expect(tokens).toEqual([]);
    });

    it("continues a text", async () => {
      const prompt = { kind: "text" as const, text: "The fox" };
      const { text, end } = await wholeAnswer(open(), question("", { prompt, maxTokens: 8 }));
      expect(text).not.toBe("");
      expect(end.usage.completionTokens).toBeLessThanOrEqual(8);
    });

    it("ends at its token limit with reason length", async () => {
      const { end } = await wholeAnswer(open(), question("Tell me a story.", { maxTokens: 7 }));
      expect(end).toMatchObject({ finishReason: "length", usage: { completionTokens: 7 } });
    });

    it("ends before a stop string, with nothing of it, however many there are", async () => {
      const whole = await wholeAnswer(open(), question("Tell me a story.", { maxTokens: 40 }));
      const stop = whole.text.slice(20, 29);
      const stops = ["@1", "@2", "@3", "@4", stop];
      const stopped = await wholeAnswer(open(), question("Tell me a story.", { maxTokens: 40, stop: stops }));
      expect(stopped.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)));
      expect(stopped.end.finishReason).toBe("stop");
    });

    it("refuses a prompt that leaves no room in its context, by its own code", async () => {
      const long = question("word ".repeat(4_000));
      await expect(wholeAnswer(open(), long)).rejects.toMatchObject({ code: "context_length_exceeded" });
    });

    it("ends with the signal's reason, at once and in the middle of an answer", async () => {
      const reason = new PeerError("cancelled", "Enough.");
      await expect(wholeAnswer(open(), question("Hello"), AbortSignal.abort(reason))).rejects.toBe(reason);
      const controller = new AbortController();
      const answer = async () => {
        for await (const event of open().generate(question("Tell me a story."), controller.signal)) {
          if (event.kind === "delta") controller.abort(reason);
        }
      };
      await expect(answer()).rejects.toBe(reason);
    });
  });
}
