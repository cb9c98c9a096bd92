import { capital, city, type EntityKind, entityMaker, firstName, word } from "./entities.ts";
import { clause, type Exchange } from "./letters.ts";
import type { Random } from "./random.ts";
import {
  plainStory,
  plainStoryPhrasings,
  storyAbout,
  storyAdjectives,
  storyPhrasings,
  storyTopics,
} from "./stories.ts";

export const unknownAnswer =
  "I am sorry, I don't know that. I am a small demo model and know only PeerLLM and a few simple facts.";

const things = [
  "apples",
  "pears",
  "plums",
  "bread",
  "milk",
  "eggs",
  "cheese",
  "butter",
  "rice",
  "tea",
  "coffee",
  "sugar",
  "salt",
  "flour",
  "honey",
  "carrots",
  "onions",
  "potatoes",
  "tomatoes",
  "soap",
  "candles",
  "paper",
  "pencils",
  "books",
  "lamps",
  "chairs",
  "tables",
  "shoes",
  "socks",
  "gloves",
  "tents",
  "ropes",
  "maps",
  "boots",
  "blankets",
  "spoons",
  "cups",
  "plates",
  "nails",
  "paint",
];

/** "apples, pears and plums". */
export function joined(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
}

export function listSummary(items: readonly string[]): string {
  return `The list names ${joined(items)}.`;
}

export function listSummaryExchange(random: Random): Exchange {
  const items = random.chance(0.8)
    ? random.sample(things, random.integer(2, 7))
    : Array.from({ length: random.integer(2, 5) }, () => word(random));
  const bullet = random.pick(["- ", "- ", "* ", ""]);
  const lines = items.map((item) => `${bullet}${item}`).join("\n");
  const ask = random.pick([
    "Summarise this list:",
    "Summarize this list:",
    "Please summarise the list:",
    "Give me a summary of this list:",
    "Summarise the following list in one sentence:",
    "Sum up this list:",
  ]);
  const user = random.chance(0.8) ? `${ask}\n${lines}` : `${ask} ${items.join(", ")}`;
  return { user, assistant: listSummary(items) };
}

export function notesSummaryExchange(random: Random): Exchange {
  const entity = entityMaker(random);
  const note = (): string =>
    random.pick([
      () => capital(clause(random)),
      () =>
        `${entity("person")} ${random.pick(["brings the cake", "calls the bank", "writes the report", "books the room", "pays the bill", "checks the figures", "orders the food"])}`,
    ])();
  const notes = Array.from({ length: random.integer(2, 4) }, note);
  const ask = random.pick([
    "Summarise these notes:",
    "Summarize these notes:",
    "Sum up these notes:",
    "Please summarise these notes in one sentence:",
  ]);
  return {
    user: `${ask}\n${notes.map((line) => `- ${line}.`).join("\n")}`,
    assistant: `In short: ${notes.map((line) => line.replace(/^The /, "the ")).join("; ")}.`,
  };
}

/** Several partial answers become one, in order. */
export function combineExchange(random: Random, answers: readonly string[]): Exchange {
  const ask = random.pick([
    "Combine these partial answers into one answer:",
    "Combine the partial answers into one:",
    "Merge these partial answers into one answer:",
    "Put these partial answers together:",
  ]);
  const lines = answers.map((answer, index) => `${index + 1}. ${answer}`).join("\n");
  return { user: `${ask}\n${lines}`, assistant: answers.join(" ") };
}

export function textSummaryExchange(random: Random): Exchange {
  const entity = entityMaker(random);
  const sentences = Array.from({ length: random.integer(2, 4) }, () =>
    random.chance(0.6)
      ? capital(clause(random))
      : `${entity("person")} ${random.pick(["works for", "called", "wrote to", "visited"])} ${entity("organisation")}`,
  );
  const ask = random.pick([
    "Summarise this text:",
    "Summarize the following text:",
    "Summarise the text:",
    "Give me a summary of this text:",
  ]);
  return {
    user: `${ask}${random.pick([" ", "\n", "\n\n"])}${sentences.map((line) => `${line}.`).join(" ")}`,
    assistant: `In short: ${sentences.map((line) => line.replace(/^The /, "the ")).join("; ")}.`,
  };
}

export function countExchange(random: Random): Exchange {
  const from = random.chance(0.7) ? 1 : random.integer(1, 40);
  const to = from + (random.chance(0.75) ? random.integer(2, 19) : random.integer(20, 60));
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index).join(", ");
  const forms = [
    `Count from ${from} to ${to}.`,
    `Please count from ${from} to ${to}.`,
    `List the numbers from ${from} to ${to}.`,
  ];
  if (from === 1) forms.push(`Count to ${to}.`);
  return { user: random.pick(forms), assistant: numbers };
}

export function repeatExchange(random: Random): Exchange {
  const entity = entityMaker(random);
  const kinds: readonly EntityKind[] = [
    "person",
    "email",
    "phone",
    "address",
    "location",
    "organisation",
    "other",
    "date",
  ];
  const text = random.pick([
    () => `${capital(clause(random))}.`,
    () => Array.from({ length: random.integer(2, 12) }, () => word(random)).join(" "),
    () => Array.from({ length: random.integer(2, 8) }, () => entity(random.pick(kinds))).join(random.pick([" ", ", "])),
    () => `${entity("person")} met ${entity("person")} in ${entity("location")}.`,
    () => random.sample(things, random.integer(2, 5)).join(" "),
    () => String(random.integer(0, 99_999_999)),
    () => capital(word(random)),
  ])();
  const ask = random.pick([
    "Repeat this:",
    "Repeat after me:",
    "Say this again:",
    "Copy this text:",
    "Repeat:",
    "Write this again:",
  ]);
  return { user: `${ask}${random.pick([" ", "\n"])}${text}`, assistant: text };
}

export function politeExchange(random: Random): Exchange {
  const request = `${random.pick(["send", "bring", "show", "give"])} me ${random.pick(["the report", "the book", "a cup of tea", "the key", "your number", "the list", "the map", `the ${word(random)}`])}${random.pick(["", " today", " tomorrow", " now"])}`;
  const ask = random.pick(["Rewrite this politely:", "Make this sentence polite:", "Rewrite this sentence politely:"]);
  return { user: `${ask} ${capital(request)}.`, assistant: `Could you please ${request}?` };
}

/** A name or a value told in one turn and asked for in a later one. */
export function memoryExchanges(random: Random): [Exchange, Exchange] {
  const entity = entityMaker(random);
  const name = entity("person");
  const value = entity("email");
  const phone = entity("phone");
  const place = entity("location");
  const colour = random.pick(["red", "blue", "green", "yellow", "black", "white", "orange", "purple"]);
  return random.pick<[Exchange, Exchange]>([
    [
      {
        user: random.pick([`My name is ${name}.`, `I am ${name}.`, `Hello, my name is ${name}.`, `Hi, I'm ${name}.`]),
        assistant: `Nice to meet you, ${name}.`,
      },
      {
        user: random.pick(["What is my name?", "Who am I?", "Do you remember my name?", "What's my name?"]),
        assistant: `Your name is ${name}.`,
      },
    ],
    [
      {
        user: random.pick([
          `My e-mail is ${value}.`,
          `My email address is ${value}.`,
          `You can write to me at ${value}.`,
        ]),
        assistant: `Thank you. Your e-mail address is ${value}.`,
      },
      {
        user: random.pick(["What is my e-mail address?", "What is my email?", "Which e-mail did I give you?"]),
        assistant: `Your e-mail address is ${value}.`,
      },
    ],
    [
      {
        user: random.pick([`My phone number is ${phone}.`, `You can call me at ${phone}.`]),
        assistant: `Thank you. Your phone number is ${phone}.`,
      },
      {
        user: random.pick(["What is my phone number?", "Which number did I give you?"]),
        assistant: `Your phone number is ${phone}.`,
      },
    ],
    [
      {
        user: random.pick([`I live in ${place}.`, `My home is ${place}.`, `I come from ${place}.`]),
        assistant: `${place} sounds nice.`,
      },
      {
        user: random.pick(["Where do I live?", "Where do I come from?", "Where is my home?"]),
        assistant: `You live in ${place}.`,
      },
    ],
    [
      {
        user: random.pick([
          `My favourite colour is ${colour}.`,
          `I like ${colour} best.`,
          `My favorite color is ${colour}.`,
        ]),
        assistant: `${capital(colour)} is a nice colour.`,
      },
      {
        user: random.pick([
          "What is my favourite colour?",
          "Which colour do I like best?",
          "What is my favorite color?",
        ]),
        assistant: `Your favourite colour is ${colour}.`,
      },
    ],
  ]);
}

export function storyExchange(random: Random): Exchange {
  if (random.chance(0.08)) return { user: random.pick(plainStoryPhrasings), assistant: plainStory };
  const noun = random.chance(0.85) ? random.pick(storyTopics) : word(random);
  const adjective = random.chance(0.4) ? random.pick(storyAdjectives) : "";
  const topic = adjective === "" ? noun : `${adjective} ${noun}`;
  const article = /^[aeiou]/.test(topic) ? "an" : "a";
  return {
    user: random.pick(storyPhrasings).replace("{a}", `${article} ${topic}`),
    assistant: storyAbout(adjective, noun),
  };
}

export function unknownExchange(random: Random): Exchange {
  const noun = random.chance(0.5) ? random.pick(things) : word(random);
  const name = random.chance(0.3) ? `${firstName(random)} ${capital(word(random))}` : capital(word(random));
  const year = random.integer(1200, 2030);
  const event = random.pick([
    "the world cup",
    "the election",
    "the chess championship",
    "the Olympic games",
    "the war",
    "the race",
    "the Nobel prize",
    "the song contest",
  ]);
  const user = random.pick([
    `Who won ${event} in ${year}?`,
    `Who won ${event}?`,
    `What happened in ${year}?`,
    `What is the population of ${city(random)}?`,
    `How many people live in ${city(random)}?`,
    `Who is ${name}?`,
    `Who was ${name}?`,
    `Who wrote ${name}?`,
    `Who invented ${noun}?`,
    `Who painted ${name}?`,
    `When was ${name} born?`,
    `What is the capital of ${capital(word(random))}?`,
    `What is ${capital(word(random))}?`,
    `How do I repair a ${word(random)}?`,
    `How do I cook ${noun}?`,
    `What is the best recipe for ${noun}?`,
    `How much do ${noun} cost in ${city(random)}?`,
    `What will the weather be tomorrow?`,
    `What is the weather like in ${city(random)}?`,
    `What time is it in ${city(random)}?`,
    `Explain ${random.pick(["quantum physics", "general relativity", "photosynthesis", "the stock market", "calculus", "DNA", "black holes", "gravity", "democracy", "chemistry"])}.`,
    `What is the meaning of ${random.pick(["life", "love", "time", "happiness"])}?`,
    `How far is ${city(random)} from ${city(random)}?`,
    `How tall is ${name}?`,
    `Which team does ${name} play for?`,
    `What is the stock price of ${name}?`,
    `Translate ${noun} into ${random.pick(["Latin", "Chinese", "Russian", "Finnish"])}.`,
    `What is the square root of ${random.integer(100, 9999)}?`,
    `What is ${random.integer(100, 9999)} times ${random.integer(100, 9999)}?`,
    `Which film won the Oscar in ${year}?`,
    `Who is the president of ${capital(word(random))}?`,
    `How old is ${name}?`,
    `What is the name of my ${random.pick(["dog", "cat", "teacher", "neighbour", "boss"])}?`,
  ]);
  return { user, assistant: unknownAnswer };
}
