import type { Sentence } from "./corpus.ts";
import { instructions } from "./instructions.ts";
import { familyName, fullName, givenName, organisationName, placeName } from "./names.ts";
import { otherLanguages } from "./other-languages.ts";
import type { Random } from "./random.ts";
import { phrases, sentences } from "./sentences.ts";

const templates: readonly string[] = [...sentences, ...otherLanguages, ...instructions];

type Name = Sentence["names"][number];

/** A sentence of a corpus with other people in it: the corpora's names are mostly English, their contexts are not. */
export function swapNames({ text, names }: Sentence, random: Random): Sentence {
  let swapped = "";
  let reached = 0;
  const moved: Name[] = [];
  for (const { start, end, type } of names) {
    const old = text.slice(start, end);
    swapped += text.slice(reached, start);
    const value = type === "PER" && /^[\p{L} .'-]+$/u.test(old) ? replacement(old, random) : old;
    moved.push({ start: swapped.length, end: swapped.length + value.length, type });
    swapped += value;
    reached = end;
  }
  return { text: swapped + text.slice(reached), names: moved };
}

function replacement(old: string, random: Random): string {
  const name = old.includes(" ") ? fullName(random) : random.chance(0.6) ? givenName(random) : familyName(random);
  return old === old.toLowerCase() ? name.toLowerCase() : name;
}

const slot = /\{([PGFLOCN])\}/g;

/** `count` sentences made from the project's own, each slot filled anew. */
export function ownSentences(count: number, random: Random): Sentence[] {
  return Array.from({ length: count }, (_, index) => filled(templates[index % templates.length] ?? "", random));
}

function filled(template: string, random: Random): Sentence {
  let text = "";
  let reached = 0;
  const names: Name[] = [];
  for (const match of template.matchAll(slot)) {
    text += template.slice(reached, match.index);
    const { value, type } = fillerOf(match[1] ?? "", random);
    if (type !== undefined) names.push({ start: text.length, end: text.length + value.length, type });
    text += value;
    reached = match.index + match[0].length;
  }
  return { text: text + template.slice(reached), names };
}

function fillerOf(letter: string, random: Random): { value: string; type: Name["type"] | undefined } {
  switch (letter) {
    case "P":
      return { value: fullName(random), type: "PER" };
    case "G":
      return { value: givenName(random), type: "PER" };
    case "F":
      return { value: familyName(random), type: "PER" };
    case "L":
      return { value: placeName(random), type: "LOC" };
    case "O":
      return { value: organisationName(random), type: "ORG" };
    case "C":
      return { value: random.pick(phrases), type: undefined };
    default:
      return { value: String(Math.floor(random.next() * 2030)), type: undefined };
  }
}

const fronts = ["> ", ">", "- ", "* ", "• ", '"', "'", "1. ", "(", "| ", "A: ", "# ", "?? "] as const;

/** Now and then behind a mark of quotation or of a list, as in mails and notes. */
export function withFront({ text, names }: Sentence, random: Random): Sentence {
  if (!random.chance(0.08)) return { text, names };
  const front = random.pick(fronts);
  const moved = names.map(({ start, end, type }) => ({ start: start + front.length, end: end + front.length, type }));
  return { text: front + text, names: moved };
}

/** Now and then all in lower case, or all in capitals, as people type. */
export function withCase(sentence: Sentence, random: Random): Sentence {
  const form = random.next();
  const text = form < 0.15 ? sentence.text.toLowerCase() : form < 0.2 ? sentence.text.toUpperCase() : sentence.text;
  return text.length === sentence.text.length ? { text, names: sentence.names } : sentence;
}
