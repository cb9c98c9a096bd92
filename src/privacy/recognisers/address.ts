import type { Entity } from "../entity.ts";
import type { Scan } from "../scan.ts";

const word = String.raw`[\p{Lu}][\p{L}\p{M}'.’-]*`;
const streetWord =
  "(?:street|str|st|avenue|ave|av|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|ter|way|parkway|pkwy|highway|hwy|crescent|cres|close|circle|cir|trail|trl|alley|row|walk|gardens?|grove|mews|plaza|rapids?|loop|path|pike|route|rte|expressway|freeway|turnpike|heights|hill|ridge|view|crossing|run|point|pass|mount|manor|quay|wharf|vista|canyon|meadows?|park|bypass|green|glen|springs?|station|summit|valley|village|union|shoals?|shores?|ports?|neck|mill|knolls?|junction|island|isle|inlet|harbors?|hollow|haven|fork|forge|ford|flats?|fields?|ferry|falls|estates?|dam|dale|curve|creek|cove|course|corners?|common|club|cliffs?|centers?|causeway|camp|burgs?|brooks?|bridge|branch|bluffs?|bend|beach|bayou|arcade|annex)";
const house = String.raw`\d{1,5}[a-z]?(?:[-/]\d{1,4}[a-z]?)?`;
/** "742 Evergreen Terrace", "10 Downing St." */
const english = new RegExp(
  String.raw`(?<![\w.,:])(?:${house},? )?${house} (?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.? )?(?:${word} |\d{1,3}(?:st|nd|rd|th) ){1,4}${streetWord}\b\.?`,
  "giu",
);
/** "Calle Mayor 166", "12 rue de la Paix", "Via Roma 115" */
const roman = new RegExp(
  String.raw`(?<![\w])(?:${house},? (?:bis |ter )?)?(?:rue|avenue|av\.|boulevard|bd|place|impasse|all[ée]e|chemin|quai|calle|c/|avenida|avda?\.?|paseo|plaza|carrera|cra\.?|ronda|camino|via|viale|corso|piazza|largo|vicolo|strada|rua|r\.|travessa|alameda|praça|estrada|ul\.|ulica|aleja|al\.|os\.|pl\.|strada|str\.|bulevardul|calea|jalan|jl\.|jln|lorong|улица|ул\.|проспект|вулиця|οδός)(?: (?:de|del|della|delle|dei|di|du|des|la|las|los|le|les|da|do|dos|das|el|al|d'|l'|y|e|ibn))*(?: |(?<='))${word}(?:[ -](?:(?:de|del|della|di|du|des|la|los|le|les|da|do|dos|y|e|et|ibn|el|al)[ -])*${word}){0,4}(?:,? (?:n[.°º]? ?)?${house}(?![\w]))?`,
  "giu",
);
/** "Koskikatu 25", "Kopfhölzistrasse 45", "Hegedûs Gyula utca 76.", "Pivovarská 276": a street word or ending, then the number. */
const trailing = new RegExp(
  String.raw`(?<![\p{L}\d])(?:\d{3,5} )?(?:${word} ){0,3}(?:[\p{Lu}][\p{L}\p{M}-]*(?:stra(?:ß|ss)e|str\.?|gasse|weg|platz|allee|ring|damm|ufer|hof|steig|katu|tie|kuja|polku|gade|gata|gatan|vej|vei|veien|v[äa]gen|stien|alléen?|plads|torg|straat|laan|plein|dijk|kade|gracht|singel|steeg|utca|utja|út|tér|iela|gatvė|tänav|sokak|caddesi|bulvarı)|(?:utca|út|útja|tér|u\.|krt\.?|körút|köz|sor|ulica|ul\.|cesta|trg|nám\.?|náměstí|námestie|třída|nábřeží|street|sokak|cad\.|mah\.|dori|g\.|pr\.)) (?:n[.°º]? ?)?${house}\.?(?![\p{L}\d])`,
  "giu",
);
const box =
  /\b(?:p\.? ?o\.? ?box|post office box|postfach|apartado(?: de correos)?|casella postale|bo[iî]te postale|b\.?p\.?) ?:?#? ?\d{1,6}\b/gi;
const unit =
  /(?<![\w])(?:apt|apartment|suite|ste|unit|flat|floor|fl|room|rm|building|bldg|piso|puerta|int|appartement|wohnung|lakás)\.? ?#? ?\d{1,5}[a-z]?\b/gi;
const cue =
  /(?:\baddress(?: of [^:\n]{1,40}?)?(?: is|:|\s*=)?|\blives? (?:at|on)|\bliving at|\bresid(?:e|es|ing) at|\blocated (?:at|on|in)|\boffice is at|\bship(?:ped)? (?:it )?to|\bdeliver(?:ed)? to|\bsent to|\bhouse at|\bmove(?:d)? to|\badresse|\bwohn(?:t|e|haft)(?: in)?|\bdirección|\bindirizzo|\bendereço|\bvive en|\bhabite(?: au)?|\bdrops? you off at|\bstation is (?:on|at)|\bmeet(?:ing)? (?:me |us )?at|\bit's (?:in|at))[:,\s]{1,4}/g;
const body = /^(?=[^\n]{0,30}\d)(?:[\p{L}\p{N}\p{M}.'’/#º°-]+,? ?){1,12}/u;

/**
 * Postal addresses by their street: the words and endings streets have in some twenty languages with a house number,
 * post boxes and units, each carried on over the unit, the postcode, the town and the country that follow it.
 */
export function findAddresses(scan: Scan): Entity[] {
  const { text, lower } = scan;
  if (!/\d/.test(text)) return [];
  const found: Entity[] = [];
  const collect = (pattern: RegExp) => {
    for (const match of text.matchAll(pattern)) {
      if (!isStreet(match[0])) continue;
      found.push({ start: match.index, end: continued(text, match.index + match[0].length), type: "ADDRESS" });
    }
  };
  collect(english);
  collect(roman);
  collect(trailing);
  collect(box);
  collect(unit);
  for (const match of lower.matchAll(cue)) {
    const start = match.index + match[0].length;
    const rest = text.slice(start, start + 120);
    const line = /^(?:\d{1,6}[ ,]|[\p{Lu}][\p{L}\p{M}'-]+(?: [\p{Lu}][\p{L}\p{M}'-]+){0,3},? \d{1,5}\b)/u.test(rest)
      ? (body.exec(rest)?.[0] ?? "")
      : "";
    const trimmed = cutAtSentence(line);
    if (trimmed.length >= 6) found.push({ start, end: continued(text, start + trimmed.length), type: "ADDRESS" });
  }
  return found;
}

/** A street has a capital or a digit beside its word: "1 way" and "2 pass" are none. */
function isStreet(matched: string): boolean {
  return (
    matched.length >= 6 && /\d/.test(matched) && /\p{Lu}|[Pp]\.?\s?[Oo]\.?|apt|suite|unit|flat|ul\.|ул\./u.test(matched)
  );
}

/** Up to the first word in lower case that is not part of a name: an address ends where the sentence goes on. */
function cutAtSentence(line: string): string {
  const kept =
    /^(?:(?:[\p{Lu}\d#][\p{L}\p{N}\p{M}.'’/º°-]*|(?:de|del|della|di|du|des|la|las|los|le|les|da|do|dos|of|van|der|den|utca|u\.|út|ulica|ul\.|nad|pod|am|an|im|st|nan)),? ?)+/u.exec(
      line,
    );
  return (kept?.[0] ?? "").replace(/[ ,.]+$/, "");
}

const tail =
  /^(?:[,.]?[ \n>]{0,4}[,]?[ \n]{0,2}(?:(?:apt|apartment|suite|ste|unit|flat|floor|fl|room|rm|bldg|piso)\b\.? ?#? ?\d{1,5}[a-z]?|#\d{1,5}|nan(?!\w)|[A-Z]{1,2}\d{1,2}[A-Z]? ?\d[A-Z]{2}(?!\w)|[A-Z]\d[A-Z] ?\d[A-Z]\d(?!\w)|(?:[A-Z]{1,2}-)?\d{3,6}(?:[- ]\d{2,4})?(?: [A-Z]{2})?(?![\w/:]|\.\d)|[A-Z]{2}(?: \d{5}(?:-\d{4})?)?(?![\p{L}\p{N}])))/iu;
const town =
  /^,?[ ]?,?[ \n]{1,3}>?(\p{Lu}[\p{L}\p{M}'’.-]+(?:[ -](?:(?:de|del|di|da|do|dos|la|le|les|los|el|am|an der|im|nad|pod|upon|sur|of|van|den|der|i) ){0,2}\p{Lu}?[\p{L}\p{M}'’-]*\p{Lu}?[\p{L}\p{M}'’-]+){0,3})/u;

/** Extends an address over the parts that follow it, at most six, each joined by a comma, a space or a line break. */
function continued(text: string, end: number): number {
  let reached = end;
  for (let parts = 0; parts < 6; parts += 1) {
    const rest = text.slice(reached, reached + 90);
    const part = tail.exec(rest)?.[0];
    if (part !== undefined && part.trim().length > 0) {
      reached += part.length;
      continue;
    }
    const place = townOf(rest);
    if (place === undefined) break;
    reached += place;
  }
  return reached;
}

/** Length of a town's name that follows, when a comma or line break sets it off or a postcode stood before it. */
function townOf(rest: string): number | undefined {
  const matched = town.exec(rest);
  if (matched === null) return undefined;
  const words = (matched[1] ?? "").split(" ");
  let kept = words.length;
  while (kept > 0 && /^\p{Ll}/u.test(words[kept - 1] ?? "")) kept -= 1;
  if (kept === 0 || sentenceStart.test(words[0] ?? "")) return undefined;
  const name = words.slice(0, kept).join(" ");
  return matched[0].length - (matched[1] ?? "").length + name.replace(/\.$/, "").length;
}

const sentenceStart =
  /^(?:The|This|That|It|I|I'm|We|You|He|She|They|My|Our|Your|His|Her|Please|How|What|When|Where|Who|Why|Can|Could|Would|Is|Are|Do|Does|Phone|Tel|Email|E-mail|Mobile|Fax|Name|Date|Hi|Hello|Dear|Thanks|Thank|Best|Regards|Write|Turn|And|But|Or|So|If|In|On|At|For|To|From|With|Call|Contact|Web|Website|Please)$/;
