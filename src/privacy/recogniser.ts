import { PeerError } from "../errors.ts";
import { type Entity, isApart, mergeEntities } from "./entity.ts";
import { findAddresses } from "./recognisers/address.ts";
import { findCards } from "./recognisers/card.ts";
import { findCryptoAddresses } from "./recognisers/crypto-address.ts";
import { findDates } from "./recognisers/date.ts";
import { findEmails } from "./recognisers/email.ts";
import { findIbans } from "./recognisers/iban.ts";
import { findNames } from "./recognisers/name.ts";
import { findNationalIds } from "./recognisers/national-id.ts";
import { findNetworkAddresses } from "./recognisers/network.ts";
import { findOwnWords } from "./recognisers/own-word.ts";
import { findPaths } from "./recognisers/path.ts";
import { findPhones } from "./recognisers/phone.ts";
import { findSecrets } from "./recognisers/secret.ts";
import { findUrls } from "./recognisers/url.ts";
import { originRange, type Scan, scanOf } from "./scan.ts";

export type Recogniser = (scan: Scan) => readonly Entity[];

const recognisers: Readonly<Record<string, Recogniser>> = {
  address: findAddresses,
  card: findCards,
  "crypto address": findCryptoAddresses,
  date: findDates,
  email: findEmails,
  iban: findIbans,
  "national id": findNationalIds,
  network: findNetworkAddresses,
  path: findPaths,
  phone: findPhones,
  secret: findSecrets,
  url: findUrls,
};

/**
 * Everything in `text` that some recogniser takes for an entity, merged, in text order.
 * @throws PeerError `recogniser_failed` if any of them throws: what can't be scanned must not be sent.
 */
export function findEntities(text: string, ownWords: readonly string[]): Entity[] {
  const scan = scanOf(text);
  const found: Entity[] = [...findOwnWords(scan, ownWords)];
  for (const [name, recognise] of Object.entries(recognisers)) found.push(...recognised(name, recognise, scan));
  const claimed = mergeEntities(found);
  found.push(...recognised("name", (scanned) => findNames(scanned, claimed), scan));
  const placeholders = placeholderRanges(scan.text);
  const kept = found.filter(({ start, end }) => isApart(placeholders, start, end));
  return mergeEntities(kept.map((entity) => ({ ...originRange(scan, entity.start, entity.end), type: entity.type })));
}

/** Runs one recogniser, closed: its failure is the request's. The cause may quote the text, so it is not kept. */
export function recognised(name: string, recognise: Recogniser, scan: Scan): readonly Entity[] {
  try {
    return recognise(scan);
  } catch {
    throw new PeerError("recogniser_failed", `The ${name} recogniser failed, so the request was not sent.`);
  }
}

/** What the consumer's own proxy has masked already stays as it is. */
function placeholderRanges(text: string): { start: number; end: number }[] {
  if (!text.includes("[")) return [];
  return Array.from(text.matchAll(/\[[A-Z]{2,10}_\d{1,6}\]/g), (match) => ({
    start: match.index,
    end: match.index + match[0].length,
  }));
}
