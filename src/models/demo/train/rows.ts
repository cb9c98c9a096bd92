import { conversation, type Mix } from "./corpus.ts";
import type { Random } from "./random.ts";
import { type TrainingToken, trainingTokens } from "./template.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A stretch of the training: `batches` batches of `rows` rows of `rowTokens` tokens. */
export interface Phase extends Mix {
  readonly rowTokens: number;
  readonly rows: number;
  readonly batches: number;
}

/** How many conversations may wait for a row with room for them. */
const waitingMax = 24;

/**
 * Rows of whole conversations, uint16 ids; bit 15 marks what the model is to predict. A conversation that does not fit
 * the rest of a row waits for another one; the rest stays empty (end-of-text, not predicted). One longer than a row is
 * left out.
 */
export function trainingRows(random: Random, tokenizer: Tokenizer, phase: Phase): Uint16Array {
  const { rowTokens } = phase;
  const rowCount = phase.rows * phase.batches;
  const rows = new Uint16Array(rowCount * rowTokens).fill(tokenizer.special("<|endoftext|>"));
  const waiting: TrainingToken[][] = [];
  for (let row = 0; row < rowCount; row++) {
    let filled = 0;
    while (filled < rowTokens) {
      while (waiting.length < waitingMax) {
        const tokens = trainingTokens(conversation(random, phase), tokenizer);
        if (tokens.length <= rowTokens) waiting.push(tokens);
      }
      const index = waiting.findIndex((tokens) => filled + tokens.length <= rowTokens);
      const tokens = waiting[index];
      if (tokens === undefined) break;
      waiting.splice(index, 1);
      tokens.forEach((token, at) => {
        rows[row * rowTokens + filled + at] = token.id | (token.isTarget ? 0x8000 : 0);
      });
      filled += tokens.length;
    }
  }
  return rows;
}
