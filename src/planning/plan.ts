import type { Prompt } from "../chat/message.ts";

export type Strategy = "single" | "questions" | "map" | "map-reduce" | "batch";

/** A part of a request that one host answers, with the context it may see and nothing more. */
export interface Subtask {
  readonly index: number;
  /** Subtasks whose answers it needs; always of lower index. */
  readonly dependsOn: readonly number[];
  /** Whether its answer is part of the request's, or only feeds other subtasks. */
  readonly isShown: boolean;
  /** Text between the answer before it and its own: "\n\n2. ". */
  readonly leadIn: string;
  /** Its prompt, given the answers of `dependsOn` in that order. */
  compose(answers: readonly string[]): Prompt;
}

export interface Plan {
  readonly strategy: Strategy;
  /** One sentence for a person: why the request is, or is not, split. */
  readonly reason: string;
  readonly subtasks: readonly Subtask[];
}

/** The whole prompt to one host. */
export function singlePlan(prompt: Prompt, reason: string): Plan {
  const subtask: Subtask = { index: 0, dependsOn: [], isShown: true, leadIn: "", compose: () => prompt };
  return { strategy: "single", reason, subtasks: [subtask] };
}
