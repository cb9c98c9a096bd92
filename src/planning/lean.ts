/** Words by which a text points at something outside itself. */
const pointing =
  /\b(?:it|its|itself|they|them|their|theirs|he|she|him|his|hers|those|these|this|that(?= (?:one|case|answer|person|place|city|country|company|word|question|time|number|year|event|process|method|language|book|film|movie|example)\b)|former|latter|above|below|aforementioned|same|previous(?:ly)?|preceding|following one|next one|earlier|other one|others|another one|each other|one of them|both|either|neither|instead|likewise|respectively|again|the (?:first|second|third|last|other|two|three) (?:one|question|answer|item|part|step|point)s?|the (?:other|answer|results?|output|list|text|passage)|(?:question|step|part|item|point|number|answer|task|q) ?#?(?:\d|one|two|three)\b|your (?:answer|answers|response|result|list|story|code|function|poem|previous|first|last)|you (?:just|wrote|gave|said|mentioned|found|chose))\b/i;
/** Beginnings that continue what came before. */
const continuing =
  /^\W*(?:and|but|or|so|then|also|plus|next|finally|lastly|therefore|thus|hence|because|otherwise|if so|if not|if yes|why\?|why not|how so|how come\?|what about|how about|what else|who else|where else|which one|what if|when\?|where\?|who\?|using (?:the|that|this|your)|based on|given (?:that|the|this|your)|now|after (?:that|this)|combine|merge|compare|summari[sz]e (?:the|all|your)|explain (?:your|why)\b(?! (?:the|a|an|do|does|is|are|did)\b))/i;

/** "What is the price?": of what, only the text before it says. */
const bare = /^\W*what(?:'s| is| are| was| were) the (?:[a-z-]+ )?[a-z-]+\?\s*$/i;

/** Whether a text can't be understood without what stands before it. */
export function leans(text: string): boolean {
  const own = withoutQuotes(text);
  return (
    continuing.test(own) ||
    bare.test(own) ||
    pointing.test(own.replace(/\bthat (?:is|are|was|were|can|has|have|the|a|an)\b/gi, ""))
  );
}

/** "How do plants make oxygen?": a kind of thing in general, which no text before it need name. */
const general = /^\W*(?:how|why) (?:do|does|did|is|are) (?!(?:the|i|you|we|my|your|our|their)\b)[a-z]+ [a-z]+/i;

/** "the boiling point of water", and things there is one of. */
const definite =
  /\bthe (?:[a-z]+ ){1,2}of (?!(?:the|this|that|it|them|these|those|my|your|our|their)\b)[a-z]+|\bthe (?:sky|sun|moon|earth|sea|ocean|world|universe|internet)\b/i;

/** Whether a question names what it is about: a name, a number, a quotation, "a …", or a kind of thing. */
export function namesItsSubject(text: string): boolean {
  return (
    general.test(text) ||
    definite.test(text) ||
    /["'“‘`].+["'”’`]|\d|\b(?:a|an)\s+[a-z]/i.test(text) ||
    /\s[A-Z[][\p{L}\d_-]/u.test(text.trim())
  );
}

/** What is quoted may point where it likes. */
function withoutQuotes(text: string): string {
  return text.replace(/"[^"]*"|“[^“”]*”|`[^`]*`/g, '""');
}
