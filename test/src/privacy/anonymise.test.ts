import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Message } from "../../../src/chat/message.ts";
import { anonymise, anonymiseTexts } from "../../../src/privacy/anonymise.ts";
import { createJsonRehydrator, createRehydrator, type Rehydrator } from "../../../src/privacy/rehydrate.ts";

const options = { level: "standard", key: new Uint8Array(32).fill(7), ownWords: ["Bluebird"] } as const;

function inPieces(rehydrator: Rehydrator, text: string, sizes: readonly number[]): string {
  let out = "";
  let index = 0;
  for (let at = 0; at < text.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    out += rehydrator.push(text.slice(at, at + size));
    at += size;
  }
  return out + rehydrator.flush();
}

function user(content: string): Message {
  return { role: "user", content };
}

/** Pieces of text that entities, markup and look-alikes are made of, so that random joins of them meet every rule. */
const fragments = [
  "My name is John Smith",
  "john.smith@example.com",
  "(415) 555-0132",
  "4111 1111 1111 1111",
  "219-09-9999",
  "Bluebird",
  "DE89 3704 0044 0532 0130 00",
  "203.0.113.9",
  "742 Evergreen Terrace, Springfield",
  "https://bob:hunter22@git.example.com/r",
  "/home/jsmith/notes.txt",
  "Dear Anna Kowalska,",
  "[PERSON_347]",
  "PERSON_347",
  "[PERSON",
  "_347]",
  "PERSON 512",
  "\\[EMAIL\\_201\\]",
  '<img src="',
  '">',
  "<a href='",
  "'>",
  "</a>",
  "](",
  ")",
  "![",
  "[x]: ",
  "http://evil.example/?q=",
  "www.",
  ".evil.example/",
  "//",
  "url(",
  '"',
  "'",
  "`",
  "\\",
  "&",
  "&#91;",
  "{",
  "}",
  "[",
  "]",
  "<",
  ">",
  "@",
  ":",
  "/",
  ".",
  ",",
  " ",
  "\n",
  "\n\n",
  "=",
  "%5B",
  "\u200b",
  "é",
  "😀",
  "٠",
  "123",
  "a",
] as const;
const text = fc.oneof(
  fc.array(fc.constantFrom(...fragments), { maxLength: 14 }).map((parts) => parts.join("")),
  fc.array(fc.constantFrom(...fragments), { maxLength: 14 }).map((parts) => parts.join(" ")),
  fc.string({ unit: "binary", maxLength: 200 }),
);
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });

describe("anonymise, then rehydrate", () => {
  it("gives back any text, cut in any way", () => {
    fc.assert(
      fc.property(text, sizes, (original, cuts) => {
        const { messages, vault } = anonymise([user(original)], options);
        expect(inPieces(createRehydrator(vault), messages[0]?.content ?? "", cuts)).toBe(original);
      }),
      { numRuns: 1500 },
    );
  });

  it("gives back every message of any conversation", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), sizes, (originals, cuts) => {
        const { messages, vault } = anonymise(originals.map(user), { ...options, level: "strict" });
        expect(messages.map((message) => inPieces(createRehydrator(vault), message.content, cuts))).toEqual(originals);
      }),
      { numRuns: 500 },
    );
  });

  it("gives back any JSON by its leaves, escapes and all", () => {
    fc.assert(
      fc.property(
        fc.dictionary(text, fc.oneof(text, fc.boolean(), fc.array(text, { maxLength: 3 }))),
        sizes,
        (value, cuts) => {
          const json = JSON.stringify(value);
          const { texts, vault } = anonymiseTexts([json], json, options);
          expect(JSON.parse(inPieces(createJsonRehydrator(vault), texts[0] ?? "", cuts))).toEqual(JSON.parse(json));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("leaves text full of look-alike placeholders as it is", () => {
    const lookAlike = fc.tuple(
      fc.constantFrom("PERSON", "EMAIL", "person", "NUMBER", "TERM"),
      fc.integer({ min: 100, max: 999 }),
    );
    fc.assert(
      fc.property(fc.array(lookAlike, { minLength: 20, maxLength: 200 }), sizes, (pairs, cuts) => {
        const original = `My name is John Smith. ${pairs.map(([noun, index]) => `[${noun}_${index}] ${noun} ${index}`).join(", ")}`;
        const { messages, vault } = anonymise([user(original)], options);
        const masked = messages[0]?.content ?? "";
        expect(masked.endsWith(original.slice("My name is John Smith".length))).toBe(true);
        expect(masked).not.toContain("John");
        expect(inPieces(createRehydrator(vault), masked, cuts)).toBe(original);
      }),
      { numRuns: 100 },
    );
  });
});
