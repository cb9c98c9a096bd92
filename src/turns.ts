/** Does one thing at a time, in the order asked. */
export type InTurn = <Result>(act: () => Promise<Result>, signal?: AbortSignal) => Promise<Result>;

/** A queue of its own. Whoever's signal has aborted when its turn comes does nothing and rejects with its reason. */
export function turns(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (act, signal) => {
    const mine = last.then(() => {
      signal?.throwIfAborted();
      return act();
    });
    // Whoever asked hears of its failure; the next one's turn comes all the same.
    last = mine.catch(() => undefined);
    return mine;
  };
}
