import type { Entity } from "../entity.ts";
import { isWordAt, type Scan } from "../scan.ts";
import { isCommonWord } from "../tagger.ts";

const name = String.raw`[\p{L}][\p{L}\p{M}'’.-]*`;
const upTo = (count: number) => `(${name}(?: ${name}){0,${count - 1}})`;

/** A name follows, however its letters are cased. */
const anyCase: readonly RegExp[] = [
  new RegExp(
    String.raw`\b(?:my|his|her|their|your|the) (?:full |first |last |sur|family |given |middle |maiden |user |real |legal )?name(?:'?s| is| was)(?: actually| really| just)?:? +${upTo(3)}`,
    "gu",
  ),
  new RegExp(
    String.raw`\b(?:named|called|name of|nicknamed|a\.?k\.?a\.?|goes by|signed by|sincerely yours,?|on behalf of|c\/o|attn\.?:?) +${upTo(3)}`,
    "gu",
  ),
  new RegExp(
    String.raw`\b(?:full[ _-]?name|first[ _-]?name|last[ _-]?name|surname|given[ _-]?name|family[ _-]?name|nom|nombre|vorname|nachname|cognome|apellidos?|prénom|card ?holder|account holder|beneficiary|payee|patient|client|tenant|employee|guardian|contact person|emergency contact|signed|attn)\b(?: name)?["']? ?[:=] *["']?${upTo(3)}`,
    "gu",
  ),
];

/** A name follows if its first letter is a capital. */
const capital: readonly RegExp[] = [
  new RegExp(
    String.raw`\b(?:[Nn]ame|NAME|[Cc]ustomer|[Aa]uthor|[Uu]ser|[Aa]gent|[Oo]wner|[Ff]rom|[Tt]o|[Cc]c|[Dd]irected [Bb]y|[Ww]ritten [Bb]y|[Ss]tarring|[Aa]rtist|[Cc]ontact)["']? ?[:=] *["']?${upTo(3)}`,
    "gu",
  ),
  new RegExp(
    String.raw`\b(?:[Dd]ear|[Hh]i|[Hh]ey|[Hh]ello|[Tt]hanks|[Tt]hank you|[Cc]heers),? +${upTo(3)}(?=[,!.:\n]|$| and )`,
    "gu",
  ),
  new RegExp(String.raw`\b(?:[Ii] am|[Ii]'m|[Tt]his is|[Mm]eet|[Ii]t's|[Ss]igned) +${upTo(3)}`, "gu"),
  new RegExp(
    String.raw`\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam|Herr|Frau|Señor|Señora|Sr|Sra|Mme|Mlle|M|Rev|Hon|Capt|Lt|Sgt|Judge|Officer|Detective|Senator|mr|mrs|ms|dr|prof|MR|MRS|MS|DR)\.? +${upTo(3)}`,
    "gu",
  ),
  new RegExp(
    String.raw`\b[Mm]y (?:\p{Ll}+ ){0,2}(?:friend|wife|husband|son|daughter|kid|child|brother|sister|mother|mom|mum|father|dad|boss|manager|colleague|coworker|co-worker|neighbou?r|partner|girlfriend|boyfriend|fianc[ée]e?|cousin|uncle|aunt|nephew|niece|grandmother|grandfather|grandma|grandpa|landlord|tenant|teacher|doctor|therapist|lawyer|assistant|roommate|flatmate|ex|client|student),? +${upTo(3)}`,
    "gu",
  ),
  new RegExp(
    String.raw`(?:^|\n) *(?:[Bb]est(?: [Rr]egards| wishes)?|[Kk]ind(?:est)? [Rr]egards|[Ww]arm(?:est)? [Rr]egards|[Rr]egards|[Ss]incerely(?: [Yy]ours)?|[Yy]ours(?: (?:truly|sincerely|faithfully))?|[Cc]heers|[Tt]hanks(?: again| so much)?|[Tt]hank you|[Ll]ove|[Rr]espectfully|[Cc]ordially|[Ww]ith (?:love|gratitude)|[Mm]it freundlichen Grüßen|[Cc]ordialement|[Ss]aludos|[Aa]tentamente|[Cc]ordiali saluti),?[ ]*\n+ *${upTo(3)} *(?=\n|$)`,
    "gu",
  ),
  new RegExp(String.raw`(?<=[.!?"] ) *[-–—]+ ?${upTo(2)} *(?=\n|$)`, "gu"),
];

/** "Anna Berg wrote:", "Anna Berg <anna@…>" */
const leading = /(?<![\p{L}\p{N}])((?:\p{Lu}[\p{L}\p{M}'’.-]* ){1,2}\p{Lu}[\p{L}\p{M}'’-]*)(?= wrote:| <[^<>\s@]+@)/gu;

const stops: ReadonlySet<string> = new Set(
  "and or but so the a an i you he she we they it is was are am in on at to for from of with by my your his her our their not this that there here what who how why when where which can could would will please thanks thank hi hello dear all everyone team sir madam folks guys there again just also very really sure sorry happy glad going trying looking working writing using asking feeling having getting currently still now new good great fine okay ok yes no as if then than about into over under after before because since while do does did be been being have has had me us them him its any some one two mr mrs ms dr hr customer support manager service recruiter hiring committee editor friend friends sincerely regards best null none undefined true false string required optional unknown n/a tbd afraid aware able available interested excited curious confused stuck tired born based located living married single".split(
    " ",
  ),
);

/** Names told by what stands before them. Everyday words are taken for none without a capital. */
export function findCuedNames(scan: Scan): Entity[] {
  const found: Entity[] = [];
  for (const pattern of anyCase) for (const match of scan.lower.matchAll(pattern)) add(match, false);
  for (const pattern of capital) for (const match of scan.text.matchAll(pattern)) add(match, true);
  for (const match of scan.text.matchAll(leading)) add(match, true);
  return found;

  function add(match: RegExpExecArray, needsCapital: boolean): void {
    const words = match[1] ?? "";
    const start =
      match.index + match[0].indexOf(words, match[0].length - words.length - 4 < 0 ? 0 : match[0].lastIndexOf(words));
    const end = start + nameLength(scan.text.slice(start, start + words.length), needsCapital);
    if (end > start && !isWordAt(scan.text, end)) found.push({ start, end, type: "PERSON" });
  }

  /** How much of `words` is a name: up to the first word that can't be part of one. */
  function nameLength(words: string, needsCapital: boolean): number {
    let length = 0;
    let offset = 0;
    let capitals = false;
    for (const [index, word] of words.split(" ").entries()) {
      const bare = word.replace(/[.'’-]+$/, "").toLowerCase();
      const isCapital = /^\p{Lu}/u.test(word);
      if (index === 0) capitals = isCapital;
      if (index === 0 && needsCapital && !isCapital) return 0;
      if (
        stops.has(bare) ||
        (capitals && !isCapital && !/^(?:van|von|der|den|de|la|del|di|da|dos|bin|ibn|al|el|y|e|ter|le|du)$/.test(bare))
      )
        break;
      if (!isCapital && isCommonWord(bare) && index > 0) break;
      if (!isCapital && isCommonWord(bare) && bare.length < 3) break;
      const kept = /^\p{Lu}\.$/u.test(word) ? word : word.replace(/['’]s$/, "").replace(/[.'’-]+$/, "");
      length = offset + kept.length;
      offset += word.length + 1;
      if (/[.'’]$/.test(word) && !/^\p{Lu}\.$/u.test(word)) break;
    }
    return length;
  }
}
