import { PeerError } from "../errors.ts";

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
  const open = new Set<AsyncIterator<Item>>();
  const ready: Pulled<Item>[] = [];
  let wake = () => {};
  const pull = (iterator: AsyncIterator<Item>) => {
    const arrive = (pulled: Pulled<Item>) => {
      ready.push(pulled);
      wake();
    };
    iterator.next().then(
      (result) => arrive({ iterator, result }),
      (error: unknown) => arrive({ iterator, error }),
    );
  };
  const openNext = () => {
    const { value: source } = waiting.next();
    if (source === undefined) return;
    const iterator = source(limited)[Symbol.asyncIterator]();
    open.add(iterator);
    pull(iterator);
  };
  for (let count = 0; count < concurrencyMax; count++) openNext();
  try {
    while (open.size > 0) {
      const pulled = ready.shift();
      if (pulled === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      if ("error" in pulled) throw pulled.error;
      const { iterator, result } = pulled;
      if (result.done === true) {
        open.delete(iterator);
        openNext();
        continue;
      }
      pull(iterator);
      yield result.value;
    }
  } finally {
    stop.abort(new PeerError("cancelled", "Nobody reads on."));
    // One failure has told why already; a source that is stopped has nothing more to say.
    await Promise.allSettled([...open].map((iterator) => iterator.return?.()));
  }
}

/** What one source gave: each has at most one of them ready. */
type Pulled<Item> = { readonly iterator: AsyncIterator<Item> } & (
  | { readonly result: IteratorResult<Item, unknown> }
  | { readonly error: unknown }
);
