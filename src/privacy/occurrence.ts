import type { Entity, EntityType } from "./entity.ts";
import { isWordAt } from "./scan.ts";
import { isCommonWord } from "./tagger.ts";

/** A value that is masked wherever it stands. */
export interface KnownValue {
  readonly value: string;
  readonly type: EntityType;
  readonly anyCase: boolean;
}

interface FoundText {
  readonly text: string;
  readonly entities: readonly Entity[];
}

/** The values found in all texts of a request, and the parts of people's names, each once. */
export function knownValues(found: readonly FoundText[]): KnownValue[] {
  const values = new Map<string, KnownValue>();
  const add = (value: string, type: EntityType, anyCase: boolean) => {
    if (!values.has(value)) values.set(value, { value, type, anyCase });
  };
  for (const { text, entities } of found) {
    for (const { start, end, type } of entities) {
      const value = text.slice(start, end);
      add(value, type, isTelling(value));
      if (type === "PERSON") for (const part of partsOf(value)) add(part, type, false);
    }
  }
  return [...values.values()];
}

/** Whether a value can only mean itself, however its letters are cased; a lone name may also be a word. */
function isTelling(value: string): boolean {
  return /[\d\s@./:_-]/.test(value) ? value.length >= 4 : value.length >= 4 && !isCommonWord(value.toLowerCase());
}

/** Given and family names of a full name, where they are long enough to mean someone and are no everyday word. */
function partsOf(name: string): string[] {
  const parts = name.split(/[\s,]+/).filter((part) => part !== "");
  if (parts.length < 2) return [];
  return parts.filter(
    (part) => part.length >= 3 && /^\p{Lu}/u.test(part) && !part.endsWith(".") && !isCommonWord(part.toLowerCase()),
  );
}

/** Every place in `text` where a known value stands as whole words. */
export function findOccurrences(text: string, values: readonly KnownValue[]): Entity[] {
  const lower = text.toLowerCase();
  const foldable = lower.length === text.length;
  const found: Entity[] = [];
  for (const { value, type, anyCase } of values) {
    const folded = anyCase && foldable;
    const sought = folded ? value.toLowerCase() : value;
    if (folded && sought.length !== value.length) continue;
    const haystack = folded ? lower : text;
    for (let start = haystack.indexOf(sought); start !== -1; start = haystack.indexOf(sought, start + sought.length)) {
      const end = start + sought.length;
      if (isWhole(text, start, end)) found.push({ start, end, type });
    }
  }
  return found;
}

function isWhole(text: string, start: number, end: number): boolean {
  const opens = !isWordAt(text, start) || !isWordAt(text, start - 1);
  return opens && (!isWordAt(text, end - 1) || !isWordAt(text, end));
}
