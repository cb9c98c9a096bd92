import type { Millis } from "../clock.ts";
import type { AccountId } from "../ids.ts";
import type { ModelManifest, SignedManifest, Visibility } from "./manifest.ts";

/** One version of a model in a network's catalogue. */
export interface PublishedModel {
  readonly manifest: ModelManifest;
  /** Who published it. */
  readonly accountId: AccountId;
  readonly publishedAt: Millis;
  /** Withdrawn since then: no longer chosen, still served to those who name it. */
  readonly yankedAt: Millis | undefined;
}

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
   * key published the name first, `conflict` when the version exists with other content.
   */
  publish(publication: {
    readonly signed: SignedManifest;
    readonly accountId: AccountId;
    readonly publishedAt: Millis;
  }): Promise<PublishedModel>;
  find(name: string, version: string): Promise<PublishedModel | undefined>;
  /** A version as its producer signed it: its shards too, which are many of a large file. Throws `not_found`. */
  signed(name: string, version: string): Promise<SignedManifest>;
  /** Every version of a name, oldest publication first; empty where it is unknown. */
  versions(name: string): Promise<readonly PublishedModel[]>;
  /** Every version whose file has this SHA-256 (hexadecimal), oldest publication first. */
  holding(fileDigest: string): Promise<readonly PublishedModel[]>;
  search(query: ModelQuery): Promise<ModelPage>;
  /** Marks a version withdrawn, for good; once more changes nothing. Throws `not_found`. */
  yank(name: string, version: string, at: Millis): Promise<PublishedModel>;
}
