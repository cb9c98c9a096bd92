import type { Entity } from "../entity.ts";
import type { Scan } from "../scan.ts";

const capital = String.raw`\p{Lu}[\p{L}\p{M}'’-]*`;
const cue = new RegExp(
  String.raw`(?:[Mm]y (?:full |first |last )?name(?:'s| is)|[Nn]ame: *|[Ii] am|[Ii]'m|[Tt]his is|[Dd]ear|[Hh]i|[Hh]ello|(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.?) +(${capital}(?: ${capital}){0,3})`,
  "gu",
);

export function findNames({ text }: Scan): Entity[] {
  const found: Entity[] = [];
  for (const match of text.matchAll(cue)) {
    const value = match[1] ?? "";
    const start = match.index + match[0].length - value.length;
    found.push({ start, end: start + value.length, type: "PERSON" });
  }
  return found;
}
