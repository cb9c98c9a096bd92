/**
 * Everything the sources yield, as it comes: in order within a source, in any order between them. At most
 * `concurrencyMax` sources are open at once, each read only as fast as the whole is. When one throws, or the reader
 * leaves, the others' signal aborts and all are closed.
 */
export async function* interleave<Item>(
  sources: readonly ((signal: AbortSignal) => AsyncIterable<Item>)[],
  concurrencyMax: number,
  signal: AbortSignal,
): AsyncGenerator<Item, void, undefined> {
  const stop = new AbortController();
  const limited = AbortSignal.any([signal, stop.signal]);
  const waiting = sources.values();
  const open = new Map<AsyncIterator<Item>, Promise<Pulled<Item>>>();
  const pullFrom = (iterator: AsyncIterator<Item>) => {
    const pulled = pull(iterator);
    // Its failure is met where it is raced for; while the reader takes its time, nobody waits for it.
    pulled.catch(() => {});
    open.set(iterator, pulled);
  };
  const openNext = () => {
    const { value: source } = waiting.next();
    if (source !== undefined) pullFrom(source(limited)[Symbol.asyncIterator]());
  };
  for (let count = 0; count < concurrencyMax; count++) openNext();
  try {
    while (open.size > 0) {
      const { iterator, result } = await Promise.race(open.values());
      if (result.done === true) {
        open.delete(iterator);
        openNext();
        continue;
      }
      pullFrom(iterator);
      yield result.value;
    }
  } finally {
    stop.abort();
    // One failure has told why already; a source that is stopped has nothing more to say.
    await Promise.allSettled([...open.values(), ...[...open.keys()].map((iterator) => iterator.return?.())]);
  }
}

interface Pulled<Item> {
  readonly iterator: AsyncIterator<Item>;
  readonly result: IteratorResult<Item, unknown>;
}

async function pull<Item>(iterator: AsyncIterator<Item>): Promise<Pulled<Item>> {
  return { iterator, result: await iterator.next() };
}
