import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createVerbaliser } from "../../../daemon/llama/verbaliser.ts";

/** A vocabulary whose tokens are bytes. */
const bytesOf = (token: number) => Uint8Array.of(token);

describe("the verbaliser", () => {
  it("holds a character back until its last byte", () => {
    const verbaliser = createVerbaliser(bytesOf, []);
    const [first, second, third, fourth] = Buffer.from("😀");
    expect(verbaliser.push([65, first ?? 0]).text).toBe("A");
    expect(verbaliser.push([second ?? 0]).text).toBe("");
    expect(verbaliser.push([third ?? 0]).text).toBe("");
    expect(verbaliser.push([fourth ?? 0]).text).toBe("😀");
    expect(verbaliser.flush()).toBe("");
  });

  it("gives an unfinished character as U+FFFD only at the end", () => {
    const verbaliser = createVerbaliser(bytesOf, []);
    expect(verbaliser.push([0xe2, 0x82]).text).toBe("");
    expect(verbaliser.flush()).toBe("\uFFFD");
  });

  it("ends before a stop string whose characters are spread over tokens", () => {
    const verbaliser = createVerbaliser(bytesOf, ["é!"]);
    const texts = [...Buffer.from("café! more")].map((byte) => verbaliser.push([byte]));
    expect(texts.map((scan) => scan.text).join("")).toBe("caf");
    expect(texts.at(-1)?.isStopped).toBe(true);
    expect(verbaliser.flush()).toBe("");
  });

  it("says the same for any chunking of any bytes, and never half a character", () => {
    const bytes = fc.oneof(
      fc.string({ unit: "binary", maxLength: 120 }).map((text) => [...Buffer.from(text)]),
      fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 200 }),
    );
    fc.assert(
      fc.property(bytes, fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 40 }), (tokens, sizes) => {
        const verbaliser = createVerbaliser(bytesOf, []);
        const whole = new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(tokens));
        let text = "";
        let start = 0;
        for (const size of [...sizes, ...tokens.map(() => 1)]) {
          text += verbaliser.push(tokens.slice(start, start + size)).text;
          start += size;
          expect(whole.startsWith(text)).toBe(true);
        }
        expect(text + verbaliser.flush()).toBe(whole);
      }),
      { numRuns: 150, seed: 2 },
    );
  });
});
