import type { Random } from "./random.ts";

export type EntityKind = "person" | "email" | "phone" | "address" | "location" | "organisation" | "date" | "other";

/** What each kind is called inside a placeholder: first the nouns PeerLLM writes, then what others do. */
const placeholderNouns: Readonly<Record<EntityKind, readonly [readonly string[], readonly string[]]>> = {
  person: [["PERSON"], ["NAME", "PER"]],
  email: [["EMAIL"], ["EMAIL_ADDRESS", "MAIL"]],
  phone: [["PHONE"], ["PHONE_NUMBER", "TEL"]],
  address: [["ADDRESS"], ["STREET", "STREET_ADDRESS"]],
  location: [
    ["PLACE", "LOCATION"],
    ["CITY", "LOC"],
  ],
  organisation: [
    ["COMPANY", "ORG"],
    ["ORGANIZATION", "ORGANISATION"],
  ],
  date: [["DATE"], ["DATE_OF_BIRTH", "BIRTH_DATE", "DOB"]],
  other: [
    ["NUMBER", "ACCOUNT", "CODE", "LINK", "HOST", "DEVICE", "PATH", "TERM", "TEXT"],
    [
      "CARD",
      "CREDIT_CARD",
      "IBAN",
      "SSN",
      "ID",
      "NATIONAL_ID",
      "IP",
      "MAC",
      "URL",
      "SECRET",
      "API_KEY",
      "KEY",
      "CRYPTO",
      "WORD",
    ],
  ],
};

/** A placeholder such as [PERSON_47]. */
export function placeholder(random: Random, kind: EntityKind, index = placeholderIndex(random)): string {
  const [usual, unusual] = placeholderNouns[kind];
  const dice = random.integer(1, 100);
  const noun =
    dice <= 80
      ? random.pick(usual)
      : dice <= 95
        ? random.pick(unusual)
        : letters(random, random.integer(3, 8)).toUpperCase();
  return `[${noun}_${index}]`;
}

/** From 1 to 999, its number of digits chosen first; three are the most usual. */
function placeholderIndex(random: Random): number {
  const digits = random.pick([1, 2, 2, 3, 3, 3]);
  return random.integer(10 ** (digits - 1), 10 ** digits - 1);
}

/** A value as people write it. */
export function realValue(random: Random, kind: EntityKind): string {
  switch (kind) {
    case "person":
      return random.chance(0.5) ? firstName(random) : `${firstName(random)} ${lastName(random)}`;
    case "email":
      return `${firstName(random).toLowerCase()}${random.pick([".", "_", ""])}${lastName(random).toLowerCase()}@${word(random)}.${random.pick(["com", "org", "net", "example", "de", "io"])}`;
    case "phone":
      return `+${random.integer(1, 99)} ${random.integer(100, 999)} ${random.integer(1000, 999_999)}`;
    case "address":
      return `${random.integer(1, 299)} ${capital(word(random))} ${random.pick(["Street", "Road", "Lane", "Avenue"])}`;
    case "location":
      return random.chance(0.5) ? random.pick(cities) : capital(word(random));
    case "organisation":
      return `${capital(word(random))} ${random.pick(["Ltd", "Inc", "Group", "Bank", "Labs", "School"])}`;
    case "date":
      return `${random.integer(1, 28)} ${random.pick(["January", "March", "May", "June", "July", "October"])} ${random.integer(1950, 2030)}`;
    case "other":
      return `${letters(random, 2).toUpperCase()}${random.integer(1000, 99_999)}`;
    default:
      return kind satisfies never;
  }
}

/**
 * Placeholders for a whole text or none: a prompt is masked or it is not. Values of one text differ. Indices mostly run
 * upwards from a base of three digits, as PeerLLM numbers them.
 */
export function entityMaker(random: Random): (kind: EntityKind) => string {
  const isMasked = random.chance(0.72);
  const used = new Set<string>();
  let running = random.chance(0.6) ? random.integer(100, 960) : undefined;
  return (kind) => {
    while (true) {
      const index = running ?? placeholderIndex(random);
      const value = isMasked ? placeholder(random, kind, index) : realValue(random, kind);
      if (used.has(value)) continue;
      used.add(value);
      if (running !== undefined) running += 1;
      return value;
    }
  };
}

const cities = [
  "Paris",
  "Rome",
  "Madrid",
  "Berlin",
  "Lisbon",
  "Vienna",
  "Oslo",
  "London",
  "Boston",
  "Chicago",
  "Tokyo",
  "Cairo",
  "Dublin",
  "Prague",
  "Zurich",
  "Toronto",
  "Sydney",
  "Mumbai",
  "Lagos",
  "Lima",
];
const firstNames = [
  "Anna",
  "Ben",
  "Clara",
  "David",
  "Emma",
  "Felix",
  "Grace",
  "Henry",
  "Ida",
  "Jack",
  "Karen",
  "Liam",
  "Maria",
  "Noah",
  "Olivia",
  "Paul",
  "Rosa",
  "Sam",
  "Tina",
  "Victor",
  "Wendy",
  "Yusuf",
  "Zoe",
  "Alice",
  "Bob",
  "Carol",
  "John",
  "Jane",
  "Peter",
  "Laura",
];
const lastNames = [
  "Smith",
  "Jones",
  "Miller",
  "Brown",
  "Garcia",
  "Schmidt",
  "Rossi",
  "Novak",
  "Silva",
  "Khan",
  "Lee",
  "Chen",
  "Martin",
  "Weber",
  "Larsen",
  "Doe",
  "Johnson",
  "Clark",
  "Moreau",
  "Popov",
];

export function firstName(random: Random): string {
  return random.chance(0.6) ? random.pick(firstNames) : capital(word(random));
}

function lastName(random: Random): string {
  return random.chance(0.6) ? random.pick(lastNames) : capital(word(random));
}

export function city(random: Random): string {
  return random.chance(0.6) ? random.pick(cities) : capital(word(random));
}

/** A made-up word of two to four syllables. */
export function word(random: Random): string {
  let text = "";
  const syllables = random.integer(2, 4);
  for (let index = 0; index < syllables; index++) {
    text += random.pick([..."bcdfghjklmnprstvwz", "st", "br", "ch", "tr"]) + random.pick([..."aeiou"]);
    if (random.chance(0.3)) text += random.pick([..."nrslmt"]);
  }
  return text;
}

function letters(random: Random, count: number): string {
  return Array.from({ length: count }, () => random.pick([..."abcdefghijklmnopqrstuvwxyz"])).join("");
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
