import type { PrivacyLevel } from "../chat/answer.ts";
import type { Message } from "../chat/message.ts";
import { type Entity, type EntityType, mergeEntities } from "./entity.ts";
import { isJsonContainer, type JsonLeaf, jsonLeaves, replaceJsonLeaves } from "./json-leaves.ts";
import { markedUp } from "./markup-range.ts";
import { findOccurrences, indexValues, knownValues, type ValueIndex } from "./occurrence.ts";
import { selectMasked } from "./policy.ts";
import { findEntities } from "./recogniser.ts";
import { createRehydrator } from "./rehydrate.ts";
import { createVault, numbersIn, type Vault, type VaultWriter } from "./vault.ts";

export interface AnonymiseOptions {
  readonly level: PrivacyLevel;
  /** Keys the numbering of placeholders, together with the first user message; secret, one per tenant. */
  readonly key: Uint8Array;
  /** What the user wants masked besides, as whole words in any case. */
  readonly ownWords: readonly string[];
}

/** How many values were masked, by type. */
export type MaskedCounts = Readonly<Partial<Record<EntityType, number>>>;

/** What one request became. `masked` counts the values behind placeholders by type and says nothing about them. */
export interface Masked {
  readonly masked: MaskedCounts;
  readonly vault: Vault;
}

/**
 * Masks a conversation, scanned as one: a value found anywhere is masked everywhere, by one placeholder.
 *
 * The vault is rebuilt from each request. As long as a new turn neither names a value that stood unnoticed in an older
 * one nor uses the number of a placeholder, the masked conversation begins with the masked conversation of the turn
 * before, to the letter, so a host's prefix cache still serves; where it does, masking comes first and the cache misses.
 * @throws PeerError `recogniser_failed`.
 */
export function anonymise<M extends Message>(
  messages: readonly M[],
  options: AnonymiseOptions,
): Masked & { readonly messages: M[] } {
  const opening = messages.find((message) => message.role === "user") ?? messages[0];
  const { texts, vault, masked } = anonymiseTexts(
    messages.map((message) => message.content),
    opening?.content ?? "",
    options,
  );
  return { vault, masked, messages: messages.map((message, index) => ({ ...message, content: texts[index] ?? "" })) };
}

/**
 * Masks texts that belong to one request: prompts, tool arguments, tool definitions. A JSON object or array is masked by
 * its decoded leaves, keys included; a number that must be masked becomes a string. `opening` is what the numbering is
 * keyed by besides the key: the same for each turn of a conversation.
 */
export function anonymiseTexts(
  texts: readonly string[],
  opening: string,
  options: AnonymiseOptions,
): Masked & { readonly texts: string[] } {
  const parts = texts.map((text, index) => partOf(text, texts[index - 1] ?? ""));
  const pieces = parts.flatMap((part) => part.pieces);
  const selected = pieces.map((piece) => selectedIn(piece, options));
  const values = indexValues(
    knownValues(pieces.map((piece, index) => ({ text: piece.text, entities: selected[index] ?? [] }))),
  );
  const vault = createVault(options.key, opening, numbersIn(texts));
  const masked = pieces.map((piece, index) => maskPiece(piece.text, selected[index] ?? [], values, vault));

  let next = 0;
  const content = parts.map((part) => {
    const own = masked.slice(next, next + part.pieces.length);
    next += part.pieces.length;
    return part.leaves === undefined ? (own[0] ?? "") : replaceJsonLeaves(part.text, part.leaves, own);
  });
  return { texts: content, vault, masked: countsOf(vault) };
}

interface Piece {
  readonly text: string;
  /** What stands before the text and may say what it is: the end of the message before, the key of a JSON value. */
  readonly before: string;
}

interface Part {
  readonly text: string;
  readonly leaves: readonly JsonLeaf[] | undefined;
  readonly pieces: readonly Piece[];
}

const beforeLengthMax = 100;

function partOf(text: string, previous: string): Part {
  if (!isJsonContainer(text)) {
    const before = previous === "" ? "" : `${previous.slice(-beforeLengthMax)}\n`;
    return { text, leaves: undefined, pieces: [{ text, before }] };
  }
  const leaves = jsonLeaves(text);
  const pieces = leaves.map((leaf) => ({ text: leaf.text, before: leaf.key === "" ? "" : `${wordsOf(leaf.key)}: ` }));
  return { text, leaves, pieces };
}

/** A key as words: `firstName` and `first_name` are both "first Name". */
function wordsOf(key: string): string {
  return key
    .slice(-beforeLengthMax)
    .replace(/[_-]+/g, " ")
    .replace(/(?<=[a-z])(?=[A-Z])/g, " ");
}

function selectedIn({ text, before }: Piece, options: AnonymiseOptions): Entity[] {
  const found = findEntities(before + text, options.ownWords)
    .filter((entity) => entity.end > before.length)
    .map(({ start, end, type }) => ({ start: Math.max(0, start - before.length), end: end - before.length, type }));
  return selectMasked(text, found, options.level);
}

function maskPiece(text: string, selected: readonly Entity[], values: ValueIndex, vault: VaultWriter): string {
  const entities = markedUp(text, mergeEntities([...selected, ...findOccurrences(text, values)]));
  const masked = replaced(text, entities, vault);
  if (masked === text || restored(masked, vault) === text) return masked;
  return vault.placeholderFor(text, "MARKUP");
}

function replaced(text: string, entities: readonly Entity[], vault: VaultWriter): string {
  let masked = "";
  let reached = 0;
  for (const { start, end, type } of entities) {
    masked += text.slice(reached, start) + vault.placeholderFor(text.slice(start, end), type);
    reached = end;
  }
  return masked + text.slice(reached);
}

/** What an answer that repeats `masked` would become: the check that nothing was masked that can't be given back. */
function restored(masked: string, vault: Vault): string {
  const rehydrator = createRehydrator(vault);
  return rehydrator.push(masked) + rehydrator.flush();
}

function countsOf(vault: Vault): MaskedCounts {
  const counts: Partial<Record<EntityType, number>> = {};
  for (const { type } of vault.entries.values()) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}
