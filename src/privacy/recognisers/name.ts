import { type Entity, isApart, mergeEntities } from "../entity.ts";
import { givenNames } from "../lexicon/given-names.ts";
import { cities, countries } from "../lexicon/places.ts";
import { isNetworkWord } from "../lexicon/public.ts";
import type { Scan } from "../scan.ts";
import { isCommonWord, shippedBias, shippedModel, tagNames } from "../tagger.ts";
import { type Token, tokenise } from "../tokens.ts";
import { findCompanies } from "./company.ts";
import { findCuedNames } from "./name-cue.ts";

/**
 * People, places and organisations: what the tagger finds, what a cue names ("my name is …"), and places known by name.
 * What others have `claimed`, in text order, is no part of a name: the words of an e-mail address stand for none.
 */
export function findNames(scan: Scan, claimed: readonly Entity[]): Entity[] {
  const tokens = unclaimed(tokenise(scan.text), claimed);
  const tagged: Entity[] = tagNames(scan.text, scan.lower, tokens, shippedModel(), shippedBias);
  const named = mergeEntities([...tagged, ...findCuedNames(scan, tokens)]);
  const listed = [...knownGivenNames(scan, tokens, named), ...knownPlaces(scan, tokens, named)];
  const found = mergeEntities([...named, ...listed, ...findCompanies(scan, tokens)]);
  return joined(scan.text, found)
    .flatMap((entity) => pieces(scan, entity))
    .flatMap((piece) => trimmed(scan, piece));
}

/** Longer finds are many names in a row, or no name at all. */
const nameLengthMax = 120;

/** A find that is too long for one name, cut between words: each piece is masked by itself. */
function pieces({ text }: Scan, { start, end, type }: Entity): Entity[] {
  const found: Entity[] = [];
  let from = start;
  while (end - from > nameLengthMax) {
    const space = text.lastIndexOf(" ", from + nameLengthMax);
    const to = space > from ? space : from + nameLengthMax;
    found.push({ start: from, end: to, type });
    from = space > from ? to + 1 : to;
  }
  return [...found, { start: from, end, type }];
}

function unclaimed(tokens: readonly Token[], claimed: readonly Entity[]): readonly Token[] {
  if (claimed.length === 0) return tokens;
  let next = 0;
  return tokens.map((token) => {
    while (next < claimed.length && (claimed[next]?.end ?? 0) <= token.start) next += 1;
    const range = claimed[next];
    const isClaimed = range !== undefined && range.start < token.end && token.kind === "word";
    return isClaimed ? { start: token.start, end: token.end, kind: "sign" } : token;
  });
}

/** Given names of the list, with a capital, that nothing else claims and that are no everyday word and no place. */
function knownGivenNames({ text, lower }: Scan, tokens: readonly Token[], named: readonly Entity[]): Entity[] {
  const found: Entity[] = [];
  for (const { start, end, kind } of tokens) {
    if (kind !== "word" || end - start < 3 || text.charCodeAt(start) === lower.charCodeAt(start)) continue;
    const name = lower.slice(start, end);
    if (!givenNames.has(name) || isCommonWord(name) || cities.has(name) || countries.has(name)) continue;
    if (isApart(named, start, end)) found.push({ start, end, type: "PERSON" });
  }
  return found;
}

const particles =
  "(?:van|von|der|den|de|la|del|della|di|da|dos|das|bin|ibn|al|el|ter|ten|le|du|Van|Von|De|Da|Di|Del|La|Le|Du|Bin|Al|El|Ter|Ten|Dos)";
const between = new RegExp(`^ (?:${particles} ){0,2}$`, "u");
const onwards = new RegExp(String.raw`^ (?:${particles} ){0,2}(\p{Lu}[\p{L}\p{M}'’-]+)(?![\p{L}\p{N}@])`, "u");

/**
 * Makes one of names that stand side by side ("Lucas" and "François"), and carries a person's name on over the particle
 * and the capitalised word that follow it, unless that is an everyday word.
 */
function joined(text: string, found: readonly Entity[]): Entity[] {
  const result: Entity[] = [];
  for (const entity of found) {
    const last = result.at(-1);
    const isPair =
      last !== undefined && last.type !== "ORG" && entity.type !== "ORG" && [last.type, entity.type].includes("PERSON");
    const isShort = last !== undefined && entity.end - last.start <= nameLengthMax;
    const isOne = isPair && isShort && between.test(text.slice(last.end, entity.start));
    if (isOne) result.pop();
    const current: Entity = isOne ? { start: last.start, end: entity.end, type: "PERSON" } : entity;
    const goesOn = current.type === "PERSON" && /^\p{Lu}/u.test(text.slice(current.start, current.start + 2));
    result.push(goesOn ? { ...current, end: nameEnd(text, current.end) } : current);
  }
  return mergeEntities(result);
}

function nameEnd(text: string, end: number): number {
  const next = onwards.exec(text.slice(end, end + 50));
  const word = next?.[1]?.replace(/['’]s$/, "");
  if (next === null || word === undefined || isCommonWord(word.toLowerCase()) || isNetworkWord(word)) return end;
  return end + next[0].length - (next[1] ?? "").length + word.length;
}

/** Names of places that are also everyday words or people's names: only the tagger may call them places. */
const ambiguousPlaces: ReadonlySet<string> = new Set(
  "nice bath split essen mesa reading aurora phoenix male hue york faro bergen cork mobile lincoln madison jackson henderson arlington hamilton washington orlando irvine richmond austin charlotte chad jordan georgia turkey china guinea niger mali java santiago rosario salvador mendoza victoria virginia carolina florence sofia medina valencia cali rio lima bari linz oran fez kano goa surat agra indore savannah lexington durham chandler plano split kingston wells melbourne houston dallas denver cleveland".split(
    " ",
  ),
);

const firstWords: ReadonlySet<string> = new Set(
  [...cities, ...countries].map((name) => /^[\p{L}\p{M}'-]+/u.exec(name)?.[0] ?? name),
);
const placeWordsMax = 5;

/** Places of the lists, longest first, where they stand with a capital and the tagger saw no other name. */
function knownPlaces({ text, lower }: Scan, tokens: readonly Token[], tagged: readonly Entity[]): Entity[] {
  const found: Entity[] = [];
  for (const [index, { start, end, kind }] of tokens.entries()) {
    if (
      kind !== "word" ||
      text.charCodeAt(start) === lower.charCodeAt(start) ||
      !firstWords.has(lower.slice(start, end))
    )
      continue;
    const reached = longestPlace(lower, tokens, index);
    if (reached === undefined || ambiguousPlaces.has(lower.slice(start, reached))) continue;
    if (isApart(tagged, start, reached)) found.push({ start, end: reached, type: "LOCATION" });
  }
  return found;
}

function longestPlace(lower: string, tokens: readonly Token[], index: number): number | undefined {
  const start = tokens[index]?.start ?? 0;
  for (let count = placeWordsMax; count > 0; count -= 1) {
    const end = tokens[index + count - 1]?.end;
    if (end === undefined || end - start > 40) continue;
    const name = lower.slice(start, end);
    if (cities.has(name) || countries.has(name)) return end;
  }
  return undefined;
}

/** A word written as programs write it, such as "largestShare". */
const identifier = /^\p{Ll}{2,}\p{Lu}[\p{L}\p{N}]*$/u;

/** A find without the signs at its ends; nothing for the network's own words, for signs alone and for shouted everyday words. */
function trimmed({ text, lower }: Scan, { start, end, type }: Entity): Entity[] {
  let from = start;
  let to = end;
  while (from < to && /[^\p{L}\p{N}]/u.test(text.charAt(from))) from += 1;
  while (to > from && /[^\p{L}\p{M}\p{N}.)]/u.test(text.charAt(to - 1))) to -= 1;
  const value = text.slice(from, to);
  if (value.length < 2 || !/\p{L}/u.test(value) || isNetworkWord(value) || identifier.test(value)) return [];
  if (isWordBeforeNetworkWord(value)) return [];
  const isShouted = value === value.toUpperCase() && value !== value.toLowerCase();
  if (type !== "LOCATION" && !value.includes(" ") && isImperative(text, from, to, lower.slice(from, to))) return [];
  if (type === "PERSON" && isShouted && !value.includes(" ") && isCommonWord(lower.slice(from, to))) return [];
  return [{ start: from, end: to, type }];
}

/** "Will LangChain": an everyday word and one of the trade. */
function isWordBeforeNetworkWord(value: string): boolean {
  const [first = "", second = "", ...more] = value.split(" ");
  return (
    more.length === 0 && isNetworkWord(second) && /\p{Ll}\p{Lu}/u.test(second) && isCommonWord(first.toLowerCase())
  );
}

const object =
  /^ (?:the|a|an|this|these|those|that|my|your|our|his|her|its|their|me|us|some|all|each|every|any|how|what|why|whether|if|between|following)\b/;

/** A lone capitalised word at the start of a sentence with an object after it ("Summarize the …") is a verb. */
function isImperative(text: string, start: number, end: number, word: string): boolean {
  if (givenNames.has(word) || !object.test(text.slice(end, end + 12))) return false;
  return start === 0 || /(?:[.!?:]\s+|\n\s*(?:[-*>•]\s*|\d+[.)]\s*)?)$/.test(text.slice(Math.max(0, start - 8), start));
}
