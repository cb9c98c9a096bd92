import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Message } from "../../../src/chat/message.ts";
import { isPeerError } from "../../../src/errors.ts";
import { anonymise, anonymiseTexts } from "../../../src/privacy/anonymise.ts";
import { recognised } from "../../../src/privacy/recogniser.ts";
import { createRehydrator, type Rehydrator } from "../../../src/privacy/rehydrate.ts";
import { scanOf } from "../../../src/privacy/scan.ts";

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

/** A JSON value with every key and every string restored. */
function leavesRestored(value: unknown, restore: (leaf: string) => string): unknown {
  if (typeof value === "string") return restore(value);
  if (Array.isArray(value)) return value.map((item) => leavesRestored(item, restore));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [restore(key), leavesRestored(item, restore)]));
}

function thrownBy(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
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
      { numRuns: 600 },
    );
  });

  it("gives back every message of any conversation", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), sizes, (originals, cuts) => {
        const { messages, vault } = anonymise(originals.map(user), { ...options, level: "strict" });
        expect(messages.map((message) => inPieces(createRehydrator(vault), message.content, cuts))).toEqual(originals);
      }),
      { numRuns: 200 },
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
          const restore = (leaf: string) => inPieces(createRehydrator(vault), leaf, cuts);
          expect(leavesRestored(JSON.parse(texts[0] ?? ""), restore)).toEqual(JSON.parse(json));
        },
      ),
      { numRuns: 200 },
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
      { numRuns: 40 },
    );
  });
});

const options2 = { ...options, key: new Uint8Array(32).fill(8) } as const;

function maskedOf(messages: readonly Message[], level: "standard" | "strict" = "standard"): string[] {
  return anonymise(messages, { ...options, level }).messages.map((message) => message.content);
}

describe("placeholders", () => {
  it("are the same for the same value and different for different ones", () => {
    const [first = "", second = ""] = maskedOf([
      user("Write to anna.berg@example.com and to otto.kern@example.com."),
      user("Has anna.berg@example.com answered? Anna.Berg@example.com is hers too."),
    ]);
    const [anna, otto] = first.match(/\[EMAIL_\d+\]/g) ?? [];
    expect(first).toBe(`Write to ${anna} and to ${otto}.`);
    expect(anna).not.toBe(otto);
    expect(second.startsWith(`Has ${anna} answered? [EMAIL_`)).toBe(true);
    expect(second).not.toContain("Anna");
  });

  it("are numbered differently for another key and for another conversation", () => {
    const opening = [user("Write to anna.berg@example.com.")];
    const numbers = [
      anonymise(opening, options).messages[0]?.content,
      anonymise(opening, options2).messages[0]?.content,
      anonymise([user("Please write to anna.berg@example.com.")], options).messages[0]?.content.slice(
        "Please w".length,
      ),
    ].map((content) => /\d+/.exec(content ?? "")?.[0]);
    expect(new Set(numbers).size).toBe(3);
  });

  it("use no number that stands in the conversation", () => {
    const numbers = Array.from({ length: 900 }, (_, index) => index + 100).filter((number) => number !== 555);
    const { messages, vault } = anonymise([user("My name is John Smith."), user(numbers.join(" "))], options);
    expect(messages[0]?.content).toMatch(/^My name is \[PERSON_(?:555|1\d{3})\]\.$/);
    expect(numbers.some((number) => vault.entries.has(number))).toBe(false);
  });

  it("made by the consumer's own proxy are left alone", () => {
    const [masked = ""] = maskedOf([
      user("Dear [PERSON_347], mail [EMAIL_348] or otto.kern@example.com. My name is [PERSON_349]."),
    ]);
    expect(masked).toMatch(/^Dear \[PERSON_347\], mail \[EMAIL_348\] or \[EMAIL_\d+\]\. My name is \[PERSON_349\]\.$/);
  });

  it("stand wherever a value stands, also where nothing would have noticed it", () => {
    const masked = maskedOf([
      user("marek says hi"),
      user("My name is Marek Nowak."),
      user("so what does MAREK NOWAK think? ask Nowak"),
    ]);
    expect(masked.join("\n").toLowerCase()).not.toContain("nowak");
  });

  it("are counted by type", () => {
    expect(anonymise([user("a.b@example.com, c.d@example.com, a.b@example.com, 219-09-9999")], options).masked).toEqual(
      { EMAIL: 2, SSN: 1 },
    );
  });
});

describe("what a host receives", () => {
  it("holds no value of the vault as a word of its own", () => {
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 4 }),
        fc.constantFrom("standard", "strict"),
        (originals, level) => {
          const { messages, vault } = anonymise(originals.map(user), { ...options, level });
          const frames = messages.map((message) => message.content.replace(/\[[A-Z]+_\d+\]/g, "\u0000"));
          for (const { value } of vault.entries.values()) {
            for (const frame of frames)
              expect(standsIn(frame, value), `${JSON.stringify(value)} in ${JSON.stringify(frame)}`).toBe(false);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Whether `value` stands in `text` and is not merely a part of a longer word. */
function standsIn(text: string, value: string): boolean {
  const isWord = (char: string) => /[\p{L}\p{N}\p{M}]/u.test(char);
  for (let start = text.indexOf(value); start !== -1; start = text.indexOf(value, start + 1)) {
    const end = start + value.length;
    const opens = !isWord(value.charAt(0)) || !isWord(text.charAt(start - 1));
    if (opens && (!isWord(value.at(-1) ?? "") || !isWord(text.charAt(end)))) return true;
  }
  return false;
}

describe("a conversation that goes on", () => {
  /** Numbers of three digits in them lie above those of so few placeholders, so none must make way. */
  const facts = [
    "My name is John Smith.",
    "Write to anna.berg@example.com.",
    "Call (915) 955-0962.",
    "My boss Piotr Kowalczyk is angry.",
    "My card is 4111 1111 1111 1111.",
    "I live at 74 Evergreen Terrace, Springfield.",
    "What is the capital of France?",
    "Thank you.",
    "My SSN is 919-09-9999.",
    "Bluebird is late.",
    '{"name":"Ilse Maier","n":1}',
    "See https://bob:hunter22@git.example.com/r.",
  ] as const;

  it("is masked to begin as the turn before, where each value is noticed when it first stands", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...facts], { minLength: 2 }), (turns) => {
        const conversation = turns.flatMap((turn): Message[] => [
          user(turn),
          { role: "assistant", content: "Understood." },
        ]);
        const whole = maskedOf(conversation);
        for (let length = 1; length < conversation.length; length += 1) {
          expect(whole.slice(0, length)).toEqual(maskedOf(conversation.slice(0, length)));
        }
      }),
      { numRuns: 40 },
    );
  });

  it("keeps an answer that repeats placeholders as the host wrote it", () => {
    const opening = [user("My name is John Smith, write me a greeting.")];
    const first = anonymise(opening, options);
    const placeholder = /\[PERSON_\d+\]/.exec(first.messages[0]?.content ?? "")?.[0];
    const host = `Good morning, ${placeholder}!`;
    const rehydrator = createRehydrator(first.vault);
    const answer = rehydrator.push(host) + rehydrator.flush();
    expect(answer).toBe("Good morning, John Smith!");
    expect(maskedOf([...opening, { role: "assistant", content: answer }, user("Shorter.")])[1]).toBe(host);
  });

  it("gives up its old beginning when a placeholder's number is used later", () => {
    const opening = [user("My name is John Smith.")];
    const [first = ""] = maskedOf(opening);
    const number = /\d+/.exec(first)?.[0];
    const [again = ""] = maskedOf([...opening, user(`Room ${number}?`)]);
    expect(again).toMatch(/^My name is \[PERSON_\d+\]\.$/);
    expect(again).not.toBe(first);
  });

  it("gives up its old beginning when a value that stood there unnoticed comes to light", () => {
    const opening = [user("The word is zorblax."), user("My name is Zorblax.")];
    expect(maskedOf(opening.slice(0, 1))).toEqual(["The word is zorblax."]);
    expect(maskedOf(opening)[0]).toMatch(/^The word is \[PERSON_\d+\]\.$/);
  });
});

describe("links and tags", () => {
  it.each([
    ["a URL", "see http://a.example/?q=john.smith@example.com now", /^see \[LINK_\d+\] now$/],
    ["a link", "see [him](mailto:john.smith@example.com) now", /^see \[TEXT_\d+\] now$/],
    ["a tag", '<a href="mailto:john.smith@example.com">him</a>', /^\[TEXT_\d+\]him<\/a>$/],
  ])("are masked whole where a value stands in %s", (_, original, expected) => {
    expect(maskedOf([user(original)])[0]).toMatch(expected);
  });
});

describe("failure", () => {
  it("of one recogniser fails the request and says nothing of the text", () => {
    const failing = () => {
      throw new Error("on: John Smith");
    };
    const failure = thrownBy(() => recognised("name", failing, scanOf("John Smith")));
    expect(isPeerError(failure, "recogniser_failed")).toBe(true);
    expect(inspect(failure)).not.toContain("John");
  });
});

describe("long texts", () => {
  it("with a different value in every line are masked in time, and restored to the letter", () => {
    const lines = Array.from(
      { length: 4_000 },
      (_, index) => `User ${index}: user${index}@example.com, +1 415 555 ${1_000 + index}.`,
    );
    const text = lines.join("\n");
    const { texts, vault, masked } = anonymiseTexts([text], text, options);
    expect(masked).toMatchObject({ EMAIL: 4_000, PHONE: 4_000 });
    expect(texts[0]).not.toMatch(/@|\+1/);
    expect(inPieces(createRehydrator(vault), texts[0] ?? "", [4_096])).toBe(text);
  });

  it.each(["lorem ipsum ", "John ", "Mary Smith ", "van der Berg "])(
    "that read like one endless name are masked piece by piece: %s…",
    (piece) => {
      const text = piece.repeat(2_000);
      const { texts, vault } = anonymiseTexts([text], text, options);
      const longest = Math.max(...[...vault.entries.values()].map(({ value }) => value.length));
      expect(longest).toBeLessThanOrEqual(2 * 120);
      expect(inPieces(createRehydrator(vault), texts[0] ?? "", [97])).toBe(text);
    },
  );
});
