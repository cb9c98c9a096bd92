/**
 * Whether a text reads as published prose: a news story, an encyclopaedia article, a review, a plot. The people in it are
 * public there already, and masking them would only spoil the question. Asks for positive signs (length, the words of
 * newspapers and libraries, almost no first person outside quotations) and gives way to the words of private affairs.
 */
export function isPublicProse(text: string): boolean {
  if (text.length < lengthMin) return false;
  const words = text.replace(quotation, " ").split(/[^A-Za-zé'-]+/);
  const publicSeen = new Set<string>();
  const privateSeen = new Set<string>();
  let spoken = 0;
  for (const word of words) {
    if (firstPerson.has(word)) spoken += 1;
    const lower = word.toLowerCase();
    if (publicWords.has(lower)) publicSeen.add(lower);
    else if (privateWords.has(lower)) privateSeen.add(lower);
  }
  if (publicSeen.size < publicWordsMin || publicSeen.size <= 2 * privateSeen.size) return false;
  return (spoken * 300) / text.length < firstPersonRateMax;
}

const lengthMin = 300;
const publicWordsMin = 3;
/** First-person words per 300 characters. */
const firstPersonRateMax = 0.7;

const quotation = /["“][^"”\n]{0,400}["”]/g;
const firstPerson: ReadonlySet<string> = new Set("I I'm I've I'd I'll My my me We we Our our us".split(" "));

const publicWords: ReadonlySet<string> = new Set(
  "film films movie movies novel novels album albums band bands song songs season league championship championships tournament president minister parliament government election elections elected congress senator republican republicans democrat democrats campaign actor actors actress director directed starring television series episode episodes character characters plot published author journalist journalists newspaper newspapers reporter reporters reported reuters bbc cnn historian century composer king queen dynasty empire war army troops police official officials authorities spokesman spokeswoman spokesperson murder killed attack coach player players club career debut award awards nominated studio singer scientists researchers museum nation national world international announced story stories article passage".split(
    " ",
  ),
);

const privateWords: ReadonlySet<string> = new Set(
  "dear regards sincerely patient patients diagnosis diagnosed prescribed prescription symptom symptoms tenant tenants landlord lease employee employees salary payroll hr colleague colleagues coworker coworkers co-worker client clients invoice invoices mortgage confidential complaint complaints divorce custody applicant applicants candidate candidates résumé resume cv attendees minutes agenda email emails e-mail phone appointment account accounts password passwords beneficiary insurance guardian student grade grades signature signed undersigned dob address contract agreement therapy therapist pregnant pregnancy medication meeting onboarding manager warning disciplinary dismissal neighbour neighbor roommate wedding funeral eulogy reference".split(
    " ",
  ),
);
