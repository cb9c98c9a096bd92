import { PeerError } from "../../src/errors.ts";
import type { AccountStore } from "../../src/identity/account.ts";
import { type AccountId, newId } from "../../src/ids.ts";
import type { ModelPurpose, PaymentStore } from "../../src/ledger/payment.ts";
import type { PriceBook } from "../../src/ledger/price-book.ts";
import type { BillingMode } from "../../src/ledger/pricing.ts";
import type { SaleParts, SalesStore } from "../../src/ledger/sale.ts";
import type { SubscriptionStore } from "../../src/ledger/subscription.ts";
import { modelId } from "../../src/models/manifest.ts";
import { formatUsd, type NanoUsd, nanosPerCent, nanosPerUsd, zeroUsd } from "../../src/money.ts";
import {
  economyRoutes,
  type PurchaseDocument,
  type SalesDocument,
  type SubscriptionDocument,
} from "../../src/protocol/economy-api.ts";
import type { Route } from "../http/route.ts";
import type { Treasury } from "../paypal/treasury.ts";
import { accountRoutes } from "./account-routes.ts";
import type { NetworkCatalogue } from "./catalogue.ts";
import { subscriptionDocument } from "./economy.ts";

export interface SalesOptions {
  billing(): Promise<BillingMode>;
  readonly accounts: AccountStore;
  readonly catalogue: NetworkCatalogue;
  readonly payments: PaymentStore;
  readonly subscriptions: SubscriptionStore;
  readonly sales: SalesStore;
  readonly prices: Pick<PriceBook, "list">;
  /** PayPal, where billing is `paypal`. Throws `parameter_unsupported` elsewhere. */
  paypal(): Treasury;
  now(): number;
}

interface Wanted {
  readonly purpose: ModelPurpose;
  readonly once: NanoUsd;
  readonly monthly: NanoUsd;
  readonly isFree: boolean;
}

const salesMax = 1_000;

/** Models bought and subscribed to, and what their producers see of it. */
export function salesApi(options: SalesOptions): readonly Route[] {
  const { accounts, catalogue, sales } = options;
  const own = accountRoutes(accounts);

  /** The version meant, and its prices for this account. */
  async function wantedOf(reference: string, accountId: AccountId): Promise<Wanted> {
    const { manifest, accountId: producerId, yankedAt } = await catalogue.find(reference, accountId);
    const { prices } = manifest;
    const model = modelId(manifest);
    const isUnpriced = prices.once === 0n && prices.monthly === 0n;
    const isFree = isUnpriced || producerId === accountId || (await options.billing()) === "off";
    if (!isFree && yankedAt !== undefined) {
      throw new PeerError("conflict", `${model} was withdrawn by its producer and is no longer sold.`);
    }
    return { purpose: { kind: "model", model, producerId }, once: prices.once, monthly: prices.monthly, isFree };
  }

  return [
    own(economyRoutes["model-buy"], async ({ account }, { version }, { parameters }) =>
      buy(account.id, await wantedOf(referenceOf(parameters, version), account.id), options),
    ),
    own(economyRoutes["model-subscribe"], async ({ account }, { version }, { parameters }) =>
      subscribe(account.id, await wantedOf(referenceOf(parameters, version), account.id), options),
    ),
    own(economyRoutes["producer-sales"], ({ account }) => salesDocument(account.id, sales)),
  ];
}

async function buy(accountId: AccountId, wanted: Wanted, options: SalesOptions): Promise<PurchaseDocument> {
  const { purpose, once } = wanted;
  const { model } = purpose;
  if (wanted.isFree) return { model, usd: formatUsd(zeroUsd), state: "completed", paymentId: null, approvalUrl: null };
  if (once === 0n) {
    throw new PeerError("request_invalid", `${model} is not sold once, but by the month.`, {
      hint: `Run "peerllm models subscribe ${model}".`,
    });
  }
  const payment =
    (await options.billing()) === "paypal"
      ? await options.paypal().buyModel(accountId, purpose, payable(model, once))
      : await options.payments.buy({ id: newId("payment"), accountId, purpose, amount: once });
  const { id, state, approvalUrl } = payment;
  return { model, usd: formatUsd(once), state, paymentId: id, approvalUrl };
}

async function subscribe(accountId: AccountId, wanted: Wanted, options: SalesOptions): Promise<SubscriptionDocument> {
  const { purpose, monthly } = wanted;
  const { model } = purpose;
  if (wanted.isFree) {
    throw new PeerError("request_invalid", `${model} costs this account nothing; it needs no subscription.`);
  }
  if (monthly === 0n) {
    throw new PeerError("request_invalid", `${model} is not sold by the month, but once.`, {
      hint: `Run "peerllm models buy ${model}".`,
    });
  }
  const subscription =
    (await options.billing()) === "paypal"
      ? await options.paypal().subscribeModel(accountId, purpose, payable(model, monthly))
      : await options.subscriptions.subscribeWithCredit({ id: newId("subscription"), accountId, purpose, monthly });
  return subscriptionDocument(subscription, await options.prices.list(), options.now());
}

/** PayPal takes whole cents, and its fee eats what is less than a dollar. */
function payable(model: string, price: NanoUsd): NanoUsd {
  if (price >= nanosPerUsd && price % nanosPerCent === 0n) return price;
  throw new PeerError(
    "parameter_unsupported",
    `${model} costs $${formatUsd(price)}; PayPal payments are of whole cents, and of a dollar at least.`,
    { hint: "Ask its producer to publish it at another price." },
  );
}

function referenceOf({ owner, name }: Readonly<Record<string, string>>, version: string | undefined): string {
  return version === undefined ? `${owner}/${name}` : `${owner}/${name}:${version}`;
}

async function salesDocument(producerId: AccountId, sales: SalesStore): Promise<SalesDocument> {
  const models = await sales.models(producerId);
  const rows = await sales.list(producerId, salesMax);
  return {
    models: models.map(({ model, copies, months, refunds, activeSubscriptions, ...parts }) => ({
      model,
      copies,
      months,
      refunds,
      activeSubscriptions,
      ...partsDocument(parts),
    })),
    sales: rows.map(({ at, model, kind, ...parts }) => ({ at, model, kind, ...partsDocument(parts) })),
  };
}

function partsDocument({ amount, fee, network, producer }: SaleParts) {
  return {
    usd: formatUsd(amount),
    feeUsd: formatUsd(fee),
    networkUsd: formatUsd(network),
    earnedUsd: formatUsd(producer),
  };
}
