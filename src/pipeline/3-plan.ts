import type { AnswerRequest } from "../chat/answer.ts";
import { type Plan, singlePlan } from "../planning/plan.ts";
import type { MaskedPrompt } from "./2-anonymise.ts";

/** One answer to make: its choice, its masked prompt and how it is divided. */
export interface PlannedChoice {
  readonly choice: number;
  readonly masked: MaskedPrompt;
  readonly plan: Plan;
}

/** Plans every answer asked for. One prompt is divided as its text allows; several answers are each made alone. */
export function planChoices(request: AnswerRequest, prompts: readonly MaskedPrompt[]): readonly PlannedChoice[] {
  const isBatch = prompts.length * request.choices > 1;
  return prompts.flatMap((masked, promptIndex) =>
    Array.from({ length: request.choices }, (_, answerIndex) => ({
      choice: promptIndex * request.choices + answerIndex,
      masked,
      plan: isBatch ? singlePlan(masked.prompt, "One of several answers asked for at once.") : planOf(request, masked),
    })),
  );
}

function planOf(_request: AnswerRequest, { prompt }: MaskedPrompt): Plan {
  return singlePlan(prompt, "The prompt is answered whole.");
}
