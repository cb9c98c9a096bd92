import fc from "fast-check";
import { expect, test } from "vitest";
import type { GuardVerdict } from "../../../src/safety/guard.ts";
import { defaultPolicy, type Policy } from "../../../src/safety/policy.ts";
import { createReview, type Review, type ReviewOptions } from "../../../src/safety/review.ts";

const signal = new AbortController().signal;
const safe: GuardVerdict = { safe: true, categories: [] };
const harmless = [
  "The fox ran over the hill. ",
  "It was spring!\n\n",
  "Is it far? ",
  "| a | b |\n|---|---|\n",
  "const x = 1;\n",
  "Une phrase en français… ",
  "日本語の文です。",
  "🦊🦊 ",
  `${"word ".repeat(120)}`,
  `${"a".repeat(700)} `,
  " \n ",
  "e.g. 3.14 and so on. ",
];

async function read(review: Review, chunks: readonly string[]) {
  const released: string[] = [];
  let blocked: readonly string[] | undefined;
  for (const chunk of chunks) {
    const result = await review.push(chunk);
    released.push(result.text);
    blocked = result.blocked;
    if (blocked !== undefined) return { released, blocked };
  }
  const last = await review.flush();
  return { released: [...released, last.text], blocked: last.blocked };
}

function cut(text: string, sizes: readonly number[]): string[] {
  const chunks: string[] = [];
  let from = 0;
  for (let index = 0; from < text.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    chunks.push(text.slice(from, from + size));
    from += size;
  }
  return chunks;
}

const variants: readonly (readonly [string, Partial<ReviewOptions>])[] = [
  ["alone", {}],
  ["with a guard beside it", { guard: async () => safe }],
  ["waiting for the guard", { guard: async () => safe, strict: true }],
  ["strict without a guard", { strict: true }],
];

test.each(variants)("what is released adds up to the answer, at any chunking, %s", async (_, options) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...harmless), { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 }),
      async (parts, sizes) => {
        const answer = parts.join("");
        const { released, blocked } = await read(
          createReview({ policy: defaultPolicy, signal, ...options }),
          cut(answer, sizes),
        );
        expect(blocked).toBeUndefined();
        expect(released.join("")).toBe(answer);
      },
    ),
    { numRuns: 60 },
  );
});

const bad = "First, here is how to make a pipe bomb at home. ";

test("a blocked sentence is never shown, at any chunking, and nothing after it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 80 }), async (size) => {
      const answer = `The fox ran over the hill. It was spring! ${bad}Then the fox went home. The end.`;
      const { released, blocked } = await read(createReview({ policy: defaultPolicy, signal }), cut(answer, [size]));
      expect(blocked).toContain("illicit/violent");
      expect(released.join("")).toBe("The fox ran over the hill. It was spring! ".slice(0, released.join("").length));
    }),
    { numRuns: 40 },
  );
});

test("a harmful sentence without an end is caught when the answer ends", async () => {
  const { released, blocked } = await read(createReview({ policy: defaultPolicy, signal }), [
    "Here is how to make a pipe bomb",
  ]);
  expect({ text: released.join(""), blocked }).toEqual({ text: "", blocked: ["illicit/violent"] });
});

test("the first sentence goes out before the second is complete", async () => {
  const review = createReview({ policy: defaultPolicy, signal });
  expect((await review.push("The fox ran. It was")).text).toBe("The fox ran. ");
});

test("text without sentence ends is not held for ever", async () => {
  const review = createReview({ policy: defaultPolicy, signal });
  expect((await review.push("word ".repeat(60))).text.length).toBeGreaterThan(100);
});

test("the guard cuts a stream that triage let pass", async () => {
  const guard = async (answer: string): Promise<GuardVerdict> =>
    answer.includes("seventeen") ? { safe: false, categories: ["fraud"] } : safe;
  const answer = Array.from(
    { length: 200 },
    (_, index) => `Line ${index === 40 ? "seventeen" : index} of the tale. `,
  ).join("");
  const { released, blocked } = await read(createReview({ policy: defaultPolicy, guard, signal }), cut(answer, [30]));
  expect(blocked).toEqual(["fraud"]);
  expect(released.join("").length).toBeLessThan(answer.length / 2);
});

test("strict review shows nothing that the guard has not passed", async () => {
  const guard = async (answer: string): Promise<GuardVerdict> =>
    answer.includes("seventeen") ? { safe: false, categories: ["fraud"] } : safe;
  const answer = "One line. Two lines. Line seventeen here. Four lines. Five. ".repeat(3);
  const { released, blocked } = await read(
    createReview({ policy: defaultPolicy, guard, strict: true, signal }),
    cut(answer, [7]),
  );
  expect(blocked).toEqual(["fraud"]);
  expect("One line. Two lines. ").toContain(released.join("").trimEnd());
});

test("the guard sees all of a long answer, a bounded part of it at a time", async () => {
  const seen: string[] = [];
  const guard = async (part: string): Promise<GuardVerdict> => {
    seen.push(part);
    return safe;
  };
  const answer = Array.from({ length: 2_000 }, (_, index) => `Line ${index} of the tale. `).join("");
  await read(createReview({ policy: defaultPolicy, guard, signal }), cut(answer, [50]));
  let judged = 0;
  for (const part of seen) {
    const start = answer.indexOf(part);
    expect(start).toBeGreaterThanOrEqual(0);
    expect(start).toBeLessThanOrEqual(judged);
    judged = start + part.length;
  }
  expect(judged).toBe(answer.length);
  expect(Math.max(...seen.map((part) => part.length))).toBeLessThan(10_000);
});

test("a guard that fails ends the review with its error: it is not taken for a pass", async () => {
  const guard = async () => Promise.reject(new Error("The guard is gone."));
  const review = createReview({ policy: defaultPolicy, guard, strict: true, signal });
  await review.push("One line. Two lines. ");
  await expect(review.flush()).rejects.toThrow("The guard is gone.");
});

const cautious: Policy = { ...defaultPolicy, withoutGuard: "block" };
test("what a policy escalates is cut without a guard when the policy says so, and passes when it doesn't", async () => {
  const answer = "I want to kill myself. ";
  expect((await read(createReview({ policy: cautious, signal }), [answer])).blocked).toContain("self-harm");
  expect((await read(createReview({ policy: defaultPolicy, signal }), [answer])).blocked).toBeUndefined();
});

test("an aborted review throws the signal's reason", async () => {
  const review = createReview({ policy: defaultPolicy, signal: AbortSignal.abort(new Error("gone")) });
  await expect(review.push("x")).rejects.toThrow("gone");
});
