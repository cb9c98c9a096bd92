import type { Random } from "./random.ts";

/** Values that parsers have fallen over. */
const hostileValues: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  0.5,
  1e308,
  -1e308,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  "",
  " ",
  "\0",
  "\ud800",
  "../../../../etc/passwd",
  "__proto__",
  "NaN",
  "%00%ff%s%n",
  "‮ｆｕｌｌ１２３",
  "a".repeat(70_000),
  "[PERSON_1]".repeat(2_000),
  "@".repeat(5_000),
  "4111 1111 1111 1111 ".repeat(500),
  [],
  {},
  [[[[[[[[[[]]]]]]]]]],
  Array.from({ length: 5_000 }, (_, index) => index),
  { __proto__: null, constructor: { prototype: {} } },
];

const interestingBytes = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x22, 0x5c, 0x7b, 0x7d, 0x0a] as const;

/** A JSON text, changed: one to three of its values (also keys), or the text itself. Now and then it stays as it is. */
export function mutateJson(document: unknown, random: Random): Buffer {
  if (random.below(20) === 0) return Buffer.from(JSON.stringify(document));
  if (random.below(4) === 0) return mutateBytes(Buffer.from(JSON.stringify(document)), random);
  let changed = structuredClone(document);
  for (let count = 1 + random.below(3); count > 0; count -= 1) changed = changeValue(changed, random);
  const json = JSON.stringify(changed);
  if (random.below(30) === 0) return Buffer.from(`${"[".repeat(50_000)}${json}`);
  return Buffer.from(json ?? "");
}

/** A value of the tree, chosen at random, is replaced, removed, doubled or given company. */
function changeValue(value: unknown, random: Random): unknown {
  const isLeaf = typeof value !== "object" || value === null || Object.keys(value).length === 0;
  if (isLeaf || random.below(6) === 0) return changeLeaf(value, random);
  if (Array.isArray(value)) {
    const index = random.below(value.length);
    const action = random.below(5);
    if (action === 0) return value.toSpliced(index, 1);
    if (action === 1)
      return value.toSpliced(index, 0, ...Array.from({ length: 1 + random.below(300) }, () => value[index]));
    return value.with(index, changeValue(value[index], random));
  }
  const entries = Object.entries(value);
  const [key, inner] = random.pick(entries);
  const action = random.below(8);
  if (action === 0) return Object.fromEntries(entries.filter(([name]) => name !== key));
  if (action === 1)
    return { ...value, [random.pick(["__proto__", "constructor", "", "x".repeat(9_000), "unknown"])]: inner };
  return { ...value, [key]: changeValue(inner, random) };
}

function changeLeaf(value: unknown, random: Random): unknown {
  if (typeof value === "string" && random.below(2) === 0) {
    return mutateBytes(Buffer.from(value), random).toString(random.below(2) === 0 ? "utf8" : "latin1");
  }
  if (typeof value === "number" && random.below(2) === 0) return value + random.pick([-1, 1, 0.1, 4_294_967_296]);
  return random.pick(hostileValues);
}

/** One to eight changes: bytes flipped, replaced, cut out, doubled, or the rest cut off. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  let changed: Buffer = Buffer.from(bytes);
  for (let count = 1 + random.below(8); count > 0; count -= 1) changed = mutateOnce(changed, random);
  return changed;
}

function mutateOnce(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return Buffer.from([random.below(256)]);
  const at = random.below(bytes.length);
  const length = 1 + random.below(Math.min(64, bytes.length - at));
  switch (random.below(7)) {
    case 0:
      bytes.writeUInt8((bytes[at] ?? 0) ^ (1 << random.below(8)), at);
      return bytes;
    case 1:
      bytes.writeUInt8(random.pick(interestingBytes), at);
      return bytes;
    case 2:
      bytes.fill(random.pick([0x00, 0xff]), at, at + Math.min(8, length));
      return bytes;
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(length, random.below(256)), bytes.subarray(at)]);
    default:
      return random.below(4) === 0 ? bytes.subarray(0, at) : bytes;
  }
}
