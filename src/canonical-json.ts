/**
 * One spelling for one value: keys sorted by UTF-16 code unit, no white space, undefined keys left out, bigints as
 * strings of decimal digits. What JSON can't hold, and integers that a number holds only roughly, are a broken
 * invariant: TypeError. Source: RFC 8785 (JSON Canonicalization Scheme).
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object" && value !== null) return canonicalObject(value);
  if (typeof value === "bigint") return `"${value}"`;
  const isNumber = typeof value === "number" && Number.isFinite(value);
  const isExact = isNumber && (Number.isSafeInteger(value) || !Number.isInteger(value));
  if (isExact || typeof value === "string" || typeof value === "boolean" || value === null)
    return JSON.stringify(value);
  throw new TypeError(`${String(value)} has no canonical form`);
}

function canonicalObject(value: object): string {
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
