import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createStopScanner } from "../../../src/chat/stop.ts";

describe("the stop scanner", () => {
  const rows: {
    name: string;
    stops: string[];
    pieces: string[];
    expected: string[];
    isStopped: boolean;
    rest: string;
  }[] = [
    {
      name: "passes text on at once",
      stops: [],
      pieces: ["one", " two"],
      expected: ["one", " two"],
      isStopped: false,
      rest: "",
    },
    {
      name: "ends before a stop string",
      stops: ["END"],
      pieces: ["an END b"],
      expected: ["an "],
      isStopped: true,
      rest: "",
    },
    {
      name: "holds back what may become one",
      stops: ["END"],
      pieces: ["an E", "N", "D b"],
      expected: ["an ", "", ""],
      isStopped: true,
      rest: "",
    },
    {
      name: "releases what did not become one",
      stops: ["END"],
      pieces: ["an EN", "ough"],
      expected: ["an ", "ENough"],
      isStopped: false,
      rest: "",
    },
    {
      name: "gives the held part at the end",
      stops: ["\n\n"],
      pieces: ["line\n"],
      expected: ["line"],
      isStopped: false,
      rest: "\n",
    },
    {
      name: "stops at the one completed first",
      stops: ["abcd", "bc"],
      pieces: ["abcd"],
      expected: ["a"],
      isStopped: true,
      rest: "",
    },
    {
      name: "takes the longer of two completed together",
      stops: ["c", "abc"],
      pieces: ["xabc"],
      expected: ["x"],
      isStopped: true,
      rest: "",
    },
    {
      name: "finds one that overlaps a false start",
      stops: ["aab"],
      pieces: ["aaab"],
      expected: ["a"],
      isStopped: true,
      rest: "",
    },
    {
      name: "ignores an empty stop string",
      stops: [""],
      pieces: ["text"],
      expected: ["text"],
      isStopped: false,
      rest: "",
    },
    {
      name: "says nothing after a stop",
      stops: ["."],
      pieces: ["a.b", "c"],
      expected: ["a", ""],
      isStopped: true,
      rest: "",
    },
  ];
  for (const { name, stops, pieces, expected, isStopped, rest } of rows) {
    it(name, () => {
      const scanner = createStopScanner(stops);
      const scans = pieces.map((piece) => scanner.push(piece));
      expect(scans.map((scan) => scan.text)).toEqual(expected);
      expect(scans.at(-1)?.isStopped).toBe(isStopped);
      expect(scanner.flush()).toBe(rest);
    });
  }

  it("gives the same text for any chunking, and no stop string in it", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 40 });
    const stops = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 2, maxLength: 5 }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 8 }), stops, (pieces, stopStrings) => {
        const whole = run(stopStrings, [pieces.join("")]);
        expect(run(stopStrings, pieces)).toEqual(whole);
        expect(run(stopStrings, [...pieces.join("")])).toEqual(whole);
        for (const stop of stopStrings) expect(whole.text.includes(stop)).toBe(false);
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});

function run(stops: readonly string[], pieces: readonly string[]): { text: string; isStopped: boolean } {
  const scanner = createStopScanner(stops);
  let text = "";
  let isStopped = false;
  for (const piece of pieces) {
    const scan = scanner.push(piece);
    text += scan.text;
    isStopped = scan.isStopped;
  }
  return { text: text + scanner.flush(), isStopped };
}
