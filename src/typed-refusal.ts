import type * as z from "zod";

/** Why what a person typed was refused, in words that go on from what it was: "must be off, credits or paypal". */
export function refusalOf(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return "is not what it should be";
  // A schema's own words are for people; zod's, which begin so, are for programmers.
  return /^(Invalid|Too) /.test(issue.message) ? wordsOf(issue) : issue.message;
}

function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_value") return `must be ${oneOf(issue.values.map(String))}`;
  if (issue.code === "invalid_format" && issue.format === "url") return "must be a URL like http://127.0.0.1:7420";
  if (issue.code === "too_small" && issue.minimum === 1) return "must not be empty";
  if (issue.code === "too_big") return `must be at most ${issue.maximum} ${units[issue.origin] ?? ""}`.trimEnd();
  return "is not what it should be";
}

const units: Readonly<Record<string, string>> = { string: "characters", array: "of them" };

function oneOf(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
