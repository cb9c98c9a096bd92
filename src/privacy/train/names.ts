import { familyNames } from "../lexicon/family-names.ts";
import { givenNames } from "../lexicon/given-names.ts";
import { cities, countries } from "../lexicon/places.ts";
import type { Random } from "./random.ts";

const givenList = [...givenNames];
const familyList = [...familyNames];
const placeList = [...cities, ...cities, ...countries];
const townEndings = [
  "ville",
  "burg",
  "ton",
  "grad",
  "stad",
  "pur",
  "abad",
  "kirchen",
  "ford",
  "field",
  "mouth",
  "bury",
  "borough",
  "hausen",
  "heim",
  "sund",
  "vik",
  "ovo",
  "ice",
  "ów",
  "sk",
  "polis",
  "wick",
  "dorf",
  "by",
  "mar",
  "co",
  "ia",
  "ua",
  "ne",
  "ac",
  "ana",
  "yama",
  "shi",
  "zhou",
  "nagar",
];
const townFronts = [
  "New ",
  "San ",
  "Santa ",
  "Port ",
  "Saint-",
  "St. ",
  "El ",
  "La ",
  "Upper ",
  "North ",
  "South ",
  "East ",
  "Fort ",
  "Lake ",
  "Mount ",
  "Bad ",
  "Villa ",
  "Nova ",
  "Novi ",
  "Al ",
];
const companyEndings = [
  "Inc.",
  "Inc",
  "Ltd",
  "Ltd.",
  "LLC",
  "GmbH",
  "AG",
  "PLC",
  "Corp.",
  "Corporation",
  "Group",
  "Holdings",
  "& Co",
  "S.A.",
  "S.r.l.",
  "BV",
  "AB",
  "Oy",
  "Partners",
  "& Sons",
  "Technologies",
  "Systems",
  "Solutions",
  "Software",
  "Labs",
  "Bank",
  "Insurance",
  "Logistics",
  "Foods",
  "Media",
  "Pharma",
  "Energy",
  "Motors",
  "Consulting",
  "Industries",
  "Foundation",
  "Bakery",
  "Clinic",
  "Associates",
];
const companyStems = [
  "Blue",
  "North",
  "Bright",
  "Nova",
  "Data",
  "Green",
  "Alpha",
  "Omni",
  "Sun",
  "Iron",
  "Micro",
  "Inter",
  "Euro",
  "Pan",
  "Tele",
  "Bio",
  "Geo",
  "Agri",
  "Medi",
  "Fin",
  "Cyber",
  "Astro",
  "Terra",
  "Aqua",
  "Vita",
  "Opti",
  "Prime",
  "Apex",
  "Quant",
  "Cloud",
];
const companyTails = [
  "wave",
  "tech",
  "soft",
  "ware",
  "gen",
  "ix",
  "ora",
  "ly",
  "ify",
  "point",
  "bridge",
  "star",
  "stone",
  "works",
  "mart",
  "net",
  "link",
  "path",
  "dyne",
  "corp",
  "tron",
  "max",
  "era",
  "ics",
  "lab",
  "hub",
];
const particles = [
  "van",
  "van der",
  "von",
  "de",
  "de la",
  "del",
  "di",
  "da",
  "dos",
  "bin",
  "ibn",
  "al",
  "el",
  "ter",
  "le",
  "du",
];

export function givenName(random: Random): string {
  const name = random.chance(0.5) ? random.pick(givenList) : blend(random, givenList);
  return random.chance(0.05) ? `${capitalised(name)}-${capitalised(random.pick(givenList))}` : capitalised(name);
}

export function familyName(random: Random): string {
  const name = capitalised(random.chance(0.5) ? random.pick(familyList) : blend(random, familyList));
  if (random.chance(0.05)) return `${random.pick(particles)} ${name}`;
  return random.chance(0.04) ? `${name}-${capitalised(random.pick(familyList))}` : name;
}

export function fullName(random: Random): string {
  const given = givenName(random);
  const family = familyName(random);
  const form = random.next();
  if (form < 0.74) return `${given} ${family}`;
  if (form < 0.84) return `${given} ${capitalised(random.pick(familyList)).charAt(0)}. ${family}`;
  if (form < 0.87) return `${given} ${capitalised(random.pick(givenList)).charAt(0)} ${family}`;
  if (form < 0.92) return `${given} ${givenName(random)} ${family}`;
  if (form < 0.95) return `${given.charAt(0)}. ${family}`;
  if (form < 0.98) return `${given} ${family} ${familyName(random)}`;
  return `${family} ${given}`;
}

export function placeName(random: Random): string {
  if (random.chance(0.5))
    return random.pick(placeList).replace(/(?<![\p{L}])\p{L}/gu, (letter) => letter.toUpperCase());
  const stem = random.pick(random.chance(0.5) ? familyList : givenList);
  const town = capitalised(
    stem.slice(0, 3 + Math.floor(random.next() * 3)).replace(/[aeiouy-]$/, "") + random.pick(townEndings),
  );
  return random.chance(0.25) ? random.pick(townFronts) + town : town;
}

export function organisationName(random: Random): string {
  const form = random.next();
  const ending = random.pick(companyEndings);
  if (form < 0.35) return `${random.pick(companyStems)}${random.pick(companyTails)} ${ending}`;
  if (form < 0.5) return `${random.pick(companyStems)}${random.pick(companyTails)}`;
  if (form < 0.65) return `${familyName(random)} ${ending}`;
  if (form < 0.73) return `${familyName(random)}, ${familyName(random)} and ${familyName(random)}`;
  if (form < 0.8) return `${familyName(random)} & ${familyName(random)}`;
  if (form < 0.87) return `University of ${placeName(random)}`;
  if (form < 0.93)
    return `${placeName(random)} ${random.pick(["Hospital", "University", "Bank", "Airlines", "College", "High School", "City Council", "Police Department", "Football Club"])}`;
  return `${random.pick(["Bank of", "Ministry of", "Institute for", "Association of"])} ${placeName(random)}`;
}

/** A name no list has: the front of one and the end of another, joined where a vowel meets a consonant. */
function blend(random: Random, list: readonly string[]): string {
  const front = /^.{1,4}?[aeiouyáéíóúöüäøåæ]/u.exec(random.pick(list))?.[0] ?? random.pick(list).slice(0, 3);
  const other = random.pick(list);
  const back =
    /[^aeiouyáéíóúöüäøåæ]{1,2}[aeiouyáéíóúöüäøåæ]?[^aeiou]{0,3}[aeiouyáéíóúöüäøåæ]?[^aeiou]{0,2}$/u.exec(other)?.[0] ??
    other.slice(-3);
  return (front + back).replace(/['-]/g, "");
}

function capitalised(name: string): string {
  return name.replace(/(?<=^|-|'| )\p{L}/gu, (letter) => letter.toUpperCase());
}
