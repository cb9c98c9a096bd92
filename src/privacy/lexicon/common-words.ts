const words = new Set<string>([]);
export function isCommonWord(word: string): boolean {
  return words.has(word);
}
