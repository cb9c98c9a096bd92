/** One question the demo model can answer, in the ways people ask it. */
export interface FaqEntry {
  readonly id: string;
  /** In the corpus. */
  readonly phrasings: readonly string[];
  /** Never in the corpus: what the model is measured on. */
  readonly heldOut: readonly string[];
  readonly answer: string;
}

export function entry(id: string, answer: string, phrasings: readonly string[], heldOut: readonly string[]): FaqEntry {
  return { id, phrasings, heldOut, answer };
}
