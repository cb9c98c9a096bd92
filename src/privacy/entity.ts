/** What can be found in a text. The order is the order of precedence where two finds of one length overlap. */
export const entityTypes = [
  "WORD",
  "SECRET",
  "URL",
  "EMAIL",
  "IBAN",
  "CREDIT_CARD",
  "SSN",
  "NATIONAL_ID",
  "CRYPTO",
  "IP",
  "MAC",
  "PATH",
  "PHONE",
  "BIRTH_DATE",
  "ADDRESS",
  "PERSON",
  "ORG",
  "LOCATION",
  "DATE",
  "MARKUP",
] as const;

export type EntityType = (typeof entityTypes)[number];

/** A stretch of a text, in UTF-16 code units, end exclusive. */
export interface Entity {
  readonly start: number;
  readonly end: number;
  readonly type: EntityType;
}

/**
 * The word a placeholder carries. Neutral on purpose: a label such as SSN or SECRET makes models refuse,
 * and a host need not learn which kind of number it is looking at.
 */
export const placeholderNouns = {
  WORD: "TERM",
  SECRET: "CODE",
  URL: "LINK",
  EMAIL: "EMAIL",
  IBAN: "ACCOUNT",
  CREDIT_CARD: "NUMBER",
  SSN: "NUMBER",
  NATIONAL_ID: "NUMBER",
  CRYPTO: "ACCOUNT",
  IP: "HOST",
  MAC: "DEVICE",
  PATH: "PATH",
  PHONE: "PHONE",
  BIRTH_DATE: "DATE",
  ADDRESS: "ADDRESS",
  PERSON: "PERSON",
  ORG: "COMPANY",
  LOCATION: "PLACE",
  DATE: "DATE",
  MARKUP: "TEXT",
} as const satisfies Record<EntityType, string>;

/**
 * Entities in text order, none overlapping. Finds that overlap become their union, named for the longest of them
 * (precedence breaks ties), so that no character of a find is lost to another.
 */
export function mergeEntities(found: readonly Entity[]): Entity[] {
  const sorted = [...found].sort((a, b) => a.start - b.start || b.end - a.end || precedence(a) - precedence(b));
  const merged: Entity[] = [];
  let widest = 0;
  for (const entity of sorted) {
    const last = merged.at(-1);
    if (last === undefined || entity.start >= last.end) {
      merged.push(entity);
      widest = entity.end - entity.start;
      continue;
    }
    const width = entity.end - entity.start;
    const wins = width > widest || (width === widest && precedence(entity) < precedence(last));
    if (wins) widest = width;
    merged[merged.length - 1] = {
      start: last.start,
      end: Math.max(last.end, entity.end),
      type: wins ? entity.type : last.type,
    };
  }
  return merged;
}

/** Whether nothing of `entities`, which are in text order and apart, lies in `[start, end)`. */
export function isApart(entities: readonly Omit<Entity, "type">[], start: number, end: number): boolean {
  let [low, high] = [0, entities.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entities[middle]?.end ?? 0) <= start) low = middle + 1;
    else high = middle;
  }
  return (entities[low]?.start ?? Number.POSITIVE_INFINITY) >= end;
}

function precedence(entity: Entity): number {
  return entityTypes.indexOf(entity.type);
}
