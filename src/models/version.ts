import { PeerError } from "../errors.ts";

/** A semantic version, taken apart. Source: Semantic Versioning 2.0.0, section 9 to 11. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  readonly prerelease: readonly string[];
}

const number = "(0|[1-9]\\d{0,14})";
const identifier = "(?:0|[1-9]\\d{0,14}|\\d*[A-Za-z-][0-9A-Za-z-]*)";
const exactPattern = new RegExp(
  `^${number}\\.${number}\\.${number}(?:-(${identifier}(?:\\.${identifier})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
);
const partialPattern = new RegExp(`^${number}(?:\\.${number})?$`);

/** At most 64 characters. Throws `reference_malformed`. */
export function parseVersion(text: string): Version {
  const match = text.length > 64 ? null : exactPattern.exec(text);
  if (match === null) {
    throw new PeerError("reference_malformed", `Not a semantic version: "${text.slice(0, 64)}". Write it like 1.2.0.`);
  }
  return {
    major: Number(match[1]),
    minor: Number(match[2]),
    patch: Number(match[3]),
    prerelease: match[4]?.split(".") ?? [],
  };
}

export function isExactVersion(text: string): boolean {
  return text.length <= 64 && exactPattern.test(text);
}

/** Whether `text` names a line of versions: "1" or "1.2". */
export function isPartialVersion(text: string): boolean {
  return partialPattern.test(text);
}

/** Precedence: negative when `a` is the older. Build metadata does not count. */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  const core = left.major - right.major || left.minor - right.minor || left.patch - right.patch;
  return core !== 0 ? core : comparePrereleases(left.prerelease, right.prerelease);
}

/**
 * The newest of `versions` that `wanted` allows: an exact version, a line ("1.2"), or any when undefined. A
 * prerelease is chosen only by its exact name, or where nothing else was published.
 */
export function newestVersion(versions: readonly string[], wanted: string | undefined): string | undefined {
  if (wanted !== undefined && isExactVersion(wanted)) return versions.find((version) => version === wanted);
  const line = versions.filter((version) => wanted === undefined || version.startsWith(`${wanted}.`));
  const released = line.filter((version) => parseVersion(version).prerelease.length === 0);
  const candidates = released.length > 0 ? released : line;
  return candidates.reduce<string | undefined>(
    (best, version) => (best === undefined || compareVersions(version, best) > 0 ? version : best),
    undefined,
  );
}

function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length === 0 ? 0 : a.length === 0 ? 1 : -1;
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const left = a[index];
    const right = b[index];
    if (left === undefined) return -1;
    if (right === undefined) return 1;
    if (left === right) continue;
    const leftIsNumber = /^\d+$/.test(left);
    const rightIsNumber = /^\d+$/.test(right);
    if (leftIsNumber && rightIsNumber) return Number(left) - Number(right);
    if (leftIsNumber !== rightIsNumber) return leftIsNumber ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return 0;
}
