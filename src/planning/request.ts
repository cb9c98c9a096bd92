import type { PlanMode } from "../chat/answer.ts";
import type { Message } from "../chat/message.ts";

export interface PlanOptions {
  readonly mode: PlanMode;
  /** Tools, a JSON schema or a stop string shape the answer as one: it stays whole unless `mode` is "split". */
  readonly isBound: boolean;
  /** Most tokens of prompt that one subtask should have; a longer text is read in chunks. */
  readonly subtaskTokensMax: number;
  /** Tokens of a text, about. */
  readonly countTokens: (text: string) => number;
}

/** The last user's message, and what every subtask is given with it. */
export interface Request {
  /** Instructions of the system, and in split mode the earlier turns. */
  readonly context: readonly Message[];
  readonly text: string;
  readonly options: PlanOptions;
}
