import { echoed } from "../../../../src/models/demo/train/corpus.ts";
import { factEntries, factKinds, fill } from "../../../../src/models/demo/train/facts.ts";
import type { FaqEntry } from "../../../../src/models/demo/train/faq/entry.ts";
import { faq } from "../../../../src/models/demo/train/faq.ts";
import { type Exchange, letterExchange } from "../../../../src/models/demo/train/letters.ts";
import { type Random, randomFrom } from "../../../../src/models/demo/train/random.ts";
import {
  countExchange,
  listSummaryExchange,
  memoryExchanges,
  notesSummaryExchange,
  repeatExchange,
  textSummaryExchange,
  unknownExchange,
} from "../../../../src/models/demo/train/skills.ts";
import { storyHeldOut, storyTopics } from "../../../../src/models/demo/train/stories.ts";
import type { Conversation, Turn } from "../../../../src/models/demo/train/template.ts";
import { toolCallText } from "../../../../src/models/demo/train/template.ts";
import { toolSkills, toolTurns } from "../../../../src/models/demo/train/tools.ts";

/** One thing the demo model must do: a conversation that ends with the user, and what a right answer is. */
export interface Check {
  readonly skill: string;
  readonly conversation: Conversation;
  readonly expected: string;
  isRight(answer: string, tokens: number): boolean;
}

/** Corpus and checks never share a seed. */
const checkSeed = 1_000_003;
const system = "You are a helpful assistant.";

/** Every check, `perSkill` of each skill that is drawn at random; held-out phrasings are all there. */
export function allChecks(perSkill: number): Check[] {
  const random = randomFrom(checkSeed);
  const times = <T>(make: () => T): T[] => Array.from({ length: perSkill }, make);
  return [
    ...heldOut("faq", faq),
    ...heldOut("facts", factEntries),
    ...times(() => severalQuestions(random)),
    ...times(() => lateQuestion(random)),
    ...times(() => followUp(random)),
    ...times(() => memory(random)),
    ...storyTopics.slice(0, perSkill).map((noun) => story(noun)),
    ...times(() => exchange("list summary", listSummaryExchange(random))),
    ...times(() => exchange("notes summary", notesSummaryExchange(random))),
    ...times(() => exchange("text summary", textSummaryExchange(random))),
    ...times(() => letter(random)),
    ...times(() => exchange("repeat", repeatExchange(random))),
    ...times(() => exchange("count", countExchange(random))),
    ...times(() => toolUse(random, false)),
    ...times(() => toolUse(random, true)),
    ...times(() => exchange("don't know", unknownExchange(random))),
    ...freeLetters.map(freeLetter),
  ];
}

function heldOut(skill: string, entries: readonly FaqEntry[]): Check[] {
  return entries.flatMap((entry) =>
    entry.heldOut.map((user) => exchange(`${skill}, held-out phrasing`, { user, assistant: entry.answer })),
  );
}

function exchange(skill: string, { user, assistant }: Exchange, before: readonly Turn[] = []): Check {
  return {
    skill,
    conversation: { turns: [...before, { role: "user", content: user }] },
    expected: assistant,
    isRight: (answer) => answer === assistant,
  };
}

function severalQuestions(random: Random): Check {
  const entries = random.sample(
    faq.filter((entry) => !smallTalk.has(entry.id)),
    random.integer(2, 3),
  );
  const questions = entries.map((entry) => random.pick(entry.phrasings));
  const answers = entries.map((entry) => entry.answer);
  if (random.chance(0.4))
    return exchange("several questions, plain", { user: questions.join(" "), assistant: echoed(questions, answers) });
  const numbered = (lines: readonly string[]) => lines.map((line, index) => `${index + 1}. ${line}`).join("\n");
  return exchange("several questions, numbered", { user: numbered(questions), assistant: numbered(answers) });
}

const smallTalk = new Set(["hello", "thanks", "how-are-you", "goodbye"]);

/** The tenth question of a chat. */
function lateQuestion(random: Random): Check {
  const [last, ...entries] = random.sample([...faq, ...factEntries], 10);
  if (last === undefined) throw new RangeError("no questions");
  const before = entries.flatMap((entry): Turn[] => [
    { role: "user", content: random.pick(entry.phrasings) },
    { role: "assistant", content: entry.answer },
  ]);
  return exchange("late in a long chat", { user: random.pick(last.phrasings), assistant: last.answer }, before);
}

function followUp(random: Random): Check {
  const kind = random.pick(factKinds);
  const [first, second] = random.sample(kind.rows, 2);
  if (first === undefined || second === undefined) throw new RangeError("a fact kind needs two rows");
  const before: Turn[] = [
    { role: "user", content: fill(random.pick(kind.phrasings), first) },
    { role: "assistant", content: fill(kind.answer, first) },
  ];
  return exchange(
    "follow-up",
    { user: fill(random.pick(kind.followUps), second), assistant: fill(kind.answer, second) },
    before,
  );
}

function memory(random: Random): Check {
  const [told, asked] = memoryExchanges(random);
  const before: Turn[] = [
    { role: "user", content: told.user },
    { role: "assistant", content: told.assistant },
  ];
  return exchange("memory of an earlier turn", asked, before);
}

function story(noun: string): Check {
  const article = /^[aeiou]/.test(noun) ? "an" : "a";
  return {
    skill: "story",
    conversation: { turns: [{ role: "user", content: (storyHeldOut[0] ?? "").replace("{a}", `${article} ${noun}`) }] },
    expected: `150 to 300 tokens that name the ${noun} twice`,
    isRight: (answer, tokens) => tokens >= 150 && tokens <= 300 && answer.split(noun).length > 2,
  };
}

function letter(random: Random): Check {
  const { user, assistant } = letterExchange(random);
  const check = exchange("placeholders and names, copied", { user, assistant });
  const wanted = assistant.match(/\[[A-Z_]+_\d+\]/g) ?? [];
  if (wanted.length === 0) return check;
  return { ...check, isRight: (answer) => wanted.every((one) => answer.includes(one)) && noneInvented(user, answer) };
}

/** No placeholder in the answer that the prompt does not have. */
function noneInvented(user: string, answer: string): boolean {
  return (answer.match(/\[[A-Z_]+_\d+\]/g) ?? []).every((one) => user.includes(one));
}

/** Written by hand, in words the corpus does not use; each placeholder of the second part must be in the answer. */
const freeLetters: readonly (readonly [string, readonly string[]])[] = [
  ["Write a letter to [PERSON_47] and give [EMAIL_112] as the address for an answer.", ["[PERSON_47]"]],
  ["Please write a letter to [PERSON_305] and ask for a reply to [EMAIL_306].", ["[PERSON_305]", "[EMAIL_306]"]],
  [
    "Write a short e-mail to [PERSON_9] that says the report is ready. Sign it as [PERSON_10].",
    ["[PERSON_9]", "[PERSON_10]"],
  ],
  ["Compose a letter to [PERSON_871] about our project.", ["[PERSON_871]"]],
  [
    "Write an invitation to a party for [PERSON_52]. It is on Friday at [ADDRESS_53]. It is from [PERSON_54].",
    ["[PERSON_52]", "[ADDRESS_53]", "[PERSON_54]"],
  ],
  ["Draft a message to [PERSON_640]. Tell them to call [PHONE_641].", ["[PERSON_640]"]],
  ["My name is [PERSON_733]. What is my name?", ["[PERSON_733]"]],
  ["[PERSON_201] lives at [ADDRESS_202]. Where does [PERSON_201] live?", ["[ADDRESS_202]"]],
  ["Thank [PERSON_15] of [COMPANY_16] for the flowers.", ["[PERSON_15]", "[COMPANY_16]"]],
  ["Hello, I am [PERSON_418] from [PLACE_419].", ["[PERSON_418]"]],
];

function freeLetter([user, wanted]: readonly [string, readonly string[]]): Check {
  return {
    skill: "placeholders in free wording",
    conversation: { turns: [{ role: "user", content: user }] },
    expected: wanted.join(" "),
    isRight: (answer) => wanted.every((one) => answer.includes(one)) && noneInvented(user, answer),
  };
}

function toolUse(random: Random, hasResult: boolean): Check {
  const uses = random.sample(toolSkills, 2).map((skill) => skill(random));
  const use = random.pick(uses);
  const turns = toolTurns(use, true);
  const expected = hasResult ? use.answer : toolCallText(use.call);
  return {
    skill: hasResult ? "tool result used" : "tool call",
    conversation: { system, tools: uses.map(({ tool }) => tool), turns: turns.slice(0, hasResult ? 3 : 1) },
    expected,
    isRight: (answer) => answer === expected,
  };
}
