import { describe, expect, it } from "vitest";
import { PeerError } from "../../../src/errors.ts";
import type { Verbaliser } from "../../../src/pipeline/ports.ts";
import { TokenReader } from "../../../src/pipeline/token-reader.ts";
import { deferred } from "../../worlds/deferred.ts";
import { letterTokenizers } from "../../worlds/dispatch-simulation.ts";

const letters = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0));

/** A vocabulary that answers when it is told to, and counts what it is asked. */
function slowVerbaliser(stop: readonly string[]) {
  const gate = deferred<void>();
  const asked: number[] = [];
  const opening = letterTokenizers.verbalise("", stop).then(
    (own): Verbaliser => ({
      ...own,
      async push(tokens) {
        asked.push(tokens.length);
        await gate.promise;
        return own.push(tokens);
      },
    }),
  );
  return { opening, asked, answer: () => gate.resolve() };
}

describe("a reader of tokens", () => {
  it("asks about all that came meanwhile at once, and tells each token's text by itself", async () => {
    const { opening, asked, answer } = slowVerbaliser([]);
    const spoken: [string, number][] = [];
    const reader = new TokenReader(opening, (...piece) => spoken.push(piece));
    reader.add(letters("a"));
    await opening;
    for (const letter of letters("bcd")) reader.add([letter]);
    await expect.poll(() => asked).toHaveLength(1);
    for (const letter of letters("efg")) reader.add([letter]);
    answer();
    await reader.end();
    expect(asked.length).toBeLessThanOrEqual(2);
    expect(spoken).toEqual(letters("abcdefg").map((letter) => [String.fromCharCode(letter), 1]));
  });

  it("stops at a stop string however its tokens came, and counts none behind it", async () => {
    for (const size of [1, 2, 9]) {
      let text = "";
      let counted = 0;
      const reader = new TokenReader(letterTokenizers.verbalise("", ["END"]), (piece, tokens) => {
        text += piece;
        counted += tokens;
      });
      const tokens = letters("to the END of it");
      for (let start = 0; start < tokens.length; start += size) reader.add(tokens.slice(start, start + size));
      await reader.end();
      expect([text, counted, reader.isStopped]).toEqual(["to the ", "to the END".length, true]);
    }
  });

  it("gives what was held back as the start of a stop string once no more comes", async () => {
    let text = "";
    const reader = new TokenReader(letterTokenizers.verbalise("", ["END"]), (piece) => {
      text += piece;
    });
    reader.add(letters("an EN"));
    await reader.end();
    expect(text).toBe("an EN");
  });

  it("fails with the vocabulary's process, whenever it fails", async () => {
    const crashed = new PeerError("engine_crashed", "The tokenizer's process ended.");
    const never = new TokenReader(Promise.reject(crashed), () => {});
    await expect(never.end()).rejects.toBe(crashed);
    const own = await letterTokenizers.verbalise("", []);
    const failing = { ...own, push: () => Promise.reject(crashed) };
    const reader = new TokenReader(Promise.resolve(failing), () => {});
    reader.add(letters("a"));
    await expect(reader.end()).rejects.toBe(crashed);
    expect(() => reader.add(letters("b"))).toThrow(crashed);
  });
});
