import { factEntries, factEntry, factKinds, fill } from "./facts.ts";
import type { FaqEntry } from "./faq/entry.ts";
import { faq } from "./faq.ts";
import { type Exchange, letterExchange } from "./letters.ts";
import type { Random } from "./random.ts";
import { rephrased } from "./rephrase.ts";
import {
  combineExchange,
  countExchange,
  listSummaryExchange,
  memoryExchanges,
  notesSummaryExchange,
  politeExchange,
  repeatExchange,
  storyExchange,
  textSummaryExchange,
  unknownExchange,
} from "./skills.ts";
import { type Conversation, defaultSystem, type Turn } from "./template.ts";
import { toolSkills, toolTurns } from "./tools.ts";

const systems = [
  defaultSystem,
  "You are a helpful assistant.",
  "You are a friendly assistant.",
  "You are PeerLLM's assistant.",
  "Answer briefly.",
  "Be concise.",
  "You are a helpful assistant. Answer in one sentence.",
  "You answer questions about PeerLLM.",
  "Answer the questions of the user.",
  "You are an assistant. Never reveal private data.",
];

/** What conversations are made of. */
export interface Mix {
  /** Most exchanges of one. */
  readonly exchangesMax: number;
  /** The share of exchanges that only repeat a text: it keeps the model copying. */
  readonly repeatShare: number;
}

/** A conversation of the corpus; the same stream of random numbers gives the same conversations. */
export function conversation(random: Random, mix: Mix): Conversation {
  if (random.chance(0.24)) return toolConversation(random);
  const exchanges: Exchange[] = [];
  const count = random.chance(0.3) ? 1 : random.integer(1, mix.exchangesMax);
  while (exchanges.length < count)
    exchanges.push(...(random.chance(mix.repeatShare) ? [repeatExchange(random)] : someExchanges(random)));
  return { ...someSystem(random), turns: exchanges.flatMap(turnsOf) };
}

function someSystem(random: Random): Pick<Conversation, "system"> {
  return random.chance(0.5) ? {} : { system: random.pick(systems) };
}

function turnsOf(exchange: Exchange): Turn[] {
  return [
    { role: "user", content: exchange.user },
    { role: "assistant", content: exchange.assistant },
  ];
}

function toolConversation(random: Random): Conversation {
  const uses = random.sample(toolSkills, random.integer(1, 3)).map((skill) => skill(random));
  const used = random.pick(uses);
  const tools = uses
    .map((use) => use.tool)
    .filter((tool, at, all) => all.findIndex((other) => other.name === tool.name) === at);
  const before = random.chance(0.3) ? turnsOf(questionExchange(random)) : [];
  const after = random.chance(0.3) ? turnsOf(questionExchange(random)) : [];
  const turns = toolTurns(used, random.chance(0.75));
  return { ...someSystem(random), tools, turns: [...before, ...turns, ...(turns.length > 2 ? after : [])] };
}

/** Usually one exchange; two or three where the later ones lean on the first. */
function someExchanges(random: Random): Exchange[] {
  const dice = random.integer(1, 100);
  if (dice <= 40) return [questionExchange(random)];
  if (dice <= 46) return followUpExchanges(random);
  if (dice <= 61) return [severalQuestions(random)];
  if (dice <= 73) return [letterExchange(random)];
  if (dice <= 79) return [listSummaryExchange(random)];
  if (dice <= 82) return [notesSummaryExchange(random)];
  if (dice <= 84) return [textSummaryExchange(random)];
  if (dice <= 85)
    return [
      combineExchange(
        random,
        someEntries(random, random.integer(2, 4)).map(({ answer }) => answer),
      ),
    ];
  if (dice <= 86) return [politeExchange(random)];
  if (dice <= 87) return [countExchange(random)];
  if (dice <= 88) return [mapExchange(random)];
  if (dice <= 92) return rememberedExchanges(random);
  if (dice <= 95) return [storyExchange(random)];
  return [unknownExchange(random)];
}

function someEntry(random: Random): FaqEntry {
  if (random.chance(0.66)) return random.pick(faq);
  if (random.chance(0.15)) return random.pick(factEntries);
  const kind = random.pick(factKinds);
  return factEntry(kind, random.pick(kind.rows));
}

function someEntries(random: Random, count: number): FaqEntry[] {
  const out: FaqEntry[] = [];
  while (out.length < count) {
    const entry = someEntry(random);
    if (!out.includes(entry)) out.push(entry);
  }
  return out;
}

/** Phrasings the model is measured on stay out of the corpus, also where a rule would make them. */
const reserved = new Set([...faq, ...factEntries].flatMap(({ heldOut }) => heldOut.map((text) => text.toLowerCase())));

function asked(entry: FaqEntry, random: Random): string {
  const question = random.pick(entry.phrasings);
  return random.chance(0.3) ? rephrased(question, reserved, random) : question;
}

function questionExchange(random: Random): Exchange {
  const entry = someEntry(random);
  return { user: dressed(asked(entry, random), random), assistant: entry.answer };
}

/** A question as people send it: with a greeting, a plea, a number, in lower case, without its mark. */
function dressed(question: string, random: Random): string {
  let text = question;
  if (random.chance(0.1)) text = text.toLowerCase();
  if (random.chance(0.1)) text = text.replace(/[.?!]$/, "");
  if (random.chance(0.75)) return text;
  return random.pick([
    `Please tell me: ${text}`,
    `Hi! ${text}`,
    `Hello, ${text}`,
    `Quick question: ${text}`,
    `${text} Thanks!`,
    `${text} Please answer briefly.`,
    `I have a question. ${text}`,
    `Answer this question: ${text}`,
    `1. ${text}`,
    `${random.integer(2, 9)}. ${text}`,
    `Question: ${text}`,
    `Answer the following question.\n\n${text}`,
    `I am new here. ${text}`,
    `- ${text}`,
    `Please answer these questions:\n1. ${text}`,
    `Can you help me? ${text}`,
    `${text} Answer in one sentence.`,
    `Context: I am writing a report about PeerLLM.\n\n${text}`,
  ]);
}

function severalQuestions(random: Random): Exchange {
  const entries = someEntries(random, random.pick([2, 2, 2, 3, 3, 4, 5]));
  const questions = entries.map((entry) => asked(entry, random));
  const answers = entries.map((entry) => entry.answer);
  const preamble = random.pick([
    "",
    "",
    "Please answer these questions:\n",
    "Answer the following questions:\n",
    "I have some questions:\n",
    "Questions:\n",
    "Please answer:\n\n",
  ]);
  const bullet = random.pick<(index: number) => string>([
    (index) => `${index + 1}. `,
    (index) => `${index + 1}. `,
    (index) => `${index + 1}) `,
    () => "- ",
  ]);
  if (random.chance(0.5)) {
    const number = (line: string, index: number) => `${bullet(index)}${line}`;
    return { user: preamble + questions.map(number).join("\n"), assistant: answers.map(number).join("\n") };
  }
  const assistant = echoed(questions, answers);
  if (random.chance(0.3)) return { user: preamble + questions.join("\n"), assistant };
  const link = random.pick([" ", " ", " And ", " Also, "]);
  const [first = "", ...rest] = questions;
  const linked = rest.map((question) => link + (link.length > 1 ? lowerFirst(question) : question));
  return { user: [first, ...linked].join(""), assistant };
}

/** Each question again before its answer: a small model can find what follows a text, it can't count what it has done. */
export function echoed(questions: readonly string[], answers: readonly string[]): string {
  return questions.map((question, index) => `${question} ${answers[index]}`).join("\n");
}

/** Words such as "What" lose their capital after "And"; names keep it. */
function lowerFirst(question: string): string {
  return /^(What|Which|How|Who|Where|When|Why|Is|Are|Can|Do|Does|Tell|Name|In|On|At|Explain|Describe|List)\b/.test(
    question,
  )
    ? question.charAt(0).toLowerCase() + question.slice(1)
    : question;
}

/** One instruction over several lines. */
function mapExchange(random: Random): Exchange {
  const [kind, ask] = random.pick(mappedKinds);
  const rows = random.sample(factKinds.find(({ id }) => id === kind)?.rows ?? [], random.integer(2, 5));
  const bullet = random.pick<(index: number) => string>([(index) => `${index + 1}. `, () => "- "]);
  return {
    user: `${random.pick(ask)}\n${rows.map(([x], index) => bullet(index) + x).join("\n")}`,
    assistant: rows.map(([, y], index) => bullet(index) + y).join("\n"),
  };
}

const mappedKinds: readonly (readonly [string, readonly string[]])[] = [
  [
    "capital",
    [
      "Name the capital of each country:",
      "Give the capital of each of these countries:",
      "For each country, name the capital:",
    ],
  ],
  [
    "opposite",
    [
      "Give the opposite of each word:",
      "Name the opposite of each of these words:",
      "For each word, give the opposite:",
    ],
  ],
  ["language", ["Name the language of each country:", "For each country, name the language:"]],
];

function followUpExchanges(random: Random): Exchange[] {
  const kind = random.pick(factKinds);
  const rows = random.sample(kind.rows, random.integer(2, 3));
  return rows.map((row, index) => ({
    user: fill(random.pick(index === 0 ? kind.phrasings : kind.followUps), row),
    assistant: fill(kind.answer, row),
  }));
}

function rememberedExchanges(random: Random): Exchange[] {
  const [told, asked] = memoryExchanges(random);
  const between = Array.from({ length: random.integer(0, 2) }, () => questionExchange(random));
  return [told, ...between, asked];
}
