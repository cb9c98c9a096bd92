import type { Entity, EntityType } from "./entity.ts";
import { isWordAt, lowerOf } from "./scan.ts";
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

/** Known values in a trie by their characters in lower case, so that a text is read once however many there are. */
export interface ValueIndex {
  readonly next: Map<number, ValueIndex>;
  /** Those that end here: they differ by case alone. */
  readonly values: KnownValue[];
}

export function indexValues(values: readonly KnownValue[]): ValueIndex {
  const root: ValueIndex = { next: new Map(), values: [] };
  for (const value of values) {
    const lower = lowerOf(value.value);
    let node = root;
    for (let index = 0; index < lower.length; index += 1) {
      const code = lower.charCodeAt(index);
      const next = node.next.get(code) ?? { next: new Map(), values: [] };
      node.next.set(code, next);
      node = next;
    }
    node.values.push(value);
  }
  return root;
}

/**
 * Every place in `text` where a known value stands as whole words; of several that begin at one place, the longest. One
 * that begins inside another of the same value is none: a text that repeats itself is not one value.
 */
export function findOccurrences(text: string, index: ValueIndex): Entity[] {
  if (index.next.size === 0) return [];
  const lower = lowerOf(text);
  const found: Entity[] = [];
  const ends = new Map<KnownValue, number>();
  for (let start = 0; start < text.length; start += 1) {
    const match = longestAt(text, lower, start, index);
    if (match === undefined || start < (ends.get(match) ?? 0)) continue;
    const end = start + match.value.length;
    ends.set(match, end);
    found.push({ start, end, type: match.type });
  }
  return found;
}

function longestAt(text: string, lower: string, start: number, index: ValueIndex): KnownValue | undefined {
  let longest: KnownValue | undefined;
  let node = index.next.get(lower.charCodeAt(start));
  for (let end = start + 1; node !== undefined; end += 1) {
    longest = node.values.find((candidate) => standsAt(text, start, candidate)) ?? longest;
    node = node.next.get(lower.charCodeAt(end));
  }
  return longest;
}

/** `value` is at `start`, in whatever case. */
function standsAt(text: string, start: number, { value, anyCase }: KnownValue): boolean {
  return (
    (anyCase || text.startsWith(value, start)) && (isUnmistakable(value) || isWhole(text, start, start + value.length))
  );
}

/** A value with a sign or a space inside means itself even where it runs on into what follows. */
function isUnmistakable(value: string): boolean {
  return value.length >= 6 && /[^\p{L}\p{M}]/u.test(value);
}

/** Whether no letter runs on into a letter and no digit into a digit, at either end. */
function isWhole(text: string, start: number, end: number): boolean {
  return !runsOn(text, start) && !runsOn(text, end);
}

function runsOn(text: string, at: number): boolean {
  if (!isWordAt(text, at - 1) || !isWordAt(text, at)) return false;
  return /\d/.test(text.charAt(at - 1)) === /\d/.test(text.charAt(at));
}
