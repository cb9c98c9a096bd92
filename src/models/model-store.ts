import type { Millis } from "../clock.ts";
import type { AccountId } from "../ids.ts";
import type { ModelManifest, SignedManifest, Visibility } from "./manifest.ts";

/** What a version is chosen by. */
export interface PublishedVersion {
  readonly manifest: Pick<ModelManifest, "name" | "version" | "visibility">;
  /** Who published it. */
  readonly accountId: AccountId;
  /** Withdrawn since then: no longer chosen, still served to those who name it. */
  readonly yankedAt: Millis | undefined;
}

/** One version of a model in a network's catalogue. */
export interface PublishedModel extends PublishedVersion {
  readonly manifest: ModelManifest;
  readonly publishedAt: Millis;
}

/** Of one name, and of one file, which strangers may ask for at any time. */
export const versionsMax = 1_000;

export interface ModelQuery {
  /** All of them in its name or summary, in any case. */
  readonly words: readonly string[];
  /** Of these visibilities, whoever published it … */
  readonly visibilities: readonly Visibility[];
  /** … or of any, where this account did. */
  readonly accountId: AccountId | null;
  readonly isYankedToo: boolean;
  readonly limit: number;
  /** Goes on after a page, by its `next`; null for the first one. */
  readonly after: number | null;
}

export interface ModelPage {
  /** The newest publication first. */
  readonly models: readonly PublishedModel[];
  /** Null where this was the last page. */
  readonly next: number | null;
}

/** The catalogue of models. Everything in it was verified before. */
export interface ModelStore {
  /**
   * Adds a version; the same once more changes nothing and returns what is there. Throws `name_taken` when another
   * key published the name first, `conflict` when the version exists with other content, `insufficient_quota` when its
   * name or its file has the versions it may; of a file an account may add half of what the others leave.
   */
  publish(publication: {
    readonly signed: SignedManifest;
    readonly accountId: AccountId;
    readonly publishedAt: Millis;
  }): Promise<PublishedModel>;
  /** What is published of it already. Throws what `publish` would. */
  check(manifest: ModelManifest, accountId: AccountId): Promise<PublishedModel | undefined>;
  find(name: string, version: string): Promise<PublishedModel | undefined>;
  /** A version as its producer signed it: its shards too, which are many of a large file. Throws `not_found`. */
  signed(name: string, version: string): Promise<SignedManifest>;
  /** Every version of a name, oldest publication first; empty where it is unknown. */
  versions(name: string): Promise<readonly PublishedVersion[]>;
  /** Every version whose file has this SHA-256 (hexadecimal), oldest publication first. */
  holding(fileDigest: string): Promise<readonly PublishedModel[]>;
  search(query: ModelQuery): Promise<ModelPage>;
  /** Marks a version withdrawn, for good; once more changes nothing. Throws `not_found`. */
  yank(name: string, version: string, at: Millis): Promise<PublishedModel>;
}
