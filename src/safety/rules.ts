import type { Category } from "./policy.ts";

/**
 * A rule fires on a sentence in which every pattern of `all` occurs and `unless` does not. Rules are few and precise:
 * they name a request or a threat, not a topic, so that history, news, prevention, law and fiction pass.
 */
export interface Rule {
  readonly id: string;
  readonly category: Category;
  readonly all: readonly RegExp[];
  readonly unless?: RegExp;
}

const asks =
  /\b(?:how (?:to|do|does|can|could|would|should|might)|ways? (?:to|of)|steps?|instructions?|guide|tutorial|manual|recipe|blueprint|plan|method|teach|explain|tell me|show me|give me|help me|provide|describe|outline|walk me|i (?:want|need|would like|plan|intend) to|i wanna|can you|could you|write|create|make|build|develop|design|generate|draft|code|where (?:can|do|to|could))\b/;
const makes =
  /\b(?:mak(?:e|ing)|build(?:ing)?|construct(?:ing)?|assembl(?:e|ing)|creat(?:e|ing)|cook(?:ing)?|mix(?:ing)?|synthesi[sz](?:e|ing)|produc(?:e|ing)|manufactur(?:e|ing)|brew(?:ing)?|prepar(?:e|ing)|weaponi[sz](?:e|ing)|cultivat(?:e|ing)|detonat(?:e|ing)|craft(?:ing)?|plant(?:ing)?|set(?:ting)? off|3d[- ]?print(?:ing)?|grow(?:ing)?|extract(?:ing)?|deploy(?:ing)?)\b/;
const studied =
  /\b(?:prevent\w*|protect\w*|detect\w*|defend\w*|defen[cs]e|defus\w*|dispos\w*|stop(?:ping)? (?:people|someone|others|the)|report(?:ing)? (?:it|a|an|on|to|child|suspect)|law|laws|legal(?:ity|ly)?|illegal|punish\w*|penalt\w*|sentenc\w*|histor\w*|museum|documentary|movie|film|novel|fiction|minecraft|video ?game|in the game|gameplay|survivors?|victims?|treat(?:ment|ing)?|antidote|awareness|educat\w*|train(?:ing)? (?:employees|staff|users)|recogni[sz]e|avoid (?:being|getting|becoming)|safety|accident\w*|news|article about|essay (?:on|about)|why (?:is|are|was|were|did|do|does|should)|what (?:is|are|was|were) (?!the (?:best|easiest|most|quickest|fastest|steps?|recipe|cheapest|right|simplest)|some|good|effective|needed)|what happen\w*|who (?:was|were|invented|is)|when (?:was|were|did)|remov(?:e|ing)|clean(?:ing)? up|mitigat\w*|analy[sz]\w*|moderat\w*|classif\w*|sentiment|translate|quote[sd]?)\b/;
const groups =
  "(?:jews?|jewish people|muslims?|blacks?|black people|whites|white people|asians?|mexicans?|hispanics?|latinos?|arabs?|immigrants?|refugees|migrants|gays?|gay people|homosexuals|lesbians?|trans(?:gender)? people|trannies|women|christians|hindus|gypsies|roma|disabled people|africans?|indians?|chinese people|foreigners|minorities|n[i1]gg[e3]rs?|f[a4]gg?[o0]ts?|k[i1]kes?)";
const minors =
  /\b(?:child(?:ren)?|minors?|under-?age|pre-?teens?|toddlers?|infants?|bab(?:y|ies)|little (?:girl|boy)s?|young (?:girl|boy)s?|school ?(?:girl|boy)s?|kids?|lolis?|lolicon|shota|(?:[3-9]|1[0-7])[- ]?(?:year|yr)s?[- ]?old|(?:six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen)[- ]year[- ]olds?)\b/;
const people =
  "(?:some(?:one|body)|a (?:person|man|woman|human|child|kid|cop|police officer|judge|politician|stranger|baby)|people|my (?:wife|husband|boss|neighbou?rs?|parents?|mom|mum|mother|dad|father|sister|brother|ex|ex-?\\w+|girlfriend|boyfriend|roommate|teacher|classmates?|co-?workers?|colleagues?|family|partner|friend|enemy|enemies)|him|her|them|the president|the prime minister|everyone)";

export const rules: readonly Rule[] = [
  {
    id: "minors-sexual",
    category: "sexual/minors",
    all: [
      minors,
      /\b(?:porn\w*|sexually explicit|nudes?|naked|erotic\w*|sex (?:scene|story|with|tape|video)|having sex|have sex with|sexual(?:ly)? (?:acts?|scene|story|content|fantas\w+|encounter|images?|pictures?|abuse|exploit)|seduc\w+|molest\w*|masturbat\w*|orgasm|undress\w*|lewd|smut|hentai|groom(?:ing)? (?:a|an|young|children|kids|minors|girls|boys))\b/,
      /\b(?:write|generate|create|make|draw|describe|find|download|show|send|share|sell|distribut\w*|upload|film|record|produce|where (?:can|do|to)|how (?:do|can|to|would)|i (?:want|need|like|love)|give me|tell me|roleplay|role-play|pretend|continue|convince|persuade|lure|get (?:a|an|young))\b/,
    ],
    unless:
      /\b(?:prevent\w*|protect\w*|report\w*|stop|combat|detect\w*|laws?|legal|illegal|victims?|survivors?|hotline|educat\w*|talk to|explain to|research|moderat\w*|police|why|histor\w*|news|signs of|parents?|parenting|p(?:a)?ediatric\w*|doctor|therap\w*|bath|diaper|breast ?feed\w*|puberty|classif\w*|painting|sculpture|statue|safeguard\w*|support|help (?:a|my|the) (?:child|kid|son|daughter)|warn|avoid|keep|consent|statistic\w*|article|charged|arrested|convicted|accused)\b/,
  },
  {
    id: "csam-term",
    category: "sexual/minors",
    all: [
      /\b(?:child porn\w*|kiddie porn|csam|cp links?|jailbait|pedo(?:phile)? (?:porn|content|ring|forum|site)s?)\b/,
      asks,
    ],
    unless:
      /\b(?:prevent\w*|protect\w*|report\w*|stop|combat|detect\w*|laws?|legal|illegal|victims?|survivors?|educat\w*|research|moderat\w*|police|why|histor\w*|news|scan\w*|classif\w*|filter\w*|block\w*|what (?:is|are|does)|definition|policy)\b/,
  },
  {
    id: "explosives",
    category: "illicit/violent",
    all: [
      asks,
      makes,
      /\b(?:(?:pipe|nail|car|dirty|homemade|fertili[sz]er|pressure[- ]cooker|letter|mail|petrol|gasoline|suicide|remote|time|nuclear|atomic|chemical|small|real|big|powerful|a|an|the) (?:\w+ )?bombs?|bombs|explosive (?:device|vest|belt|charge)s?|(?:homemade|improvised|plastic|high|powerful) explosives?|explosives (?:at home|from|using|with|out of)|(?:making|make|build|building) (?:an? )?explosives?|ieds?|molotov(?: cocktails?)?|hand ?grenades?|tatp|petn|nitroglycerin|napalm|thermite|detonators?)\b/,
    ],
    unless: new RegExp(
      `${studied.source}|\\b(?:bath|seed|cherry|photo|glitter|hot chocolate|cocoa|logic|fork|zip|email|love|stink|smoke|water|sex|tea|f|jager|truth|time) ?bombs?|bomb (?:shelter|squad|cyclone|calorimeter|disposal|threat)|bombshell\\b`,
    ),
  },
  {
    id: "mass-casualty-agents",
    category: "illicit/violent",
    all: [
      asks,
      makes,
      /\b(?:sarin|vx (?:gas|agent)|nerve (?:gas|agent)s?|mustard gas|ricin|anthrax|novichok|tabun|soman|phosgene|botulinum toxin|(?:chemical|biological|nuclear|radiological|bio-?)\s?weapons?|bioweapons?|poison(?:ous)? gas|chlorine gas|smallpox|nuclear device|cyanide gas|deadly (?:virus|pathogen)|weaponi[sz]ed)\b/,
    ],
    unless: new RegExp(`${studied.source}|\\b(?:ban|treaty|convention|botox|vaccin\\w*|inspect\\w*)\\b`),
  },
  {
    id: "weapons",
    category: "illicit/violent",
    all: [
      asks,
      /\b(?:ghost gun|untraceable (?:gun|firearm|weapon)|illegal (?:gun|firearm|weapon|silencer)s?|homemade (?:gun|firearm|silencer|weapon)s?|(?:convert|modify)\w* .{0,30}(?:fully|full)[- ]automatic|3d[- ]?print(?:ed|ing)? (?:a |an )?(?:\w+ )?(?:gun|firearm|pistol|rifle)s?|file off .{0,20}serial|(?:gun|firearm|weapon)s? (?:without|with no|bypassing) (?:a |any )?(?:background|license|permit))\b/,
    ],
    unless: studied,
  },
  {
    id: "hard-drugs",
    category: "illicit",
    all: [
      asks,
      makes,
      /\b(?:(?:crystal )?meth|methamphetamine|fentanyl|carfentanil|heroin|lsd|mdma|ecstasy pills?|crack(?: cocaine)?|cocaine|ghb|dmt|pcp|krokodil|date[- ]rape drugs?)\b/,
    ],
    unless: new RegExp(
      `${studied.source}|\\b(?:test strips?|naloxone|crack (?:the|a|an|open|in)|breaking bad|rehab\\w*|policy|decisions?|presentation|poster)\\b`,
    ),
  },
  {
    id: "murder",
    category: "violence",
    all: [
      /\b(?:how (?:to|do i|can i|could i|would i|should i)|ways? to|help me|plan to|want to|going to|tell me how|get away with|hire|where can i|best (?:way|poison|method))\b/,
      new RegExp(
        `\\b(?:(?:kill|murder|poison|strangle|stab|assassinate|behead|dismember|suffocate|torture|kidnap|abduct|lynch) ${people}(?! (?:with kindness|in (?:chess|minecraft|the game|fortnite|valorant|among us|skyrim|elden ring|roblox)|off in|character|at (?:chess|tennis|poker)))|(?:murdering|killing|poisoning) ${people}|get away with (?:a )?murder|hit ?man to kill|contract killer)\\b`,
      ),
    ],
    unless: new RegExp(
      `${studied.source}|\\b(?:characters?|scene|story|plot|villain|chess|game|level|boss fight|npc|mobs?|zombies?|process|bacteria|virus|germs|cancer|dream|nightmare|joke|song|lyrics|ice ?breaker|audience|laugh\\w*|series|episodes?|actors?|viola)\\b`,
    ),
  },
  {
    id: "mass-violence",
    category: "illicit/violent",
    all: [
      /\b(?:how (?:to|do|can|could|would)|plan(?:ning)?|commit|carry(?:ing)? out|organi[sz]e|execute|guide|instructions?|steps|help me|i(?:'m| am)? (?:will|want to|going to|gonna)|script)\b/,
      /\b(?:mass (?:shooting|murder|killing|poisoning)s?|school shooting|shoot(?:ing)? up (?:a|the|my) (?:school|mall|church|mosque|synagogue|office|concert|club)|terror(?:ist)? attacks?|suicide (?:bombing|attack)|(?:bomb|blow up|poison|derail|set fire to) (?:a|the|my|an) (?:\w+ )?(?:school|building|church|mosque|synagogue|airport|plane|airplane|train|bridge|embassy|hospital|water supply|reservoir|subway|stadium|mall|dam)|ethnic cleansing|genocide)\b/,
      /\b(?:commit|carry(?:ing)? out|plan(?:ning)? (?:a|an|the|out)|organi[sz]e|execute|execut|shoot(?:ing)? up|bomb|blow up|poison|derail|set fire|launch|perpetrat\w*|how (?:to|do i|can i))\b/,
    ],
    unless: new RegExp(`${studied.source}|\\b(?:respond\\w*|survive|drill|lockdown|evacuat\\w*|prepared(?:ness)?)\\b`),
  },
  {
    id: "malware",
    category: "cyber-abuse",
    all: [
      /\b(?:write|create|build|develop|code|make|program|generate|design|give me|show me|deploy|spread|distribute|install|how (?:to|do i|can i))\b/,
      /\b(?:ransomware|key-?loggers?|(?:computer|new|polymorphic|undetectable|powerful|destructive|self[- ]\w+) (?:virus|worm|malware)|computer virus(?:es)?|trojans?(?: horse)?|malware|botnets?|rootkits?|spyware|stalkerware|info-?stealers?|password stealer|ddos (?:attack|tool|bot)|fork bomb to crash|logic bomb|credential harvest\w*|zero[- ]day exploit)\b/,
      /\b(?:write|create|build|develop|code|make|program|generate|design|deploy|spread|distribute|infect|launch|how to (?:use|install|hide|start|run))\b/,
    ],
    unless: new RegExp(
      `${studied.source}|\\b(?:scanner|antivirus|anti-?malware|removal|get rid of|check (?:if|for|whether)|response plan|tabletop|policy|presentation|slide|report|checklist|sure|against|trojan (?:war|women))\\b`,
    ),
  },
  {
    id: "phishing",
    category: "fraud",
    all: [
      /\b(?:write|create|build|design|make|draft|compose|generate|craft|set up|send|develop|launch|how (?:to|do i|can i))\b/,
      /\b(?:phishing|spear-?phishing|smishing|vishing) (?:e-?mails?|messages?|pages?|sites?|websites?|campaigns?|texts?|kits?|attacks?|scams?|links?)\b|\b(?:fake|counterfeit|clone of (?:a|the)) (?:bank|paypal|amazon|apple|login|facebook|google) (?:\w+ )?(?:page|site|website|email|login)/,
    ],
    unless: new RegExp(
      `${studied.source}|\\b(?:simulat\\w*|awareness|spot|identify|against|policy|filter\\w*|signs|respond\\w*|drill|exercise|quiz)\\b`,
    ),
  },
  {
    id: "intrusion",
    category: "cyber-abuse",
    all: [
      asks,
      new RegExp(
        `\\b(?:hack(?:ing)?|break(?:ing)?|crack(?:ing)?|get(?:ting)?|log(?:ging)?) (?:in|into|in to)? ?(?:${people}(?:'s|s)?|someone else's|another person's|other people's|a bank(?:'s)?|the bank(?:'s)?|the government(?:'s)?|government|corporate|a company(?:'s)?|a (?:government|secure|corporate|private)|an atm|the power grid|the pentagon|nasa) ?(?:\\w+ ){0,2}(?:accounts?|e-?mails?|facebook|instagram|snapchat|whatsapp|phones?|computers?|networks?|databases?|systems?|servers?|wi-?fi|password|webcam|website|grid|bank)\\b`,
      ),
      /\b(?:hack\w*|crack\w*|break\w* in\w*|without (?:them|him|her|their|his|permission|being|getting|the owner)|secretly|steal)\b/,
    ],
    unless: studied,
  },
  {
    id: "theft-of-identity",
    category: "fraud",
    all: [
      asks,
      /\b(?:(?:steal|stealing|clone|cloning|skim|skimming) (?:\w+(?:'s)? ){0,3}(?:credit cards?|debit cards?|identity|identities|bank (?:account|details)|social security numbers?|passwords?|personal (?:data|information))|launder(?:ing)? (?:the |my |drug |dirty |some )?(?:money|cash|proceeds)|(?:mak|print|produc|creat|forg|us|pass|sell|buy|distribut)(?:e|ing) (?:\w+ )?(?:counterfeit|fake|forged) (?:money|currency|bills|cash|banknotes|passports?|ids?|id cards?|driver'?s licen[sc]es?|documents?|prescriptions?|checks|cheques)|carding|ponzi scheme|pyramid scheme|insurance fraud|tax evasion|credit card fraud|commit (?:\w+ )?fraud)\b/,
      /\b(?:how (?:to|do i|can i|could i|would i)|guide|tutorial|instructions?|steps?|teach|help me|i (?:want|need) to|plan|write|create|make|start|method|best way|where can i|without (?:being|getting))\b/,
    ],
    unless: new RegExp(
      `${studied.source}|\\b(?:spot|signs|identify|recover\\w*|respond|do if|if (?:someone|my)|board game|toy|play money|monopoly|prop|theat(?:er|re)|someone (?:stole|has stolen)|from being)\\b`,
    ),
  },
  {
    id: "suicide-method",
    category: "self-harm",
    all: [
      /\b(?:how (?:to|do i|can i|many)|ways? to|methods?|painless\w*|quick\w*|easi\w+|best|lethal dose|instructions?|tell me|want to|going to|plan to|note)\b/,
      /\b(?:kill(?:ing)? myself|commit(?:ting)? suicide|end(?:ing)? my (?:own )?life|tak(?:e|ing) my own life|overdose on|hang(?:ing)? myself|slit(?:ting)? my wrists|cut(?:ting)? myself|harm(?:ing)? myself|hurt(?:ing)? myself|starve myself|suicide (?:method|note|pact|plan)s?)\b/,
    ],
    unless:
      /\b(?:prevent\w*|help (?:a friend|someone|my|people)|stop|avoid|hotline|signs|awareness|support|laughing|accident\w*|shaving|cooking|chopping|while (?:cooking|shaving|chopping|running|working)|from (?:overdos|hurting|harming|cutting))\b/,
  },
  {
    id: "threat",
    category: "violence",
    all: [
      /\b(?:i(?:'m| am)?|we(?:'re| are)?|im|i'll|we'll|ill) (?:will |am |are |going to |gonna |'ll |just )*(?:going to |gonna |will |wanna |'ll )?(?:kill|murder|shoot|stab|rape|behead|slaughter|hang|lynch|beat|burn|bomb|torture) (?:you|him|her|them|all of (?:you|them)|every(?:one|body)|your (?:family|kids|children|wife|mother|mom)|those|these|the|all)\b/,
      /\b(?:going to|gonna|will|'ll|ill)\b/,
    ],
    unless:
      /\b(?:game|chess|character|scene|story|said|quote|lyrics|song|movie|translate|photos?|pictures?|video|film|scene|dance|exam|interview|record|competition|eggs|dough|drum|process|bacteria|lights?|calories|fat|candles?|files?|cd|dvd|the (?:breeze|lights?|engine|process|server|moment|odds|record|clock|time|heat|rush|traffic|puzzle|video|photo|ad|pilot|commercial|hoops))\b/,
  },
  {
    id: "dehumanising",
    category: "hate",
    all: [
      new RegExp(
        `\\b(?:(?:kill|exterminate|gas|eradicate|lynch|slaughter|wipe out|get rid of|hang|deport|burn) (?:all|every|those|these|the|all the|all of the|all those)? ?(?:\\w+ )?${groups}|${groups} (?:are|is|r) (?:all )?(?:just )?(?:a bunch of )?(?:sub-?human|vermin|parasites?|cockroaches|rats|animals|savages|apes|monkeys|filth\\w*|trash|garbage|scum|inferior|disgusting|a (?:disease|plague|cancer)|worthless|evil|diseased|dirty|should (?:all )?(?:die|be (?:killed|shot|hanged|exterminated|deported|gassed)))|${groups} (?:all )?(?:should|must|need to|deserve to) (?:all )?(?:die|be (?:killed|shot|hanged|exterminated|gassed|wiped out|eradicated|castrated|sterili[sz]ed)))\\b`,
      ),
    ],
    unless:
      /\b(?:said|claim\w*|believ\w*|propaganda|historian\w*|histor\w*|nazis?|hitler|why|accus\w*|condemn\w*|report\w*|stereotyp\w*|racis[mt]|antisemit\w*|hate speech|prejudice|bigot\w*|discriminat\w*|not|never|isn't|aren't|wrong to|classif\w*|translate|sentiment|speech|quote|testif\w*|dancers|trying to|wanted to|tried to|called|refute|argument)\b/,
  },
  {
    id: "trafficking",
    category: "illicit/violent",
    all: [
      asks,
      /\b(?:(?:traffic(?:k|king)?|smuggl(?:e|ing)|sell(?:ing)?|kidnap(?:ping)?|abduct(?:ing)?|groom(?:ing)?|lur(?:e|ing)|enslav(?:e|ing)) (?:\w+ ){0,2}(?:child(?:ren)?|minors?|women|girls?|boys?|humans?|people|slaves|organs|migrants|sex slaves)|(?:human|child|sex|organ) (?:trafficking|smuggling) (?:ring|network|operation|business))\b/,
      /\b(?:how (?:to|do i|can i|would i)|guide|tutorial|instructions?|steps?|teach|i (?:want|need) to|plan|without (?:being|getting)|best way|set up|start|run|develop|create|strateg\w+)\b/,
    ],
    unless: new RegExp(
      `${studied.source}|\\b(?:clothes|clothing|shoes|toys?|products?|books?|insurance|to (?:women|girls|children|people|boys)|combat\\w*|fight(?:ing)?|end(?:ing)?|hair|pet|dog|signs|ideas|classes|lessons|on the idea)\\b`,
    ),
  },
  {
    id: "sexual-assault",
    category: "illicit/violent",
    all: [
      /\b(?:how (?:to|do i|can i|could i)|ways? to|guide|tutorial|instructions?|steps|teach|help me|i (?:want|plan|am going) to|best (?:way|drug))\b/,
      new RegExp(
        `\\b(?:rap(?:e|ing)|sexually (?:assault|abuse|harass)(?:ing)?|roofi(?:e|ng)|grop(?:e|ing)|molest(?:ing)?|drug(?:ging)?) (?:${people}|women|girls|a girl|children|kids|a date|my date|(?:a|her|his) drink)\\b`,
      ),
    ],
    unless: studied,
  },
];

/** A word that some rule needs; text without any of them is not looked at further. */
const anchors =
  /porn|nude|naked|erotic|sex|seduc|molest|masturbat|orgasm|undress|lewd|smut|hentai|groom|csam|cp link|jailbait|pedo|bomb|explosive|\bied|molotov|grenade|tatp|petn|nitrogly|napalm|thermite|detonator|sarin|\bvx|nerve|gas\b|ricin|anthrax|novichok|tabun|soman|phosgene|botulin|weapon|smallpox|pathogen|deadly|nuclear|gun|firearm|silencer|automatic|serial|meth|fentanyl|heroin|lsd|mdma|ecstasy|crack|cocaine|ghb|dmt|pcp|krokodil|rape|raping|kill|murder|poison|strangl|stab|assassin|behead|dismember|suffocat|tortur|kidnap|abduct|lynch|contract|hit ?man|shoot|terror|suicide|blow up|derail|set fire|cleansing|genocide|ransom|logger|virus|worm|trojan|malware|botnet|rootkit|spyware|stalkerware|stealer|ddos|credential|zero.day|phishing|smishing|vishing|fake|counterfeit|hack|log in|get in|break|steal|clon|skim|launder|forged|carding|ponzi|pyramid|fraud|evasion|myself|my own life|my life|wrists|overdose|slaughter|beat|burn|exterminat|eradicat|wipe|hang|deport|subhuman|sub-human|vermin|parasit|cockroach|rats|animals|savages|apes|monkeys|filth|trash|garbage|scum|inferior|disgusting|disease|plague|cancer|worthless|evil|dirty|should|must|deserve|traffic|smuggl|sell|lur|enslav|assault|roofi|grop|drug/;

/** Where a request is looked for: sentences, cut at this many characters, overlapping. */
const sentenceLengthMax = 300;
const sentenceStep = 200;

/** Rules that fire on some sentence of `text`, which a view has lower-cased. */
export function rulesMatching(text: string): readonly Rule[] {
  if (!anchors.test(text)) return [];
  const found = new Set<Rule>();
  for (const sentence of sentencesOf(text)) {
    if (!anchors.test(sentence)) continue;
    for (const rule of rules) if (fires(rule, sentence)) found.add(rule);
  }
  return [...found];
}

function fires(rule: Rule, sentence: string): boolean {
  return rule.all.every((pattern) => pattern.test(sentence)) && !rule.unless?.test(sentence);
}

function* sentencesOf(text: string): Generator<string> {
  for (const sentence of text.split(/(?<=[.!?;])\s+|\n+/)) {
    if (sentence.length <= sentenceLengthMax) yield sentence;
    else
      for (let from = 0; from < sentence.length; from += sentenceStep)
        yield sentence.slice(from, from + sentenceLengthMax);
  }
}
