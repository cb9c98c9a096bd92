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

/**
 * Known values in a trie of their characters in lower case, the last first. A text is read through it from its end, each
 * character once: at each place it holds what begins there.
 * Source: Aho and Corasick, "Efficient String Matching: An Aid to Bibliographic Search" (1975).
 */
export interface ValueIndex {
  readonly next: Map<number, ValueIndex>;
  /** Characters from here to the end of a value. */
  readonly length: number;
  /** Of the values that begin here, which differ by case alone, the one that stands for all, or else each. */
  anyCase?: KnownValue;
  exact?: Map<string, KnownValue>;
  /** Where the longest of the shorter ends of values is that begin here, and the longest of the shorter values. */
  fallback?: ValueIndex;
  shorter?: ValueIndex | undefined;
}

export function indexValues(values: readonly KnownValue[]): ValueIndex {
  const root: ValueIndex = { next: new Map(), length: 0 };
  for (const known of values) {
    const lower = lowerOf(known.value);
    let node = root;
    for (let index = lower.length - 1; index >= 0; index -= 1) {
      const code = lower.charCodeAt(index);
      const next = node.next.get(code) ?? { next: new Map(), length: node.length + 1 };
      node.next.set(code, next);
      node = next;
    }
    if (known.anyCase) node.anyCase ??= known;
    else node.exact = (node.exact ?? new Map()).set(known.value, known);
  }
  link(root);
  return root;
}

function link(root: ValueIndex): void {
  const nodes = [root];
  for (const node of nodes) {
    for (const [code, next] of node.next) {
      const fallback = node === root ? root : step(node.fallback, code, root);
      next.fallback = fallback;
      next.shorter = fallback.anyCase !== undefined || fallback.exact !== undefined ? fallback : fallback.shorter;
      nodes.push(next);
    }
  }
}

function step(from: ValueIndex | undefined, code: number, root: ValueIndex): ValueIndex {
  for (let node = from; node !== undefined; node = node.fallback) {
    const next = node.next.get(code);
    if (next !== undefined) return next;
  }
  return root;
}

/**
 * Every place in `text` where a known value stands as whole words; of several that begin at one place, the longest. One
 * that begins inside another of the same value is none: a text that repeats itself is not one value.
 */
export function findOccurrences(text: string, index: ValueIndex): Entity[] {
  if (index.next.size === 0) return [];
  const found: Entity[] = [];
  const ends = new Map<KnownValue, number>();
  for (const { start, known } of longestValues(text, index).reverse()) {
    if (start < (ends.get(known) ?? 0)) continue;
    const end = start + known.value.length;
    ends.set(known, end);
    found.push({ start, end, type: known.type });
  }
  return found;
}

/** From the end of `text` to its beginning. */
function longestValues(text: string, root: ValueIndex): { readonly start: number; readonly known: KnownValue }[] {
  const lower = lowerOf(text);
  const longest = [];
  let reached = root;
  for (let start = text.length - 1; start >= 0; start -= 1) {
    reached = step(reached, lower.charCodeAt(start), root);
    for (let node: ValueIndex | undefined = reached; node !== undefined; node = node.shorter) {
      const known = node.anyCase ?? node.exact?.get(text.slice(start, start + node.length));
      if (known === undefined || !standsAt(text, start, known.value)) continue;
      longest.push({ start, known });
      break;
    }
  }
  return longest;
}

function standsAt(text: string, start: number, value: string): boolean {
  return isUnmistakable(value) || isWhole(text, start, start + value.length);
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
