import type { AnswerRequest } from "../chat/answer.ts";
import { planningBudget } from "../planning/budget.ts";
import { type Plan, singlePlan } from "../planning/plan.ts";
import { planRequest } from "../planning/planner.ts";
import type { MaskedPrompt } from "../privacy/masked-prompt.ts";
import type { Admission } from "./admission.ts";

/** One answer to make: its choice, its masked prompt and how it is divided. */
export interface PlannedChoice {
  readonly choice: number;
  readonly masked: MaskedPrompt;
  readonly plan: Plan;
  readonly answerTokensMax: number;
}

/** Plans every answer asked for. One prompt is divided as its text allows; several answers are each made alone. */
export function planChoices(
  request: AnswerRequest,
  prompts: readonly MaskedPrompt[],
  { model, answerTokensMax }: Admission,
): readonly PlannedChoice[] {
  const isBatch = prompts.length * request.choices > 1;
  const options = {
    mode: request.plan,
    isBound: request.sampling.stop.length > 0,
    ...planningBudget(model.contextLength),
  };
  return prompts.flatMap((masked, promptIndex) => {
    const plan = isBatch
      ? singlePlan(masked.prompt, "One of several answers asked for at once.")
      : planRequest(masked.prompt, options);
    return Array.from({ length: request.choices }, (_, answerIndex) => ({
      choice: promptIndex * request.choices + answerIndex,
      masked,
      plan,
      answerTokensMax: answerTokensMax[promptIndex] ?? 1,
    }));
  });
}
