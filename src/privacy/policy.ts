import type { PrivacyLevel } from "../chat/answer.ts";
import type { Entity, EntityType } from "./entity.ts";
import { isCity, isPublicName, isPublicPlace } from "./lexicon/public.ts";
import { isPublicProse } from "./public-prose.ts";

/**
 * What `standard` does with each type. "always": it identifies by itself. "private": unless it is public knowledge.
 * "near": only beside something that was masked, since a place, a company or a date says who someone is only in company.
 */
const standard = {
  WORD: "always",
  SECRET: "always",
  URL: "always",
  EMAIL: "always",
  IBAN: "always",
  CREDIT_CARD: "always",
  SSN: "always",
  NATIONAL_ID: "always",
  CRYPTO: "always",
  IP: "private",
  MAC: "always",
  PATH: "always",
  PHONE: "always",
  BIRTH_DATE: "always",
  ADDRESS: "always",
  PERSON: "private",
  ORG: "near",
  LOCATION: "near",
  DATE: "near",
  MARKUP: "always",
} as const satisfies Record<EntityType, "always" | "private" | "near">;

/** Types that stand in records and letters, hardly ever in what is published. */
const recordTypes: ReadonlySet<EntityType> = new Set([
  "EMAIL",
  "IBAN",
  "CREDIT_CARD",
  "SSN",
  "NATIONAL_ID",
  "PHONE",
  "SECRET",
  "CRYPTO",
  "MAC",
]);

/** The found entities of one text that are masked at `level`. */
export function selectMasked(text: string, found: readonly Entity[], level: PrivacyLevel): Entity[] {
  if (level === "strict") return [...found];
  const isRecord = found.some((entity) => recordTypes.has(entity.type));
  const isPublished = !isRecord && found.some((entity) => entity.type === "PERSON") && isPublicProse(text);
  const isPlaceQuestion = placeQuestion.test(text.trimEnd());
  const anchors = found.filter(
    (entity) => standard[entity.type] !== "near" && isPrivate(text, entity, { isPublished, isPlaceQuestion }),
  );
  let passed = 0;
  return found.filter((entity) => {
    while ((anchors[passed]?.start ?? text.length) < entity.start) passed += 1;
    const [before, after] = [anchors[passed - 1], anchors[passed]];
    return entity === after || (standard[entity.type] === "near" && standsNear(text, entity, [before, after]));
  });
}

function isPrivate(
  text: string,
  entity: Entity,
  { isPublished, isPlaceQuestion }: { readonly isPublished: boolean; readonly isPlaceQuestion: boolean },
): boolean {
  if (standard[entity.type] === "always") return true;
  const value = text.slice(entity.start, entity.end);
  if (entity.type === "IP") return !publicAddress.test(value);
  return !isPublished && !isPublicName(value) && !(isCity(value) && isPlaceQuestion);
}

/** A question about a place: in it "Milan" is the city and nobody's name. */
const placeQuestion =
  /^(?:[^.!?\n]{0,60}\b)?(?:where|which country|what country|capital|city|cities)\b[^.!?\n]{0,80}[?.]?$/i;

/** Loopback, wildcard, documentation masks and the resolvers everyone quotes. */
const publicAddress =
  /^(?:127\.|0\.0\.0\.0|255\.|::1?$|8\.8\.[84]\.[84]$|1\.[01]\.[01]\.1$|9\.9\.9\.9$|192\.168\.[01]\.1$)/;

const nearLengthMax = 100;

/** In the sentence of one of the anchors beside it, at most `nearLengthMax` characters from it, and not common knowledge such as a country. */
function standsNear(text: string, entity: Entity, anchors: readonly (Entity | undefined)[]): boolean {
  if (isPublicPlace(text.slice(entity.start, entity.end))) return false;
  return anchors.some((anchor) => {
    if (anchor === undefined) return false;
    const from = Math.min(anchor.end, entity.end);
    const to = Math.max(anchor.start, entity.start);
    return to - from <= nearLengthMax && !/[.!?]\s|\n\s*\n/.test(text.slice(from, Math.max(from, to)));
  });
}
