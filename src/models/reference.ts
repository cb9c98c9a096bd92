import { PeerError } from "../errors.ts";
import { isExactVersion, isPartialVersion } from "./version.ts";

/** A model of the network: `acme/tiny` (newest), `acme/tiny:1.2` (newest of a line) or `acme/tiny:1.2.0`. */
export interface PublishedReference {
  readonly kind: "published";
  /** `owner/name`, lower case. */
  readonly name: string;
  readonly version: string | undefined;
}

/** A file of a repository on the hub: `hf:owner/repo/file.gguf`; the file may lie in folders. */
export interface HubReference {
  readonly kind: "hub";
  readonly repository: string;
  readonly file: string;
}

/** A file anywhere: `https://…`. */
export interface UrlReference {
  readonly kind: "url";
  readonly url: string;
}

export type SourceReference = HubReference | UrlReference;
export type ModelReference = PublishedReference | SourceReference;

const referenceLengthMax = 2048;
const nameSegment = "[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?";
const namePattern = new RegExp(`^${nameSegment}/${nameSegment}$`);
const hubSegment = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/;

/** Throws `reference_malformed`, saying what a reference looks like. */
export function parseReference(text: string): ModelReference {
  if (text.length > referenceLengthMax) throw malformed(text, "it is too long");
  if (text.startsWith("hf:")) return parseHubReference(text);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return parseUrlReference(text);
  return parsePublishedReference(text);
}

export function formatReference(reference: ModelReference): string {
  switch (reference.kind) {
    case "published":
      return reference.version === undefined ? reference.name : `${reference.name}:${reference.version}`;
    case "hub":
      return `hf:${reference.repository}/${reference.file}`;
    case "url":
      return reference.url;
    default:
      return reference satisfies never;
  }
}

/** Throws `reference_malformed` unless `text` names a published model. */
export function parsePublishedReference(text: string): PublishedReference {
  const colon = text.indexOf(":");
  const name = colon === -1 ? text : text.slice(0, colon);
  const version = colon === -1 ? undefined : text.slice(colon + 1);
  if (!isModelName(name)) throw malformed(text, 'a name is "owner/name" in lower case letters, digits, ".", "_", "-"');
  if (version !== undefined && !isExactVersion(version) && !isPartialVersion(version)) {
    throw malformed(text, `"${version.slice(0, 64)}" is not a version like 1.2.0`);
  }
  return { kind: "published", name, version };
}

/** Whether `text` is `owner/name`: each of 1 to 64 lower case letters, digits, dots, underscores and hyphens. */
export function isModelName(text: string): boolean {
  return namePattern.test(text) && !text.includes("..");
}

function parseHubReference(text: string): HubReference {
  const [owner, repository, ...path] = text.slice("hf:".length).split("/");
  const isWhole =
    owner !== undefined &&
    repository !== undefined &&
    path.length > 0 &&
    [owner, repository, ...path].every((segment) => hubSegment.test(segment) && !segment.includes(".."));
  if (!isWhole) throw malformed(text, "a hub source is hf:owner/repo/file.gguf");
  return { kind: "hub", repository: `${owner}/${repository}`, file: path.join("/") };
}

function parseUrlReference(text: string): UrlReference {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw malformed(text, "it is not an address", cause);
  }
  if (url.protocol !== "https:") throw malformed(text, "only https: sources are read");
  if (url.username !== "" || url.password !== "") throw malformed(url.host, "it carries a user name or a password");
  return { kind: "url", url: url.href };
}

function malformed(text: string, why: string, cause?: unknown): PeerError {
  return new PeerError("reference_malformed", `Not a model reference: "${text.slice(0, 100)}": ${why}.`, {
    cause,
    hint: "Write acme/tiny, acme/tiny:1.2.0, hf:owner/repo/file.gguf or https://….",
  });
}
