import type { AnswerRequest } from "../chat/answer.ts";
import type { Prompt } from "../chat/message.ts";
import { planningBudget } from "../planning/budget.ts";
import { type Plan, singlePlan } from "../planning/plan.ts";
import { planRequest } from "../planning/planner.ts";
import type { MaskedPrompt } from "../privacy/masked-prompt.ts";
import type { ServedModel } from "./ports.ts";

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
  { model, answerTokensMax }: { readonly model: ServedModel; readonly answerTokensMax: readonly number[] },
): readonly PlannedChoice[] {
  return prompts.flatMap((masked, promptIndex) => {
    const plan = planPrompt(masked.prompt, request, model.contextLength);
    return Array.from({ length: request.choices }, (_, answerIndex) => ({
      choice: promptIndex * request.choices + answerIndex,
      masked,
      plan,
      answerTokensMax: answerTokensMax[promptIndex] ?? 1,
    }));
  });
}

/** How the answer to one of the request's prompts is divided, for a model of `contextLength` tokens. */
export function planPrompt(prompt: Prompt, request: AnswerRequest, contextLength: number): Plan {
  if (request.prompts.length * request.choices > 1) {
    return singlePlan(prompt, "One of several answers asked for at once.");
  }
  const isBound = request.sampling.stop.length > 0;
  return planRequest(prompt, { mode: request.plan, isBound, ...planningBudget(contextLength) });
}
