/** A stream of pseudo-random numbers that is the same on every machine for the same seed. */
export interface Random {
  /** Uniform in [0, 2³²). */
  next(): number;
  /** Uniform integer in [from, to], both included. */
  integer(from: number, to: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** `count` different items, in random order. */
  sample<T>(items: readonly T[], count: number): T[];
  shuffle<T>(items: readonly T[]): T[];
}

/** Source: sfc32 by Chris Doty-Humphrey (PractRand), seeded with twelve warm-up rounds. */
export function randomFrom(seed: number): Random {
  let a = 0x9e3779b9 ^ seed;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  let counter = 1;
  const next = (): number => {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + result;
    return result >>> 0;
  };
  for (let round = 0; round < 12; round++) next();
  const integer = (from: number, to: number): number => from + Math.floor((next() / 2 ** 32) * (to - from + 1));
  const pick = <T>(items: readonly T[]): T => {
    const item = items[integer(0, items.length - 1)];
    if (item === undefined) throw new RangeError("pick needs at least one item");
    return item;
  };
  const shuffle = <T>(items: readonly T[]): T[] => {
    const left = [...items];
    const out: T[] = [];
    while (left.length > 0) out.push(...left.splice(integer(0, left.length - 1), 1));
    return out;
  };
  const sample = <T>(items: readonly T[], count: number): T[] => {
    const left = [...items];
    const out: T[] = [];
    while (out.length < count && left.length > 0) out.push(...left.splice(integer(0, left.length - 1), 1));
    return out;
  };
  return { next, integer, chance: (probability) => next() / 2 ** 32 < probability, pick, sample, shuffle };
}

/** FNV-1a, 32 bits: a stable seed from a text. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
