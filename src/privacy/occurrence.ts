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

/** Known values by how they begin, so that a text is read once however many there are. */
export type ValueIndex = ReadonlyMap<string, readonly KnownValue[]>;

const frontLength = 2;

export function indexValues(values: readonly KnownValue[]): ValueIndex {
  const index = new Map<string, KnownValue[]>();
  for (const value of values) {
    const front = lowerOf(value.value).slice(0, frontLength);
    const known = index.get(front);
    if (known === undefined) index.set(front, [value]);
    else known.push(value);
  }
  for (const known of index.values()) known.sort((one, other) => other.value.length - one.value.length);
  return index;
}

/** Every place in `text` where a known value stands as whole words; of several that begin at one place, the longest. */
export function findOccurrences(text: string, index: ValueIndex): Entity[] {
  if (index.size === 0) return [];
  const lower = lowerOf(text);
  const found: Entity[] = [];
  for (let start = 0; start < text.length; start += 1) {
    const known = index.get(lower.slice(start, start + frontLength));
    const match = known?.find((candidate) => standsAt(text, lower, start, candidate));
    if (match === undefined) continue;
    found.push({ start, end: start + match.value.length, type: match.type });
  }
  return found;
}

function standsAt(text: string, lower: string, start: number, { value, anyCase }: KnownValue): boolean {
  const stands = anyCase ? lower.startsWith(lowerOf(value), start) : text.startsWith(value, start);
  return stands && (isUnmistakable(value) || isWhole(text, start, start + value.length));
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
