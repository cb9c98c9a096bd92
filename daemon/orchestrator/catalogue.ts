import type { ModelListing } from "../../src/chat/answer.ts";
import { isPeerError, PeerError } from "../../src/errors.ts";
import type { AccountId } from "../../src/ids.ts";
import {
  type ModelManifest,
  modelId,
  type SignedManifest,
  type Visibility,
  visibilities,
} from "../../src/models/manifest.ts";
import type {
  ModelPage,
  ModelQuery,
  ModelStore,
  PublishedModel,
  PublishedVersion,
} from "../../src/models/model-store.ts";
import { parsePublishedReference } from "../../src/models/reference.ts";
import { isExactVersion, newestVersion } from "../../src/models/version.ts";
import type { Catalogue, Hosts, ServedModel } from "../../src/pipeline/ports.ts";
import { tokensMax } from "../../src/protocol/frame.ts";

export interface NetworkCatalogueOptions {
  readonly models: ModelStore;
  readonly hosts: Hosts;
  /** In a private network its members may use what is published for the network. */
  readonly isPrivate: boolean;
  /** Where the registry keeps a blob, by its hexadecimal SHA-256. */
  blobFile(digest: string): string;
}

const pageModels = 500;
/** In one answer, where there are no pages. */
const listedMax = 5_000;

/** The models of this network, as its consumers may see them. */
export class NetworkCatalogue implements Catalogue {
  readonly #options: NetworkCatalogueOptions;

  constructor(options: NetworkCatalogueOptions) {
    this.#options = options;
  }

  async resolve(model: string, caller: { readonly accountId: AccountId }): Promise<ServedModel> {
    const found = await this.find(model, caller.accountId);
    const { manifest } = found;
    return {
      reference: modelId(manifest),
      digest: `sha256:${manifest.digest}`,
      file: this.#options.blobFile(manifest.digest),
      contextLength: this.#servedContext(manifest),
      producer: found.accountId,
      royaltyPer100kTokens: manifest.prices.royaltyPer100kTokens,
    };
  }

  /** The newest versions of all models, at most 5,000, withdrawn ones too: the operator's view. */
  async listAll(): Promise<readonly PublishedModel[]> {
    const query = { words: [], accountId: null, isYankedToo: true, limit: listedMax, after: null };
    return (await this.#options.models.search({ ...query, visibilities })).models;
  }

  /** A page of the models the account may see, the newest page first; of each those with most hosts come first. */
  list(accountId: AccountId | null, words: readonly string[] = [], after: number | null = null): Promise<ModelPage> {
    return this.#open(accountId, { words, limit: pageModels, after });
  }

  /** The newest models the account may see, at most 5,000, those with most hosts first. */
  async listings(accountId: AccountId): Promise<readonly ModelListing[]> {
    const { models } = await this.#open(accountId, { words: [], limit: listedMax, after: null });
    return models.map(({ manifest, publishedAt }) => ({
      id: modelId(manifest),
      createdAt: Math.floor(publishedAt / 1_000),
      owner: manifest.name.split("/")[0] ?? manifest.name,
      contextLength: this.#servedContext(manifest),
    }));
  }

  async #open(accountId: AccountId | null, query: Pick<ModelQuery, "words" | "limit" | "after">): Promise<ModelPage> {
    const { models, next } = await this.#options.models.search({
      ...query,
      visibilities: visibilities.filter((visibility) => this.#isOpenTo(visibility, accountId)),
      accountId,
      isYankedToo: false,
    });
    const hosts = new Map(models.map((model) => [model, this.hostsOf(model)]));
    return { models: models.toSorted((a, b) => (hosts.get(b) ?? 0) - (hosts.get(a) ?? 0)), next };
  }

  mayRead({ manifest, accountId: producer }: PublishedVersion, accountId: AccountId | null): boolean {
    return this.#isOpenTo(manifest.visibility, accountId) || accountId === producer;
  }

  /** Of producers other than itself. */
  #isOpenTo(visibility: Visibility, accountId: AccountId | null): boolean {
    if (visibility === "global") return !this.#options.isPrivate || accountId !== null;
    return visibility === "private" && this.#options.isPrivate && accountId !== null;
  }

  /** As its producer signed it. */
  signed({ manifest }: PublishedModel): Promise<SignedManifest> {
    return this.#options.models.signed(manifest.name, manifest.version);
  }

  /** Hosts serving a model now. */
  hostsOf({ manifest }: PublishedModel): number {
    return this.#offering(manifest.digest).length;
  }

  /** The version a reference names: exactly, or the newest that fits and is not withdrawn. Throws `model_missing`. */
  async find(model: string, accountId: AccountId): Promise<PublishedModel> {
    const found = await this.#newest(model, accountId);
    if (found === undefined) throw await this.#missing(model, accountId);
    return found;
  }

  async #newest(model: string, accountId: AccountId): Promise<PublishedModel | undefined> {
    const { name, version } = parsed(model);
    const { models } = this.#options;
    if (version !== undefined && isExactVersion(version)) {
      const exact = await models.find(name, version);
      return exact !== undefined && this.mayRead(exact, accountId) ? exact : undefined;
    }
    const versions = (await models.versions(name)).filter((each) => this.mayRead(each, accountId));
    const offered = versions.filter(({ yankedAt }) => yankedAt === undefined);
    const newest = newestVersion(
      offered.map(({ manifest }) => manifest.version),
      version,
    );
    return newest === undefined ? undefined : models.find(name, newest);
  }

  async #missing(model: string, accountId: AccountId): Promise<PeerError> {
    const names = (await this.list(accountId)).models.slice(0, 5).map(({ manifest }) => modelId(manifest));
    const offered = names.length === 0 ? "Nothing is published here yet." : `There is ${names.join(", ")}.`;
    return new PeerError("model_missing", `This network has no model "${model.slice(0, 128)}". ${offered}`, {
      parameter: "model",
    });
  }

  /**
   * The context that it is served with: of each owner's longest the upper median, so that no few can make it short or
   * boast it long; at most the model's own, which it is where nobody serves it, and what a host can be told of. Hosts with
   * less get shorter requests.
   */
  #servedContext({ digest, facts }: ModelManifest): number {
    const longest = new Map<string, number>();
    for (const { owner, contextLength } of this.#offering(digest)) {
      longest.set(owner, Math.max(contextLength, longest.get(owner) ?? 0));
    }
    const lengths = [...longest.values()].sort((a, b) => a - b);
    return Math.min(lengths[Math.floor(lengths.length / 2)] ?? tokensMax, facts.contextLength, tokensMax);
  }

  #offering(digest: string): { readonly owner: string; readonly contextLength: number }[] {
    return this.#options.hosts.members().flatMap((member) => {
      const offer = member.offerOf(`sha256:${digest}`);
      return offer === undefined ? [] : [{ owner: member.owner, contextLength: offer.contextLength }];
    });
  }
}

/** A name that no reference can have is a model that is not there. */
function parsed(model: string): { readonly name: string; readonly version: string | undefined } {
  try {
    return parsePublishedReference(model);
  } catch (error) {
    if (isPeerError(error, "reference_malformed")) return { name: model, version: undefined };
    throw error;
  }
}
