import type { PlanOptions } from "./request.ts";

/** Of a context, what one subtask's prompt may fill; the rest is for its answer. */
const promptShareOfContext = 0.6;
/** English text in the usual vocabularies; exact counts come when a subtask is rendered. */
const charactersPerToken = 3.5;

/** How large subtasks may be for a model of `contextLength` tokens. */
export function planningBudget(contextLength: number): Pick<PlanOptions, "subtaskTokensMax" | "countTokens"> {
  return {
    subtaskTokensMax: Math.floor(contextLength * promptShareOfContext),
    countTokens: (text) => Math.ceil(text.length / charactersPerToken),
  };
}
