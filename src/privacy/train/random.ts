/** A seeded source of choices; the same seed makes the same ones (mulberry32, Tommy Ettinger, public domain algorithm). */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  pick<T>(from: readonly T[]): T;
  chance(probability: number): boolean;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
  return {
    next,
    pick(from) {
      const chosen = from[Math.floor(next() * from.length)];
      if (chosen === undefined) throw new RangeError("Nothing to pick from.");
      return chosen;
    },
    chance: (probability) => next() < probability,
  };
}
