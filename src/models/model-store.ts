import type { Millis } from "../clock.ts";
import type { AccountId } from "../ids.ts";
import type { SignedManifest } from "./manifest.ts";

/** One version of a model in a network's catalogue. */
export interface PublishedModel {
  readonly signed: SignedManifest;
  /** Who published it. */
  readonly accountId: AccountId;
  readonly publishedAt: Millis;
  /** Withdrawn since then: no longer chosen, still served to those who name it. */
  readonly yankedAt: Millis | undefined;
}

/** The catalogue of models. Everything in it was verified before. */
export interface ModelStore {
  /**
   * Adds a version; the same once more changes nothing and returns what is there. Throws `name_taken` when another
   * key published the name first, `conflict` when the version exists with other content.
   */
  publish(model: Omit<PublishedModel, "yankedAt">): Promise<PublishedModel>;
  find(name: string, version: string): Promise<PublishedModel | undefined>;
  /** Every version of a name, oldest publication first; empty where it is unknown. */
  versions(name: string): Promise<readonly PublishedModel[]>;
  /** Every version whose file has this SHA-256 (hexadecimal), oldest publication first. */
  holding(fileDigest: string): Promise<readonly PublishedModel[]>;
  /**
   * Every version whose name or summary contains all `words` (any case), the newest publication first, at most
   * `limit`.
   */
  search(words: readonly string[], limit: number): Promise<readonly PublishedModel[]>;
  /** Marks a version withdrawn, for good; once more changes nothing. Throws `not_found`. */
  yank(name: string, version: string, at: Millis): Promise<PublishedModel>;
}
