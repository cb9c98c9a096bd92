import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import type { Policy } from "./policy.ts";
import { flaggedCategories, triage } from "./triage.ts";

/** One result of OpenAI's `/v1/moderations`, with the network's own `cyber-abuse` and `fraud` beside its categories. */
export interface Moderation {
  readonly flagged: boolean;
  readonly categories: Readonly<Record<string, boolean>>;
  readonly category_scores: Readonly<Record<string, number>>;
  readonly category_applied_input_types: Readonly<Record<string, readonly "text"[]>>;
}

/**
 * Categories of OpenAI's that are not judged apart here: each is as likely as the less likely of its parts.
 * Source: OpenAI API reference, "The moderation object".
 */
const derived = {
  "hate/threatening": ["hate", "violence"],
  "harassment/threatening": ["harassment", "violence"],
  "self-harm/intent": ["self-harm", "self-harm"],
  "self-harm/instructions": ["self-harm", "illicit"],
  "violence/graphic": ["violence", "illicit/violent"],
} as const;

/** Judges one text after the other, and lets others' requests in between. */
export async function moderationsOf(
  texts: readonly string[],
  policy: Policy,
  signal: AbortSignal,
): Promise<readonly Moderation[]> {
  const moderations: Moderation[] = [];
  for (const text of texts) {
    signal.throwIfAborted();
    moderations.push(moderationOf(text, policy));
    await turnOfTheLoop();
  }
  return moderations;
}

export function moderationOf(text: string, policy: Policy): Moderation {
  const result = triage(text, policy);
  const flags: Record<string, boolean> = { ...result.categories };
  const scores: Record<string, number> = { ...result.scores };
  for (const [name, [first, second]] of Object.entries(derived)) {
    scores[name] = Math.min(result.scores[first], result.scores[second]);
    flags[name] = result.categories[first] && result.categories[second];
  }
  const types = Object.fromEntries(Object.keys(scores).map((name) => [name, ["text"] as const]));
  return {
    flagged: flaggedCategories(result).length > 0,
    categories: flags,
    category_scores: scores,
    category_applied_input_types: types,
  };
}
