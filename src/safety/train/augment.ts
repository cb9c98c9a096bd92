import { readFileSync } from "node:fs";
import { packageFile } from "../../paths.ts";
import { type Category, categories } from "../policy.ts";
import type { Row } from "./corpus.ts";
import { seededRandom } from "./random.ts";

type Random = () => number;

const samplesPerHarmfulPhrase = 12;
const samplesPerUse = 8;
const samplesPerStatement = 5;
const samplesPerHarmlessPhrase = 8;
const plainSamples = 4;
const samplesPerTopic = 12;
const samplesPerActivity = 8;
const jailbreakShare = 0.08;

/**
 * Texts of the project's own, made from `phrases/`: what is asked for × how it is asked, the same forms for harmful and
 * harmless things, so that the form says nothing. `source` names the phrase, so that phrases can be held out whole.
 */
export function augmentation(seed: number): readonly Row[] {
  const random = seededRandom(seed);
  const slots = readSlots();
  const forms = readPhrases("forms");
  const wrappers = readPhrases("wrappers");
  const plainForms = readPhrases("plain-forms");
  const jailbreaks = readPhrases("jailbreaks");
  const ask = (phrase: string) =>
    pick(wrappers, random).replace("$request", () => request(pick(forms, random), fill(phrase, slots, random)));
  const use = (phrase: string) => {
    const isPlain = random() < 0.5;
    return request(pick(forms, random), fill(isPlain ? phrase : `use $field to ${phrase}`, slots, random));
  };
  const rows: Row[] = [];
  for (const { category, phrase } of readLabelled("harmful")) {
    for (let sample = 0; sample < samplesPerHarmfulPhrase; sample++) {
      const asked = ask(phrase);
      const text = random() < jailbreakShare ? pick(jailbreaks, random).replace("$request", () => asked) : asked;
      rows.push(unsafe(text, category, phrase));
    }
  }
  for (const { category, phrase } of readLabelled("abuses")) {
    for (let sample = 0; sample < samplesPerUse; sample++) rows.push(unsafe(use(phrase), category, phrase));
  }
  for (const phrase of readPhrases("benefits")) {
    for (let sample = 0; sample < samplesPerUse; sample++) rows.push(benign(use(phrase), phrase));
    for (let sample = 0; sample < plainSamples; sample++)
      rows.push(benign(request(pick(plainForms, random), phrase), phrase));
  }
  for (const { category, phrase } of [...readLabelled("statements"), ...readLabelled("questions")]) {
    const samples = phrase.includes("$") ? samplesPerStatement : 2;
    for (let sample = 0; sample < samples; sample++) rows.push(unsafe(fill(phrase, slots, random), category, phrase));
  }
  for (const { phrase } of readLabelled("benign")) {
    for (let sample = 0; sample < samplesPerHarmlessPhrase; sample++) rows.push(benign(ask(phrase), phrase));
    for (let sample = 0; sample < plainSamples; sample++)
      rows.push(benign(request(pick(plainForms, random), phrase), phrase));
  }
  const doing = readPhrases("doing");
  for (const { category, phrase } of readLabelled("activities")) {
    for (let sample = 0; sample < samplesPerActivity; sample++) {
      rows.push(unsafe(pick(doing, random).replace("$activity", phrase), category, phrase));
    }
  }
  const knowing = readPhrases("knowing");
  for (const topic of readPhrases("topics")) {
    for (let sample = 0; sample < samplesPerTopic; sample++)
      rows.push(benign(pick(knowing, random).replace("$topic", topic), topic));
  }
  for (const phrase of readPhrases("benign-sentences"))
    rows.push(benign(phrase, phrase), benign(phrase.toLowerCase(), phrase));
  return rows;
}

function unsafe(text: string, category: Category, phrase: string): Row {
  return { text, label: 1, source: `own:${phrase}`, category, categories: [category] };
}

function benign(text: string, phrase: string): Row {
  return { text, label: 0, source: `own:${phrase}`, category: "benign", categories: [] };
}

/** Every phrase of a file: lines of alternatives parted by "|", "#" lines left out. */
function readPhrases(name: string): readonly string[] {
  const file = packageFile(`src/safety/train/phrases/${name}.txt`);
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return lines.flatMap((line) => line.split("|"));
}

/** Lines that begin with a label: "fraud: launder money|forge a signature". */
function readLabelled(name: string): readonly { readonly category: Category; readonly phrase: string }[] {
  let label = "";
  return readPhrases(name).map((part) => {
    const [, found, rest] = /^([a-z/-]+): (.*)$/.exec(part) ?? [];
    label = found ?? label;
    return { category: categories.find((category) => category === label) ?? "illicit", phrase: rest ?? part };
  });
}

function readSlots(): ReadonlyMap<string, readonly string[]> {
  const file = packageFile("src/safety/train/phrases/slots.txt");
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2).split("|")]));
}

function fill(phrase: string, slots: ReadonlyMap<string, readonly string[]>, random: Random): string {
  return phrase.replace(/\$([a-z]+)/g, (whole, name) => {
    const choices = slots.get(name);
    return choices === undefined ? whole : pick(choices, random);
  });
}

function request(form: string, phrase: string): string {
  const capital = phrase.charAt(0).toUpperCase() + phrase.slice(1);
  return form
    .replace("$vp", () => phrase)
    .replace("$Vp", () => capital)
    .replace("$ing", () => gerund(phrase))
    .replace("$s", () => thirdPerson(phrase));
}

const doubled =
  /^(?:get|cut|run|set|put|hit|plan|rob|stab|stop|swat|trap|rig|jam|mug|spot|sit|drug|shop|begin|strip|scan|pin|dip|chop|hug|let|win|dig|sip|plot|skim|strap|skip|grab|wrap|drop|ship|step|bet|dump-)$/;

/** "make a bomb" → "making a bomb". Knows the common rules only. */
function gerund(phrase: string): string {
  const [verb = "", ...rest] = phrase.split(" ");
  const stem = doubled.test(verb)
    ? verb + verb.slice(-1)
    : /[^eoy]e$/.test(verb) && verb !== "be"
      ? verb.slice(0, -1)
      : verb;
  const ing = verb === "die" ? "dying" : verb === "lie" ? "lying" : `${stem}ing`;
  return [ing, ...rest].join(" ");
}

/** "make a bomb" → "makes a bomb". */
function thirdPerson(phrase: string): string {
  const [verb = "", ...rest] = phrase.split(" ");
  const ending = /(?:s|sh|ch|x|z|o)$/.test(verb) ? "es" : "s";
  const form =
    verb === "be"
      ? "is"
      : verb === "have"
        ? "has"
        : /[^aeiou]y$/.test(verb)
          ? `${verb.slice(0, -1)}ies`
          : verb + ending;
  return [form, ...rest].join(" ");
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new RangeError("There is nothing to pick from.");
  return item;
}
