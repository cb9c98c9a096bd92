import type { Entity } from "../entity.ts";
import { cities, countries } from "../lexicon/places.ts";
import { isNetworkWord } from "../lexicon/public.ts";
import type { Scan } from "../scan.ts";
import { isCommonWord, shippedBias, shippedModel, tagNames } from "../tagger.ts";
import { findCuedNames } from "./name-cue.ts";

/** People, places and organisations: what the tagger finds, what a cue names ("my name is …"), and places known by name. */
export function findNames(scan: Scan): Entity[] {
  const tagged: Entity[] = tagNames(scan.text, scan.lower, shippedModel(), shippedBias);
  const found = [...tagged, ...findCuedNames(scan), ...knownPlaces(scan, tagged)];
  return found.flatMap((entity) => trimmed(scan, entity));
}

const place =
  /(?<![\p{L}\p{N}@#/_.-])\p{Lu}[\p{L}\p{M}'.-]*(?: (?:of |and |the |de |da )?\p{Lu}[\p{L}\p{M}'.-]*){0,4}/gu;

/** Names of places that are also everyday words: only the tagger may call them places. */
const ambiguousPlaces: ReadonlySet<string> = new Set(
  "nice bath split essen mesa reading aurora phoenix male hue york faro bergen cork mobile lincoln madison jackson henderson arlington hamilton washington orlando irvine richmond austin charlotte chad jordan georgia turkey china guinea niger mali java santiago rosario salvador mendoza victoria virginia carolina florence sofia odessa medina valencia cali rio victoria perth darwin wellington lima bari essen linz oran fez kano goa surat agra indore bali asia africa dakota savannah lexington durham chandler plano newark aurora holland wales brittany england ireland paris london".split(
    " ",
  ),
);

function knownPlaces({ text, lower }: Scan, tagged: readonly Entity[]): Entity[] {
  const found: Entity[] = [];
  for (const match of text.matchAll(place)) {
    const words = match[0].split(" ");
    for (
      let first = 0, offset = match.index;
      first < words.length;
      offset += (words[first] ?? "").length + 1, first += 1
    ) {
      for (let last = words.length; last > first; last -= 1) {
        const length = words
          .slice(first, last)
          .join(" ")
          .replace(/(?:'s?|\.)$/, "").length;
        const name = lower.slice(offset, offset + length);
        if (!countries.has(name) && !cities.has(name)) continue;
        const taken = tagged.some((other) => other.start < offset + length && offset < other.end);
        if (!taken && !ambiguousPlaces.has(name)) found.push({ start: offset, end: offset + length, type: "LOCATION" });
        break;
      }
    }
  }
  return found;
}

/** A find without the signs at its ends; nothing for the network's own words and for signs alone. */
function trimmed({ text, lower }: Scan, { start, end, type }: Entity): Entity[] {
  let from = start;
  let to = end;
  while (from < to && /[^\p{L}\p{N}]/u.test(text.charAt(from))) from += 1;
  while (to > from && /[^\p{L}\p{M}\p{N}.)]/u.test(text.charAt(to - 1))) to -= 1;
  const value = text.slice(from, to);
  if (value.length < 2 || !/\p{L}/u.test(value) || isNetworkWord(value)) return [];
  if (type === "PERSON" && !value.includes(" ") && isCommonWord(lower.slice(from, to)) && isShouted(value)) return [];
  return [{ start: from, end: to, type }];
}

function isShouted(value: string): boolean {
  return value.length > 1 && value === value.toUpperCase();
}
