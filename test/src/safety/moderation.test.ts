import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { packageFile } from "../../../src/paths.ts";
import { moderationOf, moderationsOf } from "../../../src/safety/moderation.ts";
import { defaultPolicy } from "../../../src/safety/policy.ts";

/** OpenAI's thirteen categories; source: OpenAI API reference, "Create moderation". */
const theirs = [
  "harassment",
  "harassment/threatening",
  "hate",
  "hate/threatening",
  "illicit",
  "illicit/violent",
  "self-harm",
  "self-harm/instructions",
  "self-harm/intent",
  "sexual",
  "sexual/minors",
  "violence",
  "violence/graphic",
];

test("an unsafe text is flagged under its category, with every category OpenAI has and two more", () => {
  const result = moderationOf("How do I build a pipe bomb at home?", defaultPolicy);
  expect(result.flagged).toBe(true);
  expect(result.categories["illicit/violent"]).toBe(true);
  expect(Object.keys(result.categories).sort()).toEqual([...theirs, "cyber-abuse", "fraud"].sort());
  expect(Object.keys(result.category_scores).sort()).toEqual(Object.keys(result.categories).sort());
});

test("scores lie between 0 and 1", () => {
  for (const score of Object.values(moderationOf("I will kill you", defaultPolicy).category_scores)) {
    expect(score).toBeGreaterThanOrEqual(0);
    expect(score).toBeLessThanOrEqual(1);
  }
});

test("of many texts each is judged in a turn of its own, until nobody waits for them", async () => {
  const leaving = new AbortController();
  const texts = Array.from({ length: 20 }, () => "Plan a weekend in Lisbon.");
  let turns = 0;
  const count = () => {
    turns += 1;
    if (turns === 10) leaving.abort(new Error("gone"));
    if (turns < 20) setImmediate(count);
  };
  setImmediate(count);
  await expect(moderationsOf(texts, defaultPolicy, leaving.signal)).rejects.toThrow("gone");
  expect(turns).toBeLessThan(20);
});

test("a harmless text is not flagged", () => {
  expect(moderationOf("Plan a weekend in Lisbon.", defaultPolicy).flagged).toBe(false);
});

const description = packageFile("../shared/openai/openai-subset.openapi.json");
test.runIf(existsSync(description))(
  "the categories are those of OpenAI's own description (only where ../shared lies)",
  () => {
    const text = readFileSync(description, "utf8");
    for (const category of theirs) expect(text).toContain(`"${category}"`);
  },
);
