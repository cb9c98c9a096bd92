import type { Message } from "../chat/message.ts";
import { classify } from "./classifier.ts";
import { type Action, type Category, categories, type Policy } from "./policy.ts";
import { rulesMatching } from "./rules.ts";
import { viewsOf } from "./views.ts";
import { packagedWeights, type Weights } from "./weights.ts";

/** What is thought of a text before, or without, asking a guard model. */
export interface Triage {
  /** The strictest action that any category's score earns under the policy. */
  readonly action: Action;
  /** Categories whose score reached the policy's `escalateAt`, and whose action is not `allow`. */
  readonly categories: Readonly<Record<Category, boolean>>;
  /** 0..1 each. A hard rule that fires sets its category to `ruleScore`. */
  readonly scores: Readonly<Record<Category, number>>;
  /** Hard rules that fired, by id. */
  readonly rules: readonly string[];
}

/** A category's share of the likeliest one, from which it is scored like it. */
const topicShareMin = 0.5;
const ruleScore = 0.99;

/** Judges one text; pure, about a millisecond for 4 KB. */
export function triage(text: string, policy: Policy, weights: Weights = packagedWeights()): Triage {
  const scores = emptyScores(0);
  const rules = new Set<string>();
  for (const view of viewsOf(text)) {
    const finding = classify(view.text, weights);
    categories.forEach((category, index) => {
      const share = finding.topics[index] ?? 0;
      const score = share >= topicShareMin ? finding.score : finding.score * share;
      scores[category] = Math.max(scores[category], score);
    });
    for (const rule of rulesMatching(view.text)) {
      rules.add(rule.id);
      scores[rule.category] = Math.max(scores[rule.category], ruleScore);
    }
  }
  return { ...judge(scores, policy, rules.size > 0), scores, rules: [...rules] };
}

/**
 * Judges a conversation: every message alone, and the user's last turns read together, so that a request dealt out over
 * turns is seen. Each score is the highest of any part.
 */
export function triageMessages(
  messages: readonly Message[],
  policy: Policy,
  weights: Weights = packagedWeights(),
): Triage {
  const turns = messages.filter((message) => message.role === "user").slice(-joinedTurnsMax);
  const joined =
    turns.length > 1
      ? [
          turns
            .map((turn) => turn.content)
            .join(" ")
            .slice(-joinedLengthMax),
        ]
      : [];
  const parts = [...messages.map((message) => message.content), ...joined].map((text) => triage(text, policy, weights));
  const scores = emptyScores(0);
  for (const part of parts) {
    for (const category of categories) scores[category] = Math.max(scores[category], part.scores[category]);
  }
  const rules = [...new Set(parts.flatMap((part) => part.rules))];
  return { ...judge(scores, policy, rules.length > 0), scores, rules };
}

const joinedTurnsMax = 4;
const joinedLengthMax = 2_000;

/** The highest score of any category: how unsafe the text looks, whatever the policy makes of it. */
export function unsafeScore(result: Triage): number {
  return Math.max(...categories.map((category) => result.scores[category]));
}

/** What an action comes to where no guard model can be asked. */
export function actionWithoutGuard(action: Action, policy: Policy): "block" | "allow" {
  return action === "escalate" ? policy.withoutGuard : action;
}

export function flaggedCategories(result: Pick<Triage, "categories">): readonly Category[] {
  return categories.filter((category) => result.categories[category]);
}

function judge(
  scores: Readonly<Record<Category, number>>,
  policy: Policy,
  hasRule: boolean,
): Pick<Triage, "action" | "categories"> {
  const flags = emptyFlags();
  let action: Action = "allow";
  for (const category of categories) {
    const rule = policy.categories[category];
    if (rule.action === "allow" || scores[category] < rule.escalateAt) continue;
    flags[category] = true;
    const blocks =
      rule.action === "block" && (scores[category] >= rule.blockAt || (hasRule && scores[category] >= ruleScore));
    if (blocks) action = "block";
    else if (action === "allow") action = "escalate";
  }
  return { action, categories: flags };
}

function emptyScores(value: number): Record<Category, number> {
  return {
    hate: value,
    harassment: value,
    "self-harm": value,
    sexual: value,
    "sexual/minors": value,
    violence: value,
    illicit: value,
    "illicit/violent": value,
    "cyber-abuse": value,
    fraud: value,
  };
}

function emptyFlags(): Record<Category, boolean> {
  return {
    hate: false,
    harassment: false,
    "self-harm": false,
    sexual: false,
    "sexual/minors": false,
    violence: false,
    illicit: false,
    "illicit/violent": false,
    "cyber-abuse": false,
    fraud: false,
  };
}
