import type { Entity } from "../entity.ts";
import { type Scan, trimEnd } from "../scan.ts";
import { isCommonWord } from "../tagger.ts";
import type { Token } from "../tokens.ts";

/** What a cue lets follow: a name in any case, or one that begins with a capital. */
interface Cue {
  /** Matched at the start of the trigger word, over the lower-case text; the name begins where it ends. */
  readonly pattern: RegExp;
  readonly needsCapital: boolean;
}

function cue(source: string, needsCapital: boolean): Cue {
  return { pattern: new RegExp(source, "uy"), needsCapital };
}

const labelled = `(?: name)?["']? ?[:=] *["']?`;
const named = cue(`name(?:'?s| is| was)(?: actually| really| just)?:? +["']?`, false);
const nameLabel = cue(`name["']? ?[:=] *["']?`, true);
const anyLabel = cue(String.raw`[\p{L}]+${labelled}`, false);
const capitalLabel = cue(String.raw`[\p{L}]+${labelled}`, true);
const greeting = cue(String.raw`(?:thank you|\p{L}+),? +`, true);
const called = cue(String.raw`\p{L}+ +["']?`, false);
const self = cue(`(?:i am|i'm|this is|it's|meet|signed|signed by) +`, true);
const title = cue(String.raw`\p{L}+\.? +`, true);
const kin = cue(String.raw`\p{L}+(?:-\p{L}+)?,? +`, true);
const signature = cue(
  String.raw`(?:best(?: regards| wishes)?|kind(?:est)? regards|warm(?:est)? regards|regards|sincerely(?: yours)?|yours(?: truly| sincerely| faithfully)?|cheers|thanks(?: again| so much| in advance)?|thank you|love|respectfully|cordially|cordialement|saludos|atentamente|many thanks|mit freundlichen grüßen|viele grüße|lg|mfg),? *\n+ *`,
  true,
);

const greetings =
  "dear hi hey hello thanks thank cheers hallo hola bonjour ciao liebe lieber querido querida cher chère estimado estimada caro cara".split(
    " ",
  );
const titles =
  "mr mrs ms miss mx dr prof professor sir herr frau señor señora sr sra mme mlle monsieur madame signor signora rev reverend hon capt captain lt sgt judge officer detective senator don doña".split(
    " ",
  );
const relations =
  "friend wife husband son daughter kid child brother sister mother mom mum father dad boss manager colleague coworker co-worker neighbour neighbor partner girlfriend boyfriend fiancé fiancée fiance fiancee cousin uncle aunt nephew niece grandmother grandfather grandma grandpa landlord tenant teacher doctor therapist lawyer assistant roommate flatmate ex client student principal patient nurse supervisor intern".split(
    " ",
  );
const anyCaseLabels =
  "fullname firstname lastname surname nom nombre vorname nachname cognome apellido apellidos prénom cardholder holder beneficiary payee patient client tenant employee guardian attn person signed".split(
    " ",
  );
const capitalLabels =
  "customer author user agent owner from to cc by starring artist contact by sender recipient attendee manager student".split(
    " ",
  );
const callers = "named called nicknamed aka".split(" ");
const signatures =
  "best kind kindest warm warmest regards sincerely yours cheers thanks thank love respectfully cordially cordialement saludos atentamente many mit viele lg mfg".split(
    " ",
  );

const cues: ReadonlyMap<string, readonly Cue[]> = cuesByWord();

function cuesByWord(): Map<string, Cue[]> {
  const byWord = new Map<string, Cue[]>();
  const add = (words: readonly string[], added: Cue) => {
    for (const word of words) byWord.set(word, [...(byWord.get(word) ?? []), added]);
  };
  add(["name", "surname", "firstname", "lastname", "nickname"], named);
  add(["name"], nameLabel);
  add(["names", "names's", "name's"], cue(`name'?s +`, false));
  add(anyCaseLabels, anyLabel);
  add(capitalLabels, capitalLabel);
  add(greetings, greeting);
  add(callers, called);
  add(["i", "i'm", "this", "it's", "meet", "signed"], self);
  add(titles, title);
  add(relations, kin);
  add(signatures, signature);
  return byWord;
}

/** "我叫王小明", "名前は田中です", "이름은 김민수입니다": scripts that put no space between a cue and a name. */
const unspaced =
  /(?:我叫|我的名字(?:是|叫)|姓名(?:是|[:：])\s?|名前は|氏名(?:は|[:：])\s?|이름은\s?|성명(?:은|[:：])\s?)([\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}·・ー]{2,8}?)(?=です|と申|といい|이에요|예요|입니다|이고|\P{L}|$)/gu;
/** Scripts without capitals: "اسمي محمد العتيبي", "मेरा नाम राजेश कुमार है", "שמי דוד לוי", "ผมชื่อสมชาย ใจดี". */
const caseless =
  /(?:(?:^|[^\p{L}])(?:اسمي|إسمي|मेरा नाम|আমার নাম|שמי|קוראים לי)|ชื่อ)[:\s]{1,3}((?!(?:है|هو)(?!\p{L}))\p{Lo}[\p{Lo}\p{M}]+(?: (?!(?:है|हूँ|और|و)(?!\p{L}))\p{Lo}[\p{Lo}\p{M}]+)?)/gu;
/** "Tên tôi là Trần Văn Hùng": capitals as in Latin names, behind a cue of several words. */
const vietnamese =
  /(?:[Tt]ên (?:tôi |em |mình |anh |chị )?là|(?:[Tt]ôi|[Ee]m|[Mm]ình) tên(?: là)?) ((?:\p{Lu}[\p{L}\p{M}]*)(?: \p{Lu}[\p{L}\p{M}]*){0,4})/gu;
const foreignCue = /[叫名姓氏이성اनনשชê]/;

const dash = /(?:^|\n|[.!?"'] ) *[-–—]{1,2} ?(?=\p{Lu})/gu;
/** "Anna Berg wrote:", "Anna Berg <anna@…>" */
const leading = /(?:\p{Lu}[\p{L}\p{M}'’.-]* ){1,3}$/u;

/** Names told by what stands before them. Everyday words are taken for none without a capital. */
export function findCuedNames(scan: Scan, tokens: readonly Token[]): Entity[] {
  const { text, lower } = scan;
  const found: Entity[] = [];
  const add = (start: number, needsCapital: boolean, isLast: boolean) => {
    const length = nameLength(text, start, needsCapital);
    if (length > 0 && (!isLast || /^ *(?:\n|$)/.test(text.slice(start + length, start + length + 40)))) {
      found.push({ start, end: start + length, type: "PERSON" });
    }
  };
  for (const { start, end, kind } of tokens) {
    if (kind !== "word") continue;
    for (const { pattern, needsCapital } of cues.get(lower.slice(start, end)) ?? []) {
      pattern.lastIndex = start;
      const matched = pattern.exec(lower);
      if (matched === null || !fits(text, lower, start, pattern)) continue;
      add(start + matched[0].length, needsCapital, pattern === signature.pattern);
    }
  }
  if (foreignCue.test(text)) {
    for (const match of [unspaced, caseless, vietnamese].flatMap((pattern) => [...text.matchAll(pattern)])) {
      const value = match[1] ?? "";
      const start = match.index + match[0].length - value.length;
      found.push({ start, end: start + value.length, type: "PERSON" });
    }
  }
  for (const match of text.matchAll(dash)) add(match.index + match[0].length, true, true);
  for (const marker of [" wrote:", " <"]) collectLeading(scan, marker, found);
  return found;
}

/** A greeting ends in a sign or the line; a relation is someone's; "name is" belongs to someone, not to a file. */
function fits(text: string, lower: string, start: number, pattern: RegExp): boolean {
  if (pattern === kin.pattern)
    return /\b(?:my|his|her|their|our|your|the) (?:\p{L}+ ){0,2}$/u.test(lower.slice(Math.max(0, start - 30), start));
  if (pattern === named.pattern)
    return !/(?:file|variable|function|class|table|column|host|domain|model|brand|product|company|band|song|team|project|branch|package|user) ?$/.test(
      lower.slice(Math.max(0, start - 10), start),
    );
  if (pattern === capitalLabel.pattern)
    return (
      /(?:^|[\n{(,;>]|["'@#*/] ?|\/\/ ?| {2})$/.test(text.slice(Math.max(0, start - 3), start)) ||
      /\b(?:directed|written|signed|prepared|created) $/.test(lower.slice(Math.max(0, start - 10), start))
    );
  return true;
}

function collectLeading({ text }: Scan, marker: string, found: Entity[]): void {
  for (let at = text.indexOf(marker); at !== -1; at = text.indexOf(marker, at + 1)) {
    if (marker === " <" && !/^ <[^<>\s@]{1,64}@/.test(text.slice(at, at + 70))) continue;
    const words = leading.exec(`${text.slice(Math.max(0, at - 50), at)} `)?.[0];
    if (words === undefined) continue;
    const start = at + 1 - words.length;
    found.push({ start, end: at, type: "PERSON" });
  }
}

const word = /[\p{L}][\p{L}\p{M}'’-]*\.?/uy;
const particle = /^(?:van|von|der|den|de|la|del|di|da|dos|bin|ibn|al|el|ter|le|du|of)$/;
const stops: ReadonlySet<string> = new Set(
  "and or but so the a an i i'm i've you he she we they it it's is was are am in on at to for from of with by my your his her our their not this that there here what who how why when where which can could would will please thanks thank hi hello dear all everyone team sir madam folks guys again just also very really sure sorry happy glad going trying looking working writing using asking feeling having getting currently still now new good great fine okay ok yes no as if then than about into over under after before because since while do does did be been being have has had me us them him its any some one two mr mrs ms dr mx prof hr customer support manager service recruiter hiring committee editor friend friends sincerely regards best null none undefined true false string required optional unknown n/a tbd afraid aware able available interested excited curious confused stuck tired born based located living married single like likes loves said says".split(
    " ",
  ),
);
const wordsMax = 4;

/** Length of the name that begins at `start`: up to the first word that can't be part of one. */
function nameLength(text: string, start: number, needsCapital: boolean): number {
  let length = 0;
  let offset = start;
  let isCapitalised = false;
  for (let index = 0; index < wordsMax; index += 1) {
    word.lastIndex = offset;
    const found = word.exec(text)?.[0];
    if (found === undefined) break;
    const isCapital = /^\p{Lu}/u.test(found);
    const isInitial = /^\p{Lu}\.$/u.test(found) || /^(?:Mr|Mrs|Ms|Dr|Jr|Sr|St)\.$/.test(found);
    const bare = trimEnd(found.replace(/['’]s$/, ""), ".'’-");
    const lower = bare.toLowerCase();
    if (index === 0) isCapitalised = isCapital;
    if (index === 0 && needsCapital && !isCapital) return 0;
    if (stops.has(lower) && !(isCapital && index > 0 && isInitial)) break;
    if (isCapitalised && !isCapital && !particle.test(lower)) break;
    if (!isCapital && !isCapitalised && isCommonWord(lower)) break;
    if (!particle.test(lower) || isCapital) length = offset - start + (isInitial ? found.length : bare.length);
    if (bare.length < found.length && !isInitial) break;
    offset += found.length;
    if (text.charAt(offset) !== " ") break;
    offset += 1;
  }
  return length;
}
