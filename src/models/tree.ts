import { createHash } from "node:crypto";
import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { basename, join, relative, resolve, sep } from "node:path";
import { PeerError } from "../errors.ts";
import { type ByteRange, type DigestAlgorithm, digestFile, digestRanges, type OnBytes, shardRanges } from "./digest.ts";

/*
 * The files of a model, in the canonical form of OpenSSF Model Signing 1.0, sections 6.1 to 6.5: a folder or a single
 * file, paths relative to its root with "/" between, compared byte for byte.
 */

/** Never part of a model, at its root (section 6.2). */
export const alwaysIgnoredPaths: readonly string[] = [".git", ".gitattributes", ".github", ".gitignore"];

export interface Serialization {
  readonly method: "files" | "shards";
  readonly hashType: DigestAlgorithm;
  /** Size of a shard, for the method "shards" alone. */
  readonly shardBytes: number | undefined;
  readonly allowSymlinks: boolean;
  /** Paths from the root left out, with all below them. */
  readonly ignorePaths: readonly string[];
}

export interface TreeFile {
  /** Canonical path from the root; the base name where the model is a single file. */
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
}

/** A file, or a range of one, and its digest. */
export interface Resource {
  /** A canonical path, for shards followed by ":start:end". */
  readonly name: string;
  /** Lower case hexadecimal. */
  readonly digest: string;
  readonly algorithm: DigestAlgorithm;
}

export interface TreeRules {
  readonly allowSymlinks: boolean;
  readonly ignorePaths: readonly string[];
  /** Paths that are wanted even where an ignored path covers them. */
  readonly wantedPaths?: ReadonlySet<string>;
  /** Whatever else lies there is let be, unreadable as it may be. */
  readonly wantedOnly?: boolean;
}

const emptyRange: ByteRange = { start: 0, end: 0 };
const filesMax = 1_000_000;
const depthMax = 64;

/**
 * All regular files of the model at `root`, sorted by name. The rules for links are for those inside it: a root that is
 * one itself, as every file of the hub's cache is, stands for what it leads to. Throws `file_missing` when there is none
 * at all, and `model_invalid` for a link that is not allowed, leaves the model or runs in a circle, and for a name that
 * is not UTF-8.
 */
export async function listTree(root: string, rules: TreeRules, signal: AbortSignal): Promise<TreeFile[]> {
  const target = await stat(root).catch(async (cause) => {
    const isLink = await lstat(root).then(
      (found) => found.isSymbolicLink(),
      () => false,
    );
    const message = isLink ? `"${root}" is a link that leads nowhere.` : `There is no model at "${root}".`;
    throw new PeerError("file_missing", message, { cause, hint: "Name a file or a folder." });
  });
  if (target.isFile()) return [{ name: basename(resolve(root)), path: root, sizeBytes: target.size }];
  if (!target.isDirectory()) throw new PeerError("model_invalid", `"${root}" is neither a file nor a folder.`);
  const realRoot = await realpath(root);
  const files: TreeFile[] = [];
  const wanted = withFolders(rules.wantedPaths ?? new Set());
  await collect({ realRoot, rules, wanted, files, signal }, root, "", [realRoot]);
  return files.sort((a, b) => compareNames(a.name, b.name));
}

/** Digests of all files, as the method says, sorted by name. The one shard of an empty file is empty. */
export async function hashTree(
  files: readonly TreeFile[],
  serialization: Serialization,
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<Resource[]> {
  const algorithm = serialization.hashType;
  const resources: Resource[] = [];
  for (const file of files) {
    if (serialization.shardBytes === undefined) {
      resources.push({ name: file.name, digest: await digestFile(file.path, algorithm, onBytes, signal), algorithm });
      continue;
    }
    const ranges = file.sizeBytes === 0 ? [emptyRange] : shardRanges(file.sizeBytes, serialization.shardBytes);
    const digests = await digestRanges(file.path, ranges, algorithm, onBytes, signal);
    for (const [index, range] of ranges.entries()) {
      resources.push({ name: shardName(file.name, range), digest: digests[index] ?? "", algorithm });
    }
  }
  return resources.sort((a, b) => compareNames(a.name, b.name));
}

/** SHA-256 over the digests of all resources, in the order given (section 6.5.1); hexadecimal. */
export function rootDigest(resources: readonly Resource[]): string {
  const hash = createHash("sha256");
  for (const { digest } of resources) hash.update(Buffer.from(digest, "hex"));
  return hash.digest("hex");
}

export function shardName(name: string, range: ByteRange): string {
  return `${name}:${range.start}:${range.end}`;
}

/** Takes "path:start:end" apart; a path may hold colons itself. */
export function parseShardName(text: string): { name: string; range: ByteRange } | undefined {
  const match = /^(.+):(0|[1-9]\d{0,14}):(0|[1-9]\d{0,14})$/s.exec(text);
  if (match?.[1] === undefined) return undefined;
  return { name: match[1], range: { start: Number(match[2]), end: Number(match[3]) } };
}

/** By Unicode code point, which is the order of UTF-8 bytes. */
export function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Whether `name` is a canonical path that stays below the root (section 6.1.2). */
export function isCanonicalPath(name: string): boolean {
  if (name === "" || name.includes("\0")) return false;
  if (process.platform === "win32" && /[\\:]/.test(name)) return false;
  return name.split("/").every((component) => component !== "" && component !== "." && component !== "..");
}

/** The path from the model's root to a file beside or below it, or undefined when it lies elsewhere. */
export function pathInside(root: string, path: string): string | undefined {
  const inside = relative(resolve(root), resolve(path)).split(sep).join("/");
  return isCanonicalPath(inside) && !inside.startsWith("/") ? inside : undefined;
}

interface Walk {
  readonly realRoot: string;
  readonly rules: TreeRules;
  /** The wanted paths and the folders they lie in. */
  readonly wanted: ReadonlySet<string>;
  readonly files: TreeFile[];
  readonly signal: AbortSignal;
}

/** `ancestors` holds the real paths of the folders entered, so that a link back to one of them is seen. */
async function collect(walk: Walk, folder: string, prefix: string, ancestors: readonly string[]): Promise<void> {
  walk.signal.throwIfAborted();
  if (ancestors.length > depthMax) throw new PeerError("model_invalid", `"${prefix}" lies too deep.`);
  for (const entry of await readdir(folder, { withFileTypes: true, encoding: "buffer" })) {
    const component = entry.name.toString("utf8");
    const name = prefix === "" ? component : `${prefix}/${component}`;
    if (!Buffer.from(component, "utf8").equals(entry.name)) {
      if (walk.rules.wantedOnly === true) continue;
      throw new PeerError("model_invalid", `The name of a file in "${folder}" is not UTF-8, so it can't be signed.`);
    }
    if (isLeftOut(walk, name)) continue;
    const path = join(folder, component);
    const kind = entry.isSymbolicLink() ? await followLink(walk, path, name) : entry;
    if (kind.isDirectory()) {
      const real = await realpath(path);
      if (ancestors.includes(real)) throw new PeerError("model_invalid", `The link "${name}" runs in a circle.`);
      await collect(walk, path, name, [...ancestors, real]);
    } else if (kind.isFile()) {
      if (walk.files.length >= filesMax) throw new PeerError("model_invalid", `More than ${filesMax} files.`);
      walk.files.push({ name, path, sizeBytes: (await stat(path)).size });
    } else {
      throw new PeerError("model_invalid", `"${name}" is neither a file nor a folder, so it can't be signed.`);
    }
  }
}

async function followLink(walk: Walk, path: string, name: string): Promise<EntryKind> {
  if (!walk.rules.allowSymlinks) {
    throw new PeerError("model_invalid", `"${name}" is a symbolic link, which this model does not allow.`);
  }
  const real = await realpath(path).catch((cause) => {
    throw new PeerError("model_invalid", `The link "${name}" leads nowhere or runs in a circle.`, { cause });
  });
  const below = relative(walk.realRoot, real);
  if (below === ".." || below.startsWith(`..${sep}`) || resolve(walk.realRoot, below) === below) {
    throw new PeerError("model_invalid", `The link "${name}" leads out of the model.`);
  }
  return stat(real);
}

interface EntryKind {
  isDirectory(): boolean;
  isFile(): boolean;
}

function isLeftOut({ rules, wanted }: Walk, name: string): boolean {
  if (wanted.has(name)) return false;
  if (rules.wantedOnly === true) return true;
  return [...alwaysIgnoredPaths, ...rules.ignorePaths].some(
    (ignored) => name === ignored || name.startsWith(`${ignored}/`),
  );
}

function withFolders(paths: ReadonlySet<string>): Set<string> {
  const all = new Set(paths);
  for (const path of paths) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) all.add(path.slice(0, end));
  }
  return all;
}
