/** The commonest words of English requests, and those that hidden requests are hidden for. */
const vocabulary = new Set(
  (
    "a about all an and any are around as at away be because before best big bomb bombs build bus but buy by cake can car card child children city code come " +
    "computer cook could create credit day death describe detail did die do does dog door down drug drugs easy email explain explosive explosives " +
    "family fake find fire first food for from fuck gas gay get girl give go good government great guide gun guns hack hate have he help her him his home " +
    "hospital house how i if illegal in instructions into is it jews keep kid kill kids kind know knife large learn letter life like list live long look love " +
    "machine make man many me meth method methods minor money mother murder muslims my need new night nor not nude now of off old on one only open or other our " +
    "out over own password people person phone pipe place plan plant please poison police porn president private produce program put rape read ricin right rob " +
    "room sarin school script see sell send sex she shoot should show site small software some someone song steal step steps stolen stop store story street " +
    "suicide synthesize take teach tell terrorist than that the their them then there these they thing this time to train tutorial two undetected up us use " +
    "using victim virus want was water way we weapon weapons website what when where which white who why wife will with without woman women word work world " +
    "would write year you your"
  ).split(" "),
);
const wordLengthMax = 12;
const textLengthMax = 400;
const wordCost = 0.3;

/** Parts "howtomakeabomb" into words: the cut with the fewest letters outside the vocabulary, then the fewest words. */
export function segment(letters: string): string {
  const length = Math.min(letters.length, textLengthMax);
  const costs = [0];
  const from = [0];
  for (let end = 1; end <= length; end++) {
    let best = (costs[end - 1] ?? 0) + 1;
    let start = end - 1;
    for (let size = 1; size <= Math.min(end, wordLengthMax); size++) {
      if (!vocabulary.has(letters.slice(end - size, end))) continue;
      const cost = (costs[end - size] ?? 0) + wordCost;
      if (cost < best) {
        best = cost;
        start = end - size;
      }
    }
    costs.push(best);
    from.push(start);
  }
  return wordsOf(letters, from, length) + letters.slice(length);
}

/** Single letters outside the vocabulary stay together. */
function wordsOf(letters: string, from: readonly number[], length: number): string {
  const words: string[] = [];
  for (let end = length; end > 0; end = from[end] ?? 0) words.unshift(letters.slice(from[end] ?? 0, end));
  return words.reduce((text, word, index) => {
    const isLoose = (part: string | undefined) => part !== undefined && part.length === 1 && !vocabulary.has(part);
    const joins = index === 0 || (isLoose(word) && isLoose(words[index - 1]));
    return `${text}${joins ? "" : " "}${word}`;
  }, "");
}
