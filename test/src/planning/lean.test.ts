import { expect, test } from "vitest";
import { leans, namesItsSubject } from "../../../src/planning/lean.ts";

test.each([
  "What is its population?",
  "When was he born?",
  "And why?",
  "What about Spain?",
  "How does the previous answer help?",
  "Use the result of step 2.",
  "Which one is cheaper?",
  "What is the price?",
])("%s leans on what came before", (text) => {
  expect(leans(text)).toBe(true);
});

test.each([
  "What is the capital of France?",
  "Who was the first person on the Moon?",
  'What does "it is what it is" mean?',
  "How do magnets work?",
])("%s stands alone", (text) => {
  expect(leans(text)).toBe(false);
});

test("a question names its subject by a name, a number, a quotation or an article", () => {
  expect(["Who wrote Hamlet?", "What is 2 + 2?", "What is a bond?"].every(namesItsSubject)).toBe(true);
  expect(["Which version is best?", "Is there more?"].some(namesItsSubject)).toBe(false);
});
