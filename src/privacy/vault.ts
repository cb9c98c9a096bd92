import { createHmac } from "node:crypto";
import { type EntityType, placeholderNouns } from "./entity.ts";

export interface VaultEntry {
  readonly index: number;
  readonly type: EntityType;
  /** What the text said, to the letter. */
  readonly value: string;
}

/** Placeholder ⇄ original, for one request. Lives as long as the request; never stored, logged or shared. */
export interface Vault {
  /** By index; no two entries share one, whatever their nouns. */
  readonly entries: ReadonlyMap<number, VaultEntry>;
}

export const emptyVault: Vault = { entries: new Map() };

export function placeholderOf(entry: VaultEntry): string {
  return `[${placeholderNouns[entry.type]}_${entry.index}]`;
}

/** A vault being filled, in the order in which values first appear. */
export interface VaultWriter extends Vault {
  /** The placeholder of `value`, the same for the same value. */
  placeholderFor(value: string, type: EntityType): string;
}

/** Indices start in [100, 999]: three digits are one token to most vocabularies. */
const indexMin = 100;
const baseSpan = 700;

/**
 * Numbers run upwards from a base that is keyed by conversation: the same for each turn of it, so that a later turn's
 * masked prompt begins as the one before, and different between conversations, so that a host can't line two up.
 * Numbers in `taken` are passed over, so that no text of the conversation can be mistaken for a placeholder.
 */
export function createVault(key: Uint8Array, opening: string, taken: ReadonlySet<number>): VaultWriter {
  const entries = new Map<number, VaultEntry>();
  const byValue = new Map<string, VaultEntry>();
  let next = indexMin + (createHmac("sha256", key).update(opening).digest().readUInt32BE(0) % baseSpan);

  function placeholderFor(value: string, type: EntityType): string {
    const known = byValue.get(value);
    if (known !== undefined) return placeholderOf(known);
    while (taken.has(next)) next += 1;
    const entry: VaultEntry = { index: next, type, value };
    next += 1;
    entries.set(entry.index, entry);
    byValue.set(value, entry);
    return placeholderOf(entry);
  }

  return { entries, placeholderFor };
}

/** Every number of three digits or more written in `texts`. */
export function numbersIn(texts: readonly string[]): Set<number> {
  const numbers = new Set<number>();
  for (const text of texts) {
    for (const match of text.matchAll(/\d{3,9}/g)) numbers.add(Number(match[0]));
  }
  return numbers;
}
