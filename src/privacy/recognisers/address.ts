import type { Entity } from "../entity.ts";
import type { Scan } from "../scan.ts";

/**
 * Postal addresses, looked for around each number: a street in the words and endings that streets have in some twenty
 * languages, a post box, a unit, or what follows a cue such as "address:"; each carried on over the unit, the postcode,
 * the town and the country that follow it.
 */
export function findAddresses({ text }: Scan): Entity[] {
  const found: Entity[] = [];
  let reached = 0;
  for (const match of text.matchAll(number)) {
    if (match.index < reached) continue;
    const street = streetAround(text, match.index, match[0].length);
    if (street === undefined) continue;
    const end = continued(text, street.end);
    found.push({ start: street.start, end, type: "ADDRESS" });
    reached = end;
  }
  for (const match of text.matchAll(military)) {
    found.push({ start: match.index, end: match.index + match[0].length, type: "ADDRESS" });
  }
  return found;
}

/** "PSC 5420, Box 2708\nAPO AA 33879", "USNS Bergman\nFPO AP 93757" */
const military =
  /(?:(?:(?:unit|psc) \d{1,5},? box \d{1,5}|us[a-z]{1,3} [\p{L}-]{2,20}),?\s{1,3})?\b[afd]po,? a[aep],? \d{5}\b/giu;

interface Stretch {
  readonly start: number;
  readonly end: number;
}

const number = /(?<![\w.,:$€£/-])#?\d{1,6}[a-zA-Z]?(?:[-/]\d{1,4}[a-zA-Z]?)?(?![\w%])(?![.,:]\d)/g;
const leftLength = 72;
const rightLength = 110;

/** A street can follow the number: a capital, another number, or a lower-case word and then a capital ("12 rue de la Paix"). */
const mayLead = /^\S+ (?:[\p{Lu}\d]|\p{Ll}{1,12}[./]? (?:\p{Ll}{1,6}['’]? ?){0,3}\p{Lu})/u;
/** A street or a cue can stand before it: a capitalised word, or one of the short words that streets and cues end in. */
const mayFollow =
  /(?:(?:^|[^\p{L}])\p{Lu}[\p{L}\p{M}'.’-]*|u\.|út|útja|utca|tér|tere|krt\.?|körút|sor|g\.|pr\.|box|apt\.?|apartment|suite|ste\.?|unit|flat|bldg\.?|piso|wohnung|lakás|appartement|postfach|apartado|is|at|on|in|to|:|=|au|n[.°º]),?\s{1,9}(?:#|[nN][.°º]? ?)?$/u;

function streetAround(text: string, start: number, length: number): Stretch | undefined {
  const left = text.slice(Math.max(0, start - leftLength), start);
  const right = text.slice(start, start + rightLength);
  if (!mayLead.test(right) && !mayFollow.test(left)) return undefined;
  const ahead = english.exec(right) ?? romanAhead.exec(right) ?? trailingAhead.exec(right);
  if (ahead !== null) return { start: start - precedingNumber(left), end: start + ahead[0].length };
  const behind = romanBehind.exec(left) ?? trailingBehind.exec(left) ?? unitBehind.exec(left);
  if (behind !== null) return { start: start - behind[0].length, end: start + length };
  const cue = cueBehind.exec(left);
  if (cue === null) return undefined;
  const body = namedPart.exec(right)?.[0].replace(/[ ,.]+$/, "") ?? "";
  const before = cue[1] ?? "";
  return body.length > length || before !== ""
    ? { start: start - before.length, end: start + Math.max(body.length, length) }
    : undefined;
}

/** Length of another number just before: an address may begin with a postcode or a plot. */
function precedingNumber(left: string): number {
  return /(?<![\w.,:])\d{1,5},? $/.exec(left)?.[0].length ?? 0;
}

/** Alternatives in any case, for patterns that must tell capitals elsewhere. */
function anyCase(words: string): string {
  return words.replace(/(?<!\\)\p{L}/gu, (letter) =>
    letter.toLowerCase() === letter.toUpperCase() ? letter : `[${letter.toLowerCase()}${letter.toUpperCase()}]`,
  );
}

const capital = String.raw`\p{Lu}[\p{L}\p{M}'.’-]*`;
const house = String.raw`#?\d{1,6}[a-zA-Z]?(?:[-/]\d{1,4}[a-zA-Z]?)?`;
const streetWords = anyCase(
  "street|st|str|avenue|ave|av|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|ter|way|parkway|pkwy|highway|hwy|crescent|cres|close|circle|cir|trail|trl|alley|row|walk|gardens?|grove|mews|plaza|rapids?|loop|path|pike|route|rte|expressway|freeway|turnpike|heights|hill|hills|ridge|view|crossing|run|point|pass|mount|mountain|manor|quay|wharf|vista|canyon|meadows?|bypass|glen|springs?|summit|valley|village|shoals?|shores?|port|ports|neck|mills?|knolls?|junction|islands?|isle|inlet|harbors?|hollow|haven|forks?|forge|ford|flats?|fields?|ferry|falls|estates?|dam|dale|curve|creek|cove|course|corners?|common|cliffs?|causeway|camp|burgs?|brooks?|bridge|branch|bluffs?|bend|beach|bayou|arcade|annex|stravenue|throughway|trafficway|tunnel|underpass|unions?|viaduct|ville|wells|lodge|locks?|light|land|lakes?|keys?|greens?|gateway|gardens|freeway|extensions?|divide|crest|club|centers?|cape|spur|squares?|stream|track|trace|skyway|radial|ranch|rest|river|roads?|plains?|parks?|oval|orchard|motorway|mission",
);
/** "742 Evergreen Terrace", "10 Downing St." */
const english = new RegExp(
  String.raw`^${house},?(?: ${house})? (?:(?:[NSEW]|N[EW]|S[EW]|North|South|East|West)\.? )?(?:(?:${capital}|\d{1,3}(?:st|nd|rd|th)) ){1,4}(?:${streetWords})\b\.?(?! \p{Ll}+ing\b)`,
  "u",
);
const romanWords = anyCase(
  "rue|avenue|av\\.|boulevard|bd|place|impasse|allée|allee|chemin|quai|cours|calle|c/|avenida|avda\\.?|paseo|plaza|carrera|cra\\.?|ronda|camino|via|viale|corso|piazza|largo|vicolo|strada|rua|r\\.|travessa|alameda|praça|estrada|rodovia|ul\\.|ulica|aleja|al\\.|os\\.|pl\\.|str\\.|bulevardul|calea|jalan|jl\\.|jln|lorong|улица|ул\\.|проспект|вулиця|οδός|cesta|trg|nábřeží|náměstí|třída|rruga|шоссе|переулок",
);
const joining = "(?:de|del|della|delle|dei|di|du|des|la|las|los|le|les|da|do|dos|das|el|al|y|e|et|ibn|van|von)";
const romanName = `(?:${joining} |d'|l'|d’|l’){0,3}${capital}(?:[ -](?:${joining} ){0,2}${capital}){0,4}`;
/** "12 rue de la Paix" */
const romanAhead = new RegExp(
  String.raw`^${house},? (?:bis |ter )?(?:${house} )?(?:${romanWords}) ${romanName}(?:,? ${house}(?![\w/:]))?`,
  "u",
);
/** "Calle Mayor 166", "Via Roma, 115" */
const romanBehind = new RegExp(
  String.raw`(?<![\p{L}\d])(?:\d{1,5} )?(?:${romanWords}) ${romanName},? (?:[nN][.°º]? ?)?$`,
  "u",
);
const endings =
  "stra(?:ß|ss)e|str\\.?|gasse|weg|platz|allee|damm|ufer|hof|steig|katu|tie|kuja|polku|gade|gata|gatan|vej|vei|veien|v[äa]gen|stien|alléen?|plads|torg|straat|laan|plein|dijk|kade|gracht|singel|steeg|utca|utja|sokak|caddesi|gaten|stræde|kaju|iela";
const streetNouns = anyCase(
  "utca|út|útja|tér|u\\.|krt\\.?|körút|sor|ulica|ul\\.|sokak|cad\\.|mah\\.|gatvė|g\\.|pr\\.|street|st|road|rd|avenue|ave|lane|gate|vei|vej|straße|strasse|weg|tänav|iela|sétány|fasor",
);
const trailingName = String.raw`(?:${capital} ){0,3}(?:\p{Lu}[\p{L}\p{M}-]*(?:${endings})|${capital} (?:${streetNouns}))`;
/** "Koskikatu 25", "Kopfhölzistrasse 45", "Hegedûs Gyula utca 76." */
const trailingBehind = new RegExp(String.raw`(?<![\p{L}\d])(?:\d{1,5} )?${trailingName} (?:[nN][.°º]? ?)?$`, "u");
const months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";
/** "5366 Pivovarská 276", "9721 Dalmatinova 43": a street between two numbers. */
const trailingAhead = new RegExp(
  String.raw`^\d{3,5} (?!(?:${months}))(?:${capital} ){1,4}${house}(?![\w/:])\.?(?: (?:${streetWords})\b\.?)?`,
  "u",
);
const unitBehind = new RegExp(
  String.raw`(?<![\p{L}\d])(?:${anyCase("p\\.? ?o\\.? ?box|post office box|postfach|apartado(?: de correos)?|casella postale|boîte postale|apt|apartment|suite|ste|unit|flat|bldg|piso|appartement|wohnung|lakás|apto|unidade|psc|unit|box")})\.?:? ?$`,
  "u",
);
const cueBehind = new RegExp(
  String.raw`(?<![\p{L}])(?:${anyCase("address(?: of [^:\\n]{1,40}?)?(?: is|:| =)|lives? (?:at|on)|living at|reside?s? at|residing at|located (?:at|on|in)|offices? (?:is|are) (?:at|in)|ship(?:ped)? (?:it )?to|deliver(?:ed)?(?: it)? to|sent to|send (?:it )?to|house at|moved? to|adresse|wohn(?:t|e|haft)(?: in)?|dirección|indirizzo|endereço|vive en|habite(?: au)?|off at|station is (?:on|at)|meet(?:ing)? (?:me |us )?at|it's (?:in|at)")})[:,]?\s{1,9}((?:${capital},? ){0,4})$`,
  "u",
);
const namedPart = new RegExp(
  String.raw`^(?:(?:${capital}|[\d#][\p{L}\p{N}\p{M}/º°-]*|${joining}|of|nad|pod|am|an|im|nan)(?:, |\. | |,$|\.$|$)){1,12}`,
  "u",
);

/** What may follow a street: a unit, a postcode, a state, on the same line or the next. */
const tail = new RegExp(
  String.raw`^(?:[,.]?[ \n>]{0,4},?[ \n]{0,2})(?:(?:${anyCase("apt|apartment|suite|ste|unit|flat|floor|fl|room|rm|bldg|piso")})\b\.? ?#? ?\d{1,5}[a-zA-Z]?|#\d{1,5}|nan(?!\w)|[A-Z]{1,2}\d{1,2}[A-Z]? ?\d[A-Z]{2}(?!\w)|[A-Z]\d[A-Z] ?\d[A-Z]\d(?!\w)|(?:[A-Z]{1,2}-)?\d{3,6}(?:[- ]\d{2,4})?(?: [A-Z]{2}(?![\p{L}]))?(?![\w/:]|\.\d)|[A-Z]{2}(?: \d{5}(?:-\d{4})?)?(?![\p{L}\p{N}'.]))`,
  "u",
);
const townWord = String.raw`\p{Lu}[\p{L}\p{M}'’-]*(?![\p{L}\d])\.?`;
const town = new RegExp(
  String.raw`^(,? ?,?[ \n]{1,3}>?|,)(${townWord}(?:[ -](?:(?:de|del|di|da|do|dos|la|le|les|los|el|am|an der|im|nad|pod|upon|sur|of|van|den|der|i|and) ){0,2}${townWord}){0,3}(?: \d{1,2}(?!\d))?)`,
  "u",
);
const partsMax = 6;

/** Extends an address over the parts that follow it, each joined by a comma, a space or a line break. */
function continued(text: string, end: number): number {
  let reached = end;
  for (let parts = 0; parts < partsMax; parts += 1) {
    const rest = text.slice(reached, reached + 90);
    const length = tail.exec(rest)?.[0].length ?? townLength(rest);
    if (length === 0) break;
    reached += length;
  }
  return reached;
}

/** Length of the name of a town or country that follows, 0 where a new sentence or line of a form begins instead. */
function townLength(rest: string): number {
  const matched = town.exec(rest);
  const name = matched?.[2];
  if (matched === null || name === undefined) return 0;
  if (sentenceStart.test(name.split(/[ -]/)[0] ?? "") || rest.charAt(matched[0].length) === ":") return 0;
  return matched[0].replace(/\.$/, "").length;
}

const sentenceStart =
  /^(?:The|This|That|These|There|It|Its|I|I'm|We|You|He|She|They|My|Our|Your|His|Her|Please|How|What|When|Where|Who|Why|Can|Could|Would|Should|Is|Are|Do|Does|Did|Was|Phone|Tel|Email|E-mail|Mobile|Fax|Name|Date|Hi|Hello|Dear|Thanks|Thank|Best|Regards|Write|Turn|And|But|Or|So|If|In|On|At|For|To|From|With|Call|Contact|Web|Website|Then|After|Before|Also|However|No|Yes|A|An|As|By|Not|Let|See|Use|Make|Give|Draft|Summarise|Summarize|Translate|Tell|Find|Explain)\.?$/;
