import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { AccountStore } from "../../src/identity/account.ts";
import type { HostStore } from "../../src/identity/known-host.ts";
import { type AccountId, parseId } from "../../src/ids.ts";
import { ownedAccount } from "../../src/ledger/account.ts";
import type { Books } from "../../src/ledger/books.ts";
import type { CodeStore } from "../../src/ledger/code.ts";
import { earningsFrom, summariseEarnings } from "../../src/ledger/earnings.ts";
import type { Payment } from "../../src/ledger/payment.ts";
import {
  defaultPayoutThreshold,
  type Payout,
  type PayoutSettings,
  type PayoutStore,
  payoutThresholdMin,
  type SetOff,
} from "../../src/ledger/payout.ts";
import type { PriceBook } from "../../src/ledger/price-book.ts";
import type { PriceSheet } from "../../src/ledger/pricing.ts";
import type { SalesStore } from "../../src/ledger/sale.ts";
import { monthRange, type StatementLine, statementCsv, statementLines } from "../../src/ledger/statement.ts";
import {
  isFinal,
  type Subscription,
  type SubscriptionStore,
  servesUntil,
  standingOf,
} from "../../src/ledger/subscription.ts";
import { formatUsd, type NanoUsd, nanosPerCent, parseUsd, sumUsd } from "../../src/money.ts";
import {
  type EarningsDocument,
  economyRoutes,
  type PaymentDocument,
  type SubscriptionDocument,
} from "../../src/protocol/economy-api.ts";
import type { Route } from "../http/route.ts";
import type { Treasury } from "../paypal/treasury.ts";
import { accountRoutes } from "./account-routes.ts";

export interface EconomyOptions {
  readonly accounts: AccountStore;
  readonly books: Books;
  readonly codes: CodeStore;
  readonly payouts: PayoutStore;
  readonly subscriptions: SubscriptionStore;
  readonly knownHosts: HostStore;
  readonly prices: PriceBook;
  readonly sales: Pick<SalesStore, "days">;
  readonly clock: Clock;
  /** Null until PayPal is connected, and for ever where billing is not `paypal`. */
  treasury(): Treasury | null;
}

const topUpMin = parseUsd("1");
const topUpMax = parseUsd("10000");
const payoutsMax = 100;

/** The money side of the HTTP API: what src/protocol/economy-api.ts describes. */
export function economyApi(options: EconomyOptions): readonly Route[] {
  const { accounts, books, codes, payouts, subscriptions, clock } = options;
  const own = accountRoutes(accounts);
  const paypal = () => requireTreasury(options.treasury());
  const ownSubscription = async (accountId: AccountId, { subscriptionId = "" }: Readonly<Record<string, string>>) => {
    const subscription = await subscriptions.find(parseId("subscription", subscriptionId));
    if (subscription?.accountId === accountId) return subscription;
    throw new PeerError("not_found", `This account has no subscription ${subscriptionId}.`);
  };
  const documentsOf = async (each: readonly Subscription[]) => {
    const sheets = await options.prices.list();
    return each.map((subscription) => subscriptionDocument(subscription, sheets, clock.now()));
  };
  const documentOf = async (subscription: Subscription) =>
    subscriptionDocument(subscription, await options.prices.list(), clock.now());

  return [
    own(economyRoutes.earnings, ({ account }) => earnings(account.id, options)),
    own(economyRoutes["billing-topup"], async ({ account }, { usd }) =>
      paymentDocument(await paypal().topUp(account.id, wholeCents(usd))),
    ),
    own(economyRoutes["billing-payment"], async ({ account }, _body, { parameters }) =>
      paymentDocument(await paypal().payment(account.id, parseId("payment", parameters.paymentId ?? ""))),
    ),
    own(economyRoutes["billing-redeem"], async ({ account }, { code }) => {
      const { amount } = await codes.redeem(code, account.id);
      const { available } = await books.balance(account.id);
      return { creditedUsd: formatUsd(amount), availableUsd: formatUsd(available) };
    }),
    own(economyRoutes["billing-statement"], async ({ account }, { month, after }) => {
      const { from, until } = monthRange(month);
      const begin = after === undefined ? null : parseId("transfer", after);
      const { entries, next } = await books.entries(account.id, { from, until, after: begin });
      return {
        month,
        openingUsd: begin === null ? formatUsd(await books.creditAt(account.id, from)) : null,
        closingUsd: next === null ? formatUsd(await books.creditAt(account.id, until)) : null,
        ...linesDocument(statementLines(entries)),
        next,
      };
    }),
    own(economyRoutes["subscriptions-list"], async ({ account }) => ({
      subscriptions: await documentsOf(await subscriptions.list(account.id)),
    })),
    own(economyRoutes["subscription-begin"], async ({ account }, { hostId, usd }) => {
      if (hostId === undefined) {
        return documentOf(await paypal().subscribeCredit(account.id, wholeCents(usd ?? "")));
      }
      const host = await options.knownHosts.find(parseId("host", hostId));
      if (host?.accountId !== account.id) throw new PeerError("not_found", `This account has no host ${hostId}.`);
      const { hostSubscription } = await options.prices.current();
      return documentOf(await paypal().subscribeHost(account.id, host.id, hostSubscription));
    }),
    own(economyRoutes["subscription-show"], async ({ account }, _body, { parameters }) => {
      const subscription = await ownSubscription(account.id, parameters);
      if (subscription.funding === "credit") return documentOf(subscription);
      return documentOf(await paypal().subscription(account.id, subscription.id));
    }),
    own(economyRoutes["subscription-cancel"], async ({ account }, _body, { parameters }) => {
      const { id, funding, status, outstanding } = await ownSubscription(account.id, parameters);
      if (funding === "paypal") return documentOf(await paypal().cancel(account.id, id));
      return documentOf(await subscriptions.note(id, isFinal(status) ? status : "CANCELLED", outstanding));
    }),
    own(economyRoutes["payout-settings-show"], async ({ account }) =>
      settingsDocument(await payouts.settings(account.id)),
    ),
    own(economyRoutes["payout-settings-set"], async ({ account }, { thresholdUsd, ...change }) => {
      const before = await payouts.settings(account.id);
      const receiver = change.receiver ?? before?.receiver;
      if (receiver === undefined) {
        throw new PeerError("request_invalid", "It is not known yet where earnings are to be paid.", {
          hint: 'Say it with "peerllm payout settings --paypal you@example.com".',
          parameter: "receiver",
        });
      }
      const threshold =
        thresholdUsd === undefined ? (before?.threshold ?? defaultPayoutThreshold) : parseUsd(thresholdUsd);
      if (threshold < payoutThresholdMin) {
        throw new PeerError("request_invalid", `A payout's threshold is at least $${formatUsd(payoutThresholdMin)}.`);
      }
      const receiverType = receiver.includes("@") ? "EMAIL" : "PAYPAL_ID";
      return settingsDocument(await payouts.setSettings(account.id, { receiver, receiverType, threshold }));
    }),
    own(economyRoutes["payout-request"], async ({ account }) =>
      payoutDocument(await paypal().payOut(account.id, payoutThresholdMin)),
    ),
    own(economyRoutes["payouts-list"], async ({ account }) => ({
      payouts: (await payouts.list(account.id, payoutsMax)).map(payoutDocument),
      setOffs: (await payouts.setOffs(account.id, payoutsMax)).map(setOffDocument),
      owedUsd: formatUsd((await books.balance(account.id)).owed),
    })),
  ];
}

/** Throws `parameter_unsupported` where PayPal has no part. */
export function requireTreasury(treasury: Treasury | null): Treasury {
  if (treasury !== null) return treasury;
  throw new PeerError("parameter_unsupported", "This network takes no PayPal payments.", {
    hint: 'Its operator grants credit ("peerllm network credit") or makes codes ("peerllm network code create").',
  });
}

async function earnings(accountId: AccountId, options: EconomyOptions): Promise<EarningsDocument> {
  const { books, payouts, subscriptions, prices, clock } = options;
  const now = clock.now();
  const sheets = await prices.list();
  const sum = async (
    ...kinds: readonly ("host-payable" | "producer-payable" | "host-pending-payout" | "producer-pending-payout")[]
  ) => sumUsd(await Promise.all(kinds.map((kind) => books.balanceOf(ownedAccount(kind, accountId)))));
  const work = await books.earnings(accountId, earningsFrom(now));
  const summary = summariseEarnings(work, await options.sales.days(accountId), now);
  const sumDocument = ({ tokens, amount }: { readonly tokens: number; readonly amount: NanoUsd }) => ({
    tokens,
    usd: formatUsd(amount),
  });
  return {
    today: formatUsd(summary.today),
    month: formatUsd(summary.month),
    allTime: formatUsd(summary.allTime),
    pending: formatUsd(await sum("host-pending-payout", "producer-pending-payout")),
    payable: formatUsd(await sum("host-payable", "producer-payable")),
    paid: formatUsd(await payouts.paid(accountId)),
    owed: formatUsd((await books.balance(accountId)).owed),
    monthEstimate: summary.monthEstimate === null ? null : formatUsd(summary.monthEstimate),
    hosts: summary.hosts.map((host) => ({ hostId: host.hostId, ...sumDocument(host) })),
    models: summary.models.map((model) => ({ model: model.model, ...sumDocument(model) })),
    days: summary.days.map((day) => ({ day: day.day, ...sumDocument(day) })),
    subscriptions: (await subscriptions.list(accountId)).map((each) => subscriptionDocument(each, sheets, now)),
  };
}

/** PayPal takes whole cents. Throws `request_invalid` beyond a payment's limits. */
function wholeCents(text: string): NanoUsd {
  const amount = parseUsd(text);
  if (amount >= topUpMin && amount <= topUpMax && amount % nanosPerCent === 0n) return amount;
  throw new PeerError(
    "request_invalid",
    `A payment is from $${formatUsd(topUpMin)} to $${formatUsd(topUpMax)} in whole cents, not "${text.slice(0, 32)}".`,
    { parameter: "usd" },
  );
}

function paymentDocument({ id, amount, state, approvalUrl }: Payment): PaymentDocument {
  return { paymentId: id, usd: formatUsd(amount), state, approvalUrl };
}

export function subscriptionDocument(
  subscription: Subscription,
  sheets: readonly PriceSheet[],
  now: number,
): SubscriptionDocument {
  const { id, purpose, monthly, status, paidThrough, outstanding, approvalUrl } = subscription;
  return {
    subscriptionId: id,
    kind: purpose.kind,
    hostId: purpose.kind === "host" ? purpose.hostId : null,
    model: purpose.kind === "model" ? purpose.model : null,
    usdPerMonth: formatUsd(monthly),
    status,
    standing: standingOf(subscription, sheets, now),
    paidThrough,
    servesUntil: servesUntil(subscription, sheets),
    outstandingUsd: formatUsd(outstanding),
    // What was agreed to is not to be agreed to again.
    approvalUrl: status === "APPROVAL_PENDING" ? approvalUrl : null,
  };
}

function payoutDocument({ id, amount, state, paypalStatus, fee, createdAt }: Payout) {
  const feeUsd = fee === null ? null : formatUsd(fee);
  return { payoutId: id, usd: formatUsd(amount), state, paypalStatus, feeUsd, createdAt };
}

function setOffDocument({ transferId, amount, at }: SetOff) {
  return { transfer: transferId, usd: formatUsd(amount), at };
}

function settingsDocument(settings: PayoutSettings | null) {
  const threshold = settings?.threshold ?? defaultPayoutThreshold;
  return { receiver: settings?.receiver ?? null, thresholdUsd: formatUsd(threshold) };
}

function linesDocument(lines: readonly StatementLine[]) {
  return {
    lines: lines.map(({ at, kind, account, amount, transferId, reference }) => ({
      at,
      kind,
      account,
      usd: formatUsd(amount),
      transfer: transferId,
      reference,
    })),
    csv: statementCsv(lines),
  };
}
