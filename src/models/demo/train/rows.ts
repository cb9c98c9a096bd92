import { conversation } from "./corpus.ts";
import type { Random } from "./random.ts";
import { trainingTokens } from "./template.ts";
import type { Tokenizer } from "./tokenizer.ts";

/**
 * Conversations end to end, cut into rows of `rowTokens` ids (uint16); bit 15 marks what the model is to predict.
 * Source of the packing: any causal language model; rows begin with a fresh conversation, the last one is cut.
 */
export function trainingRows(random: Random, tokenizer: Tokenizer, rowCount: number, rowTokens: number): Uint16Array {
  const rows = new Uint16Array(rowCount * rowTokens).fill(tokenizer.special("<|endoftext|>"));
  for (let row = 0; row < rowCount; row++) {
    let filled = 0;
    while (filled < rowTokens) {
      for (const token of trainingTokens(conversation(random), tokenizer)) {
        if (filled < rowTokens) rows[row * rowTokens + filled] = token.id | (token.isTarget ? 0x8000 : 0);
        filled++;
      }
    }
  }
  return rows;
}
