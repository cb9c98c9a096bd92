import type { Clock } from "../../src/clock.ts";
import type { AccountId } from "../../src/ids.ts";
import type { PaymentStore } from "../../src/ledger/payment.ts";
import type { PriceBook } from "../../src/ledger/price-book.ts";
import type { BillingMode } from "../../src/ledger/pricing.ts";
import { type SubscriptionStore, standingOf } from "../../src/ledger/subscription.ts";
import type { Log } from "../../src/log.ts";
import { modelId } from "../../src/models/manifest.ts";
import type { ModelStore, PublishedModel, PublishedVersion } from "../../src/models/model-store.ts";
import { isSold, mustBeBought } from "../../src/models/sold.ts";

export interface LicenceOptions {
  billing(): Promise<BillingMode>;
  readonly prices: Pick<PriceBook, "list">;
  readonly models: ModelStore;
  readonly payments: PaymentStore;
  readonly subscriptions: SubscriptionStore;
  readonly clock: Clock;
  readonly log: Log;
  mayRead(version: PublishedVersion, accountId: AccountId | null): boolean;
}

/**
 * Who may have the weights of models that are sold: whoever downloads or serves them has bought them, or subscribes.
 * Producers have their own, and where billing is off everything is free.
 */
export interface Licences {
  /** Throws `payment_required`, naming what to buy, where every one of `versions` is sold and none is the account's. */
  require(versions: readonly PublishedModel[], accountId: AccountId | null): Promise<void>;
  /** Of these files ("sha256:…"), those that a host of the account may be given work with. */
  servable(accountId: AccountId, digests: readonly string[]): Promise<ReadonlySet<string>>;
  /** Takes the month of every subscription paid with credit that is due. */
  renewDue(): Promise<void>;
}

const renewalsMax = 1_000;
/** Many hosts offer the same files: what the catalogue says of one is not read again for each. */
const catalogueMs = 1_000;

export function newLicences(options: LicenceOptions): Licences {
  const { billing, prices, models, payments, subscriptions, clock, log, mayRead } = options;

  const known = new Map<string, readonly PublishedModel[]>();
  let knownSince = clock.monotonic();

  async function holding(digest: string): Promise<readonly PublishedModel[]> {
    if (clock.monotonic() - knownSince > catalogueMs) {
      known.clear();
      knownSince = clock.monotonic();
    }
    const versions = known.get(digest) ?? (await models.holding(digest.replace(/^sha256:/, "")));
    known.set(digest, versions);
    return versions;
  }

  /** A month that is late in being paid counts as long as a host's does. */
  async function has(model: PublishedModel, accountId: AccountId | null): Promise<boolean> {
    if (!isSold(model.manifest) || model.accountId === accountId || (await billing()) === "off") return true;
    if (accountId === null) return false;
    const id = modelId(model.manifest);
    if ((await payments.ofModel(accountId, id)) !== null) return true;
    return standingOf(await subscriptions.ofModel(accountId, id), await prices.list(), clock.now()) !== "unpaid";
  }

  async function hasOneOf(versions: readonly PublishedModel[], accountId: AccountId | null): Promise<boolean> {
    for (const version of versions) if (await has(version, accountId)) return true;
    return versions.length === 0;
  }

  return {
    async require(versions, accountId) {
      const [first] = versions;
      if (first === undefined || (await hasOneOf(versions, accountId))) return;
      throw mustBeBought(first.manifest);
    },
    async servable(accountId, digests) {
      const allowed = new Set<string>();
      for (const digest of digests) {
        const versions = (await holding(digest)).filter((version) => mayRead(version, accountId));
        if (await hasOneOf(versions, accountId)) allowed.add(digest);
      }
      return allowed;
    },
    async renewDue() {
      for (const { id } of await subscriptions.due(renewalsMax)) {
        const { status } = await subscriptions.renew(id);
        log.info("subscription-renewed", { subscriptionId: id, status });
      }
    },
  };
}
