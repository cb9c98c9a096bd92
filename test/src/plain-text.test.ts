import { expect, test } from "vitest";
import { oneLine, plainJson, plainText } from "../../src/plain-text.ts";

test.each([
  ["lines,\n\ttabs and Zürich, 東京 and 👩‍👩‍👧", "lines,\n\ttabs and Zürich, 東京 and 👩‍👩‍👧"],
  ["a,b\r\nc,d\r\n", "a,b\r\nc,d\r\n"],
  ["\u001b]52;c;ZXZpbA==\u0007\u001b[2Jcopied", "]52;c;ZXZpbA==[2Jcopied"],
  ["an eight-bit \u009b2J and \u009d0;title\u009c", "an eight-bit 2J and 0;title"],
  ["over\rwritten \u007f\b\u0000", "overwritten "],
  ["harm\u202elufecaep\u202c \u2066inside\u2069", "harmlufecaep inside"],
  ["שלום \u200fو\u200e", "שלום \u200fو\u200e"],
])("%j is shown as %j", (text, shown) => {
  expect(plainText(text)).toBe(shown);
  expect([...text].map(plainText).join("")).toBe(shown.replaceAll("\r", ""));
});

test("one line holds no break, and nothing that ends it", () => {
  expect(oneLine("evil\u001b[2J\r\nline2\n\u009b31m\u202e")).toBe("evil [2J line2 31m");
});

test("JSON says the same to those who parse it, in characters that rule no terminal", () => {
  const document = { answer: "\u001b[2J\u009b2J\u007f\u202e\n東京", nested: ["\u2069"] };
  const json = plainJson(document);
  expect(json).toBe('{"answer":"\\u001b[2J\\u009b2J\\u007f\\u202e\\n東京","nested":["\\u2069"]}');
  expect(JSON.parse(json)).toEqual(document);
});
