/** Items of several streams as they come, each stream's in its order. One that fails fails the whole; all are closed. */
export async function* interleave<Item>(
  streams: readonly AsyncIterable<Item>[],
): AsyncGenerator<Item, void, undefined> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const turns = new Map(iterators.map((iterator, index) => [index, turnOf(iterator, index)]));
  try {
    while (turns.size > 0) {
      const { index, result } = await Promise.race(turns.values());
      const iterator = iterators[index];
      if (result.done === true || iterator === undefined) {
        turns.delete(index);
        continue;
      }
      turns.set(index, turnOf(iterator, index));
      yield result.value;
    }
  } finally {
    for (const [index, turn] of turns) {
      turn.catch(() => "the stream is given up, and its failure with it");
      void iterators[index]?.return?.();
    }
  }
}

async function turnOf<Item>(
  iterator: AsyncIterator<Item>,
  index: number,
): Promise<{ index: number; result: IteratorResult<Item> }> {
  return { index, result: await iterator.next() };
}
