import type { Entity } from "../entity.ts";
import { isWordAt, type Scan } from "../scan.ts";

/** The words a user asked to have masked (`privacy.mask`), in any case, where they stand as whole words. */
export function findOwnWords({ text, lower }: Scan, ownWords: readonly string[]): Entity[] {
  const found: Entity[] = [];
  for (const word of ownWords) {
    const sought = word.trim().toLowerCase();
    if (sought === "") continue;
    for (let start = lower.indexOf(sought); start !== -1; start = lower.indexOf(sought, start + 1)) {
      const end = start + sought.length;
      if (isWhole(text, start, end)) found.push({ start, end, type: "WORD" });
    }
  }
  return found;
}

function isWhole(text: string, start: number, end: number): boolean {
  const opens = !isWordAt(text, start) || !isWordAt(text, start - 1);
  return opens && (!isWordAt(text, end - 1) || !isWordAt(text, end));
}
