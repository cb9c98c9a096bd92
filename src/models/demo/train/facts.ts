import type { FaqEntry } from "./faq/entry.ts";

/** A kind of simple fact: rows of [subject, value], asked in several forms. `{x}` is the subject, `{y}` the value, `{a}` and `{A}`
 * the subject's article. */
export interface FactKind {
  readonly id: string;
  readonly rows: readonly (readonly [string, string])[];
  readonly phrasings: readonly string[];
  readonly heldOut: readonly string[];
  readonly answer: string;
  /** How a second turn asks for another row; empty where that makes no sense. */
  readonly followUps: readonly string[];
}

const nextFollowUps = ["And after {x}?", "What about {x}?", "And {x}?"];
const weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

export const factKinds: readonly FactKind[] = [
  {
    id: "capital",
    rows: pairs(
      "France Paris, Italy Rome, Spain Madrid, Germany Berlin, Portugal Lisbon, Austria Vienna, Poland Warsaw, Greece Athens, Norway Oslo, Sweden Stockholm, Finland Helsinki, Denmark Copenhagen, Ireland Dublin, Hungary Budapest, Belgium Brussels, Switzerland Bern, Japan Tokyo, China Beijing, India Delhi, Egypt Cairo, Kenya Nairobi, Canada Ottawa, Cuba Havana, Peru Lima, Chile Santiago, Brazil Brasilia, Argentina Buenos-Aires, Australia Canberra, Turkey Ankara, Russia Moscow, Ukraine Kyiv, Iceland Reykjavik, England London, Scotland Edinburgh, Thailand Bangkok, Vietnam Hanoi, Iran Tehran, Iraq Baghdad, Morocco Rabat, Croatia Zagreb",
    ),
    phrasings: [
      "What is the capital of {x}?",
      "Do you know the capital of {x}?",
      "What city is {x}'s capital?",
      "Please name the capital of {x}.",
      "What's the capital of {x}?",
      "Name the capital of {x}.",
      "Which city is the capital of {x}?",
      "Tell me the capital of {x}.",
      "{x}'s capital is which city?",
      "capital of {x}",
    ],
    heldOut: ["Can you name the capital of {x}?", "What city is the capital of {x}?"],
    answer: "The capital of {x} is {y}.",
    followUps: ["And of {x}?", "And {x}?", "What about {x}?", "And the capital of {x}?"],
  },
  {
    id: "country",
    rows: pairs(
      "Paris France, Rome Italy, Madrid Spain, Berlin Germany, Lisbon Portugal, Vienna Austria, Athens Greece, Oslo Norway, Tokyo Japan, Cairo Egypt, Dublin Ireland, London England, Moscow Russia, Warsaw Poland, Milan Italy, Munich Germany, Lyon France, Kyoto Japan",
    ),
    phrasings: [
      "In which country is {x}?",
      "Which country is {x} in?",
      "Where is {x}?",
      "What country is {x} in?",
      "In what country does {x} lie?",
      "Tell me the country of {x}.",
      "Do you know where {x} is?",
      "{x} is in which country?",
      "Tell me where {x} is.",
      "Can you tell me where {x} is?",
    ],
    heldOut: ["Tell me which country {x} is in.", "In what country is {x}?"],
    answer: "{x} is in {y}.",
    followUps: ["And {x}?", "What about {x}?", "And where is {x}?"],
  },
  {
    id: "colour",
    rows: pairs(
      "sky blue, grass green, snow white, coal black, blood red, sun yellow, sea blue, moon white, night black, gold yellow, chocolate brown, milk white, ink black, wood brown, silver grey",
    ),
    phrasings: [
      "What colour is {x}?",
      "What color is {x}?",
      "What is the colour of {x}?",
      "Which colour does {x} have?",
      "Tell me the colour of {x}.",
      "What colour is the {x}?",
      "What color is the {x}?",
      "Which color is the {x}?",
    ],
    heldOut: ["What is the color of {x}?", "Which colour is the {x}?"],
    answer: "The colour of {x} is {y}.",
    followUps: ["And {x}?", "What about {x}?", "And the {x}?"],
  },
  {
    id: "fruit-colour",
    rows: pairs(
      "banana yellow, lemon yellow, tomato red, cherry red, strawberry red, lime green, cucumber green, plum purple, carrot orange, blueberry blue, pumpkin orange, elephant grey, frog green, swan white, crow black, bear brown, flamingo pink, mouse grey",
    ),
    phrasings: [
      "What colour is {a} {x}?",
      "What color is {a} {x}?",
      "Which colour is {a} {x}?",
      "What is the colour of {a} {x}?",
      "Which color does {a} {x} have?",
    ],
    heldOut: ["What is the color of {a} {x}?", "What colour does {a} {x} have?"],
    answer: "{A} {x} is {y}.",
    followUps: ["And {a} {x}?", "What about {a} {x}?"],
  },
  {
    id: "day-after",
    rows: weekdays.map((day, index) => [day, weekdays[(index + 1) % 7] ?? ""] as const),
    phrasings: [
      "Which day comes after {x}?",
      "What day comes after {x}?",
      "What day follows {x}?",
      "Which day is after {x}?",
      "What is the day after {x}?",
      "Tell me the day after {x}.",
      "What weekday comes after {x}?",
    ],
    heldOut: ["Which weekday comes after {x}?", "Which day follows {x}?"],
    answer: "The day after {x} is {y}.",
    followUps: nextFollowUps,
  },
  {
    id: "day-before",
    rows: weekdays.map((day, index) => [day, weekdays[(index + 6) % 7] ?? ""] as const),
    phrasings: [
      "Which day comes before {x}?",
      "What day comes before {x}?",
      "Which day is before {x}?",
      "What is the day before {x}?",
      "Tell me the day before {x}.",
      "What weekday comes before {x}?",
    ],
    heldOut: ["Which weekday comes before {x}?", "What day is before {x}?"],
    answer: "The day before {x} is {y}.",
    followUps: ["And before {x}?"],
  },
  {
    id: "month-after",
    rows: months.map((month, index) => [month, months[(index + 1) % 12] ?? ""] as const),
    phrasings: [
      "Which month comes after {x}?",
      "What month comes after {x}?",
      "What month follows {x}?",
      "Which month is after {x}?",
      "What is the month after {x}?",
      "Tell me the month after {x}.",
      "After {x} comes which month?",
    ],
    heldOut: ["Tell me which month comes after {x}.", "Which month follows {x}?"],
    answer: "The month after {x} is {y}.",
    followUps: nextFollowUps,
  },
  {
    id: "opposite",
    rows: pairs(
      "hot cold, big small, up down, left right, day night, black white, fast slow, old new, good bad, high low, open closed, wet dry, full empty, light dark, early late, hard soft, rich poor, happy sad, loud quiet, long short, first last, strong weak, near far, true false, in out, clean dirty, heavy light, easy difficult, always never, begin end, push pull, buy sell, win lose, top bottom, inside outside, love hate",
    ),
    phrasings: [
      "What is the opposite of {x}?",
      "What word means the opposite of {x}?",
      "Can you give me the opposite of {x}?",
      "What's the opposite of {x}?",
      "Name the opposite of {x}.",
      "Which word is the opposite of {x}?",
      "Tell me the opposite of {x}.",
      "opposite of {x}",
    ],
    heldOut: ["Can you tell me the opposite of {x}?", "What word is the opposite of {x}?"],
    answer: "The opposite of {x} is {y}.",
    followUps: ["And of {x}?", "And {x}?", "What about {x}?"],
  },
  {
    id: "sound",
    rows: pairs(
      "cow moo, dog woof, cat meow, sheep baa, duck quack, lion roar, pig oink, owl hoot, bee buzz, snake hiss",
    ),
    phrasings: [
      "What does {a} {x} say?",
      "Which sound does {a} {x} make?",
      "What sound does {a} {x} make?",
      "What noise does {a} {x} make?",
      "What is the sound of {a} {x}?",
      "How does {a} {x} go?",
      "Which sound has {a} {x}?",
    ],
    heldOut: ["How does {a} {x} sound?", "Which noise does {a} {x} make?"],
    answer: "{A} {x} says {y}.",
    followUps: ["And {a} {x}?", "What about {a} {x}?"],
  },
  {
    id: "legs",
    rows: pairs(
      "dog four, cat four, horse four, cow four, spider eight, ant six, bee six, bird two, chicken two, snake no, fish no, table four",
    ),
    phrasings: [
      "How many legs does {a} {x} have?",
      "How many legs has {a} {x}?",
      "What is the number of legs of {a} {x}?",
      "Tell me how many legs {a} {x} has.",
      "Do you know how many legs {a} {x} has?",
      "Count the legs of {a} {x}.",
      "How many legs are on {a} {x}?",
      "{A} {x} has how many feet?",
    ],
    heldOut: ["How many legs are there on {a} {x}?", "{A} {x} has how many legs?"],
    answer: "{A} {x} has {y} legs.",
    followUps: ["And {a} {x}?", "What about {a} {x}?"],
  },
  {
    id: "baby",
    rows: pairs(
      "cat kitten, dog puppy, cow calf, sheep lamb, horse foal, duck duckling, bear cub, frog tadpole, goat kid, pig piglet, swan cygnet, hen chick",
    ),
    phrasings: [
      "What is a young {x} called?",
      "What is a baby {x} called?",
      "What do you call a young {x}?",
      "What do you call a baby {x}?",
      "What is the name of a young {x}?",
      "How do you call a young {x}?",
      "What's the word for a young {x}?",
    ],
    heldOut: ["How is a young {x} called?", "What's the name for a baby {x}?"],
    answer: "A young {x} is called a {y}.",
    followUps: ["And a young {x}?", "And {a} {x}?"],
  },
  {
    id: "language",
    rows: pairs(
      "France French, Italy Italian, Spain Spanish, Germany German, Portugal Portuguese, Poland Polish, Greece Greek, Norway Norwegian, Sweden Swedish, Japan Japanese, China Chinese, Brazil Portuguese, Mexico Spanish, Austria German, Egypt Arabic, Russia Russian, Turkey Turkish, England English",
    ),
    phrasings: [
      "Which language is spoken in {x}?",
      "What language do people speak in {x}?",
      "What is the language of {x}?",
      "What language is spoken in {x}?",
      "What do people speak in {x}?",
      "Which language do the people of {x} speak?",
      "What language do they speak in {x}?",
    ],
    heldOut: ["Which language do they speak in {x}?", "Which language do people speak in {x}?"],
    answer: "People in {x} speak {y}.",
    followUps: ["And in {x}?", "What about {x}?"],
  },
  {
    id: "sum",
    rows: Array.from({ length: 100 }, (_, index) => {
      const [a, b] = [Math.floor(index / 10), index % 10];
      return [`${a} + ${b}`, String(a + b)] as const;
    }),
    phrasings: [
      "What is {x}?",
      "How much is {x}?",
      "{x} = ?",
      "Calculate {x}.",
      "Please calculate {x}.",
      "Tell me the result of {x}.",
      "What does {x} make?",
      "Add up {x}.",
      "What's {x}?",
    ],
    heldOut: ["Can you calculate {x}?", "Tell me what {x} is."],
    answer: "{x} = {y}.",
    followUps: ["And {x}?"],
  },
];

const singleFacts: readonly FaqEntry[] = [
  single(
    "days-week",
    "A week has seven days.",
    ["How many days are in a week?", "How many days does a week have?", "How long is a week?"],
    ["How many days are there in a week?"],
  ),
  single(
    "months-year",
    "A year has twelve months.",
    ["How many months are in a year?", "How many months does a year have?", "How long is a year?"],
    ["How many months are there in a year?"],
  ),
  single(
    "hours-day",
    "A day has 24 hours.",
    ["How many hours are in a day?", "How many hours does a day have?", "How long is a day?"],
    ["How many hours are there in a day?"],
  ),
  single(
    "minutes-hour",
    "An hour has 60 minutes.",
    ["How many minutes are in an hour?", "How many minutes does an hour have?", "How long is an hour?"],
    ["How many minutes are there in an hour?"],
  ),
  single(
    "continents",
    "There are seven continents.",
    ["How many continents are there?", "What is the number of continents?", "How many continents does the Earth have?"],
    ["Tell me how many continents there are."],
  ),
  single(
    "planet",
    "We live on the planet Earth.",
    ["On which planet do we live?", "Which planet do we live on?", "What planet are we on?"],
    ["What planet do we live on?"],
  ),
  single(
    "biggest-planet",
    "The largest planet of the solar system is Jupiter.",
    ["What is the largest planet?", "Which planet is the biggest?", "What is the biggest planet?"],
    ["Which is the largest planet?"],
  ),
  single(
    "red-planet",
    "The red planet is Mars.",
    ["Which planet is called the red planet?", "What is the red planet?", "Which planet is red?"],
    ["What planet is known as the red planet?"],
  ),
  single(
    "ocean",
    "The largest ocean is the Pacific Ocean.",
    ["What is the largest ocean?", "Which ocean is the largest?", "What is the biggest ocean?"],
    ["Which ocean is the biggest?"],
  ),
  single(
    "mountain",
    "The highest mountain is Mount Everest.",
    ["What is the highest mountain?", "Which mountain is the highest?", "What is the tallest mountain?"],
    ["Which mountain is the tallest?"],
  ),
  single(
    "ice",
    "Water freezes at 0 degrees Celsius.",
    ["When does water freeze?", "At what temperature does water freeze?", "What is the freezing point of water?"],
    ["At which temperature does water freeze?"],
  ),
  single(
    "boil",
    "Water boils at 100 degrees Celsius.",
    ["When does water boil?", "At what temperature does water boil?", "What is the boiling point of water?"],
    ["At which temperature does water boil?"],
  ),
  single(
    "alphabet",
    "The English alphabet has 26 letters.",
    ["How many letters are in the alphabet?", "How many letters does the alphabet have?", "How long is the alphabet?"],
    ["How many letters are there in the alphabet?"],
  ),
  single(
    "rainbow",
    "A rainbow has seven colours.",
    [
      "How many colours does a rainbow have?",
      "How many colors are in a rainbow?",
      "How many colours are in a rainbow?",
    ],
    ["How many colours are there in a rainbow?"],
  ),
  single(
    "sun-rises",
    "The sun rises in the east.",
    ["Where does the sun rise?", "In which direction does the sun rise?", "Where does the sun come up?"],
    ["On which side does the sun rise?"],
  ),
  single(
    "triangle",
    "A triangle has three sides.",
    [
      "How many sides does a triangle have?",
      "How many sides has a triangle?",
      "How many corners does a triangle have?",
    ],
    ["How many sides are there in a triangle?"],
  ),
];

/** Every simple fact as a question with an answer. */
export const factEntries: readonly FaqEntry[] = [
  ...factKinds.flatMap((kind) => kind.rows.map((row) => factEntry(kind, row))),
  ...singleFacts,
];

export function factEntry(kind: FactKind, row: readonly [string, string]): FaqEntry {
  return {
    id: `${kind.id}-${row[0].replaceAll(" ", "")}`,
    phrasings: kind.phrasings.map((form) => fill(form, row)),
    heldOut: kind.heldOut.map((form) => fill(form, row)),
    answer: fill(kind.answer, row),
  };
}

export function fill(form: string, [x, y]: readonly [string, string]): string {
  const article = /^[aeiou]/.test(x) ? "an" : "a";
  return form
    .replaceAll("{a}", article)
    .replaceAll("{A}", article === "an" ? "An" : "A")
    .replaceAll("{x}", x)
    .replaceAll("{y}", y);
}

function single(id: string, answer: string, phrasings: readonly string[], heldOut: readonly string[]): FaqEntry {
  return { id, phrasings, heldOut, answer };
}

/** Reads "France Paris, Argentina Buenos-Aires": two words each, a hyphen for a space inside one. */
function pairs(text: string): [string, string][] {
  return text.split(", ").map((pair) => {
    const [x = "", y = ""] = pair.split(" ");
    return [x.replaceAll("-", " "), y.replaceAll("-", " ")];
  });
}
