/**
 * Byte-level BPE as llama.cpp reads it with `tokenizer.ggml.model` "gpt2" and `tokenizer.ggml.pre` "qwen2": text is
 * first cut into words by the regular expression (every digit stands alone), then pairs merge by rank inside a word.
 */
export interface Tokenizer {
  /** By id: 256 bytes, then one token per merge, then the special tokens. In GPT-2's printable-byte alphabet. */
  readonly tokens: readonly string[];
  /** Lowest rank first, each "left right". */
  readonly merges: readonly string[];
  /** Ids of plain text; special markers in it are text. */
  encode(text: string): number[];
  special(marker: SpecialToken): number;
}

export const specialTokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"] as const;
export type SpecialToken = (typeof specialTokens)[number];

/** Qwen2's words. JavaScript has no inline `(?i:)` on Node 20, so the contractions are spelled in both cases. */
const wordPattern =
  /'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+/gu;

/** The printable character GPT-2's vocabulary writes for each byte. */
export const byteAlphabet: readonly string[] = byteCharacters();

function byteCharacters(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
}

/** Learns merges from the texts until `size` tokens are full. Ties go to the pair first in code-unit order. */
export function trainTokenizer(texts: Iterable<string>, size: number): Tokenizer {
  const wordCounts = new Map<string, number>();
  for (const text of texts) {
    for (const word of wordsOf(text)) wordCounts.set(word, (wordCounts.get(word) ?? 0) + 1);
  }
  const words = [...wordCounts].map(([word, count]) => ({ symbols: byteSymbols(word), count }));
  const pairCounts = new Map<string, number>();
  const pairWords = new Map<string, Set<number>>();
  words.forEach((word, index) => {
    countPairs(word.symbols, word.count, index, pairCounts, pairWords);
  });
  const merges: string[] = [];
  const mergeCount = size - 256 - specialTokens.length;
  while (merges.length < mergeCount) {
    const best = mostFrequent(pairCounts);
    if (best === undefined) throw new RangeError(`The texts yield only ${merges.length} of ${mergeCount} merges.`);
    merges.push(best);
    for (const index of pairWords.get(best) ?? []) {
      const word = words[index];
      if (word === undefined) continue;
      countPairs(word.symbols, -word.count, index, pairCounts, pairWords);
      word.symbols = merged(word.symbols, best);
      countPairs(word.symbols, word.count, index, pairCounts, pairWords);
    }
    pairCounts.delete(best);
    pairWords.delete(best);
  }
  return tokenizerOf(merges);
}

function wordsOf(text: string): readonly string[] {
  return text.match(wordPattern) ?? [];
}

function byteSymbols(word: string): string[] {
  return [...Buffer.from(word, "utf8")].map((byte) => byteAlphabet[byte] ?? "");
}

function countPairs(
  symbols: readonly string[],
  count: number,
  index: number,
  pairCounts: Map<string, number>,
  pairWords: Map<string, Set<number>>,
): void {
  for (let at = 0; at + 1 < symbols.length; at++) {
    const pair = `${symbols[at]} ${symbols[at + 1]}`;
    pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + count);
    const holders = pairWords.get(pair);
    if (holders === undefined) pairWords.set(pair, new Set([index]));
    else holders.add(index);
  }
}

function mostFrequent(pairCounts: ReadonlyMap<string, number>): string | undefined {
  let best: string | undefined;
  let bestCount = 1;
  for (const [pair, count] of pairCounts) {
    if (count > bestCount || (count === bestCount && best !== undefined && pair < best)) {
      best = pair;
      bestCount = count;
    }
  }
  return best;
}

function merged(symbols: readonly string[], pair: string): string[] {
  const out: string[] = [];
  for (let at = 0; at < symbols.length; at++) {
    const left = symbols[at] ?? "";
    const right = symbols[at + 1];
    if (right !== undefined && `${left} ${right}` === pair) {
      out.push(left + right);
      at++;
    } else out.push(left);
  }
  return out;
}

/** The tokenizer these merges make. */
export function tokenizerOf(merges: readonly string[]): Tokenizer {
  const tokens = [...byteAlphabet, ...merges.map((merge) => merge.replace(" ", "")), ...specialTokens];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const ranks = new Map(merges.map((merge, rank) => [merge, rank]));
  const cache = new Map<string, readonly number[]>();
  const encodeWord = (word: string): readonly number[] => {
    let symbols = byteSymbols(word);
    while (true) {
      const pair = lowestRanked(symbols, ranks);
      if (pair === undefined) break;
      symbols = merged(symbols, pair);
    }
    return symbols.map((symbol) => ids.get(symbol) ?? 0);
  };
  return {
    tokens,
    merges,
    special: (marker) => ids.get(marker) ?? 0,
    encode: (text) =>
      wordsOf(text).flatMap((word) => {
        const known = cache.get(word);
        if (known !== undefined) return known;
        const encoded = encodeWord(word);
        if (cache.size < 200_000) cache.set(word, encoded);
        return encoded;
      }),
  };
}

function lowestRanked(symbols: readonly string[], ranks: ReadonlyMap<string, number>): string | undefined {
  let best: string | undefined;
  let bestRank = Number.POSITIVE_INFINITY;
  for (let at = 0; at + 1 < symbols.length; at++) {
    const pair = `${symbols[at]} ${symbols[at + 1]}`;
    const rank = ranks.get(pair);
    if (rank !== undefined && rank < bestRank) {
      best = pair;
      bestRank = rank;
    }
  }
  return best;
}
