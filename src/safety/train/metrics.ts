/** Area under the ROC curve: the chance that an unsafe text scores above a benign one, ties half. NaN without either. */
export function auc(unsafe: readonly number[], benign: readonly number[]): number {
  const all = [
    ...unsafe.map((score) => ({ score, unsafe: true })),
    ...benign.map((score) => ({ score, unsafe: false })),
  ];
  all.sort((a, b) => a.score - b.score);
  let rankSum = 0;
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && all[to]?.score === all[from]?.score) to++;
    for (let index = from; index < to; index++) if (all[index]?.unsafe) rankSum += (from + to + 1) / 2;
    from = to;
  }
  return (rankSum - (unsafe.length * (unsafe.length + 1)) / 2) / (unsafe.length * benign.length);
}

/** The share of unsafe texts above the threshold that at most `rate` of the benign ones pass. NaN without either. */
export function recallAt(rate: number, unsafe: readonly number[], benign: readonly number[]): number {
  const sorted = [...benign].sort((a, b) => b - a);
  const threshold = sorted[Math.floor(rate * sorted.length)] ?? Number.NaN;
  return unsafe.filter((score) => score > threshold).length / unsafe.length;
}
