import type { ModelListing } from "../../src/chat/answer.ts";
import { isPeerError, PeerError } from "../../src/errors.ts";
import type { AccountId } from "../../src/ids.ts";
import { modelId } from "../../src/models/manifest.ts";
import type { ModelStore, PublishedModel } from "../../src/models/model-store.ts";
import { parsePublishedReference } from "../../src/models/reference.ts";
import { newestVersion } from "../../src/models/version.ts";
import type { Catalogue, Hosts, ServedModel } from "../../src/pipeline/ports.ts";

export interface NetworkCatalogueOptions {
  readonly models: ModelStore;
  readonly hosts: Hosts;
  /** In a private network its members may use what is published for the network. */
  readonly isPrivate: boolean;
  /** Where the registry keeps a blob, by its hexadecimal SHA-256. */
  blobFile(digest: string): string;
}

const listedMax = 500;

/** The models of this network, as its consumers may see them. */
export class NetworkCatalogue implements Catalogue {
  readonly #options: NetworkCatalogueOptions;

  constructor(options: NetworkCatalogueOptions) {
    this.#options = options;
  }

  async resolve(model: string, caller: { readonly accountId: AccountId }): Promise<ServedModel> {
    const found = await this.find(model, caller.accountId);
    const { manifest } = found.signed;
    return {
      reference: modelId(manifest),
      digest: `sha256:${manifest.digest}`,
      file: this.#options.blobFile(manifest.digest),
      contextLength: this.#servedContext(manifest.digest) ?? manifest.facts.contextLength,
      producer: found.accountId,
      royaltyPer100kTokens: manifest.prices.royaltyPer100kTokens,
    };
  }

  /** Every version of every model, withdrawn ones too: the operator's view. */
  listAll(): Promise<readonly PublishedModel[]> {
    return this.#options.models.search([], listedMax);
  }

  /** Every model the account may see, those with most hosts first. */
  async list(accountId: AccountId | null, words: readonly string[] = []): Promise<readonly PublishedModel[]> {
    const found = await this.#options.models.search(words, listedMax);
    const visible = found.filter((model) => model.yankedAt === undefined && this.mayRead(model, accountId));
    return visible.sort((a, b) => this.hostsOf(b) - this.hostsOf(a));
  }

  async listings(accountId: AccountId): Promise<readonly ModelListing[]> {
    const models = await this.list(accountId);
    return models.map(({ signed: { manifest }, publishedAt }) => ({
      id: modelId(manifest),
      createdAt: Math.floor(publishedAt / 1_000),
      owner: manifest.name.split("/")[0] ?? manifest.name,
      contextLength: this.#servedContext(manifest.digest) ?? manifest.facts.contextLength,
    }));
  }

  mayRead({ signed, accountId: producer }: PublishedModel, accountId: AccountId | null): boolean {
    const { visibility } = signed.manifest;
    if (visibility === "global") return !this.#options.isPrivate || accountId !== null;
    return accountId === producer || (visibility === "private" && this.#options.isPrivate && accountId !== null);
  }

  /** Hosts serving a model now. */
  hostsOf({ signed }: PublishedModel): number {
    return this.#offering(signed.manifest.digest).length;
  }

  /** The version a reference names: exactly, or the newest that fits and is not withdrawn. Throws `model_missing`. */
  async find(model: string, accountId: AccountId): Promise<PublishedModel> {
    const found = await this.#newest(model, accountId);
    if (found === undefined) throw await this.#missing(model, accountId);
    return found;
  }

  async #newest(model: string, accountId: AccountId): Promise<PublishedModel | undefined> {
    const { name, version } = parsed(model);
    const versions = (await this.#options.models.versions(name)).filter((each) => this.mayRead(each, accountId));
    const exact = versions.find(({ signed }) => signed.manifest.version === version);
    if (exact !== undefined) return exact;
    const current = versions.filter((each) => each.yankedAt === undefined);
    const newest = newestVersion(
      current.map(({ signed }) => signed.manifest.version),
      version,
    );
    return current.find(({ signed }) => signed.manifest.version === newest);
  }

  async #missing(model: string, accountId: AccountId): Promise<PeerError> {
    const names = (await this.listings(accountId)).slice(0, 5).map(({ id }) => id);
    const offered = names.length === 0 ? "Nothing is published here yet." : `There is ${names.join(", ")}.`;
    return new PeerError("model_missing", `This network has no model "${model.slice(0, 128)}". ${offered}`, {
      parameter: "model",
    });
  }

  /** The shortest context of the hosts that serve it now, so that any of them can take over; undefined where none does. */
  #servedContext(digest: string): number | undefined {
    const lengths = this.#offering(digest).map((offer) => offer.contextLength);
    return lengths.length === 0 ? undefined : Math.min(...lengths);
  }

  #offering(digest: string) {
    return this.#options.hosts.members().flatMap((member) => member.offerOf(`sha256:${digest}`) ?? []);
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
