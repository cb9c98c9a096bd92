import type { IncomingHttpHeaders } from "node:http";
import { SubscriptionsController, TransactionSearchController } from "@paypal/paypal-server-sdk";
import { type Clock, dayMs } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { AccountId, HostId, PaymentId, SubscriptionId } from "../../src/ids.ts";
import type { Books } from "../../src/ledger/books.ts";
import type { ModelPurpose, Payment, PaymentStore } from "../../src/ledger/payment.ts";
import { defaultPayoutThreshold, type Payout, type PayoutStore } from "../../src/ledger/payout.ts";
import type { PayPalRecords } from "../../src/ledger/paypal-records.ts";
import type { PayPalTransactionStore } from "../../src/ledger/paypal-transactions.ts";
import type { Subscription, SubscriptionStore } from "../../src/ledger/subscription.ts";
import type { Log } from "../../src/log.ts";
import { formatUsd, type NanoUsd } from "../../src/money.ts";
import { newAccessTokens, type PayPalAccess } from "./access-token.ts";
import { newCheckout } from "./checkout.ts";
import { newMemberships, type PayerSeen } from "./memberships.ts";
import { newOrders } from "./orders.ts";
import { newPayoutRun } from "./payout-run.ts";
import { newPlans } from "./plans.ts";
import { newReconciliation, type Reconciliation } from "./reconciliation.ts";
import { newRest } from "./rest.ts";
import { SdkClient } from "./sdk-client.ts";
import { newTransactionSearch } from "./transactions.ts";
import { newWebhookInbox } from "./webhook-inbox.ts";
import { newWebhookVerifier } from "./webhook-signature.ts";

export interface TreasuryOptions {
  readonly access: PayPalAccess;
  readonly networkId: string;
  /** Where payers come back to. */
  readonly returnUrl: string;
  readonly payments: PaymentStore;
  readonly subscriptions: SubscriptionStore;
  readonly payouts: PayoutStore;
  readonly records: PayPalRecords;
  readonly transactions: PayPalTransactionStore;
  readonly books: Books;
  readonly payerSeen: PayerSeen;
  readonly clock: Clock;
  readonly log: Log;
}

const objectsPerRound = 50;
/** What a day's reconciliation could not ask is asked again this much later. */
const reconcileAgainMs = 3_600_000;

/**
 * All the network does with PayPal. Webhooks only make it faster: every round asks after whatever is not final, so that
 * nothing depends on one arriving.
 */
export class Treasury {
  readonly #options: TreasuryOptions;
  readonly #checkout;
  readonly #memberships;
  readonly #payoutRun;
  readonly #inbox;
  readonly #reconciliation;
  readonly #closing = new AbortController();
  #rounds: Promise<void> = Promise.resolve();
  /** Aborted where a webhook waits: whoever sleeps till the next round wakes. */
  #nudge = new AbortController();

  constructor(options: TreasuryOptions) {
    this.#options = options;
    const { access, networkId, returnUrl, payments, subscriptions, payouts, records, clock, payerSeen } = options;
    const tokens = newAccessTokens(access);
    const client = new SdkClient(access, tokens);
    const rest = newRest(access, tokens);
    const controller = new SubscriptionsController(client);
    const plans = newPlans({ controller, rest, records, networkId });
    this.#checkout = newCheckout({ orders: newOrders(client), payments, clock, returnUrl });
    this.#memberships = newMemberships({ controller, plans, subscriptions, clock, returnUrl, payerSeen });
    this.#payoutRun = newPayoutRun({ rest, payouts, payerSeen, clock });
    this.#reconciliation = newReconciliation({
      ...options,
      search: newTransactionSearch(new TransactionSearchController(client)),
      payoutRun: this.#payoutRun,
    });
    this.#inbox = newWebhookInbox({
      records,
      rest,
      payments,
      subscriptions,
      payouts,
      verify: newWebhookVerifier(access),
      checkout: this.#checkout,
      memberships: this.#memberships,
      payoutRun: this.#payoutRun,
    });
  }

  /** Asks after everything open every `intervalMs`, until it is closed. */
  start(intervalMs: number): void {
    this.#rounds = this.#work(intervalMs);
  }

  /** Tells PayPal to send webhooks to `url`. Where it can't, polling has to do, and the next start tries again. */
  listenAt(url: string): Promise<void> {
    return this.#attempt("webhook", "subscribe", () => this.#inbox.subscribe(url));
  }

  topUp(accountId: AccountId, amount: NanoUsd): Promise<Payment> {
    return this.#checkout.begin({ accountId, purpose: { kind: "credit" }, amount });
  }

  /** For a model bought before, or being bought, the payment there is. */
  buyModel(accountId: AccountId, purpose: ModelPurpose, amount: NanoUsd): Promise<Payment> {
    return this.#checkout.begin({ accountId, purpose, amount });
  }

  subscribeHost(accountId: AccountId, hostId: HostId, monthly: NanoUsd): Promise<Subscription> {
    return this.#memberships.begin({ accountId, purpose: { kind: "host", hostId }, monthly });
  }

  subscribeCredit(accountId: AccountId, monthly: NanoUsd): Promise<Subscription> {
    return this.#memberships.begin({ accountId, purpose: { kind: "credit" }, monthly });
  }

  /** For a model subscribed to before, the subscription there is. */
  subscribeModel(accountId: AccountId, purpose: ModelPurpose, monthly: NanoUsd): Promise<Subscription> {
    return this.#memberships.begin({ accountId, purpose, monthly });
  }

  /** How a payment of the account stands, asked of PayPal now. Throws `not_found` for another's. */
  async payment(accountId: AccountId, id: PaymentId): Promise<Payment> {
    const payment = await this.#options.payments.find(id);
    if (payment === null || payment.accountId !== accountId) {
      throw new PeerError("not_found", `This account has no payment ${id}.`);
    }
    return this.#checkout.advance(payment);
  }

  async subscription(accountId: AccountId, id: SubscriptionId): Promise<Subscription> {
    return this.#memberships.advance(await this.#own(accountId, id));
  }

  async cancel(accountId: AccountId, id: SubscriptionId): Promise<Subscription> {
    return this.#memberships.cancel(await this.#own(accountId, id));
  }

  /** Pays out all that is payable once what the account owes is set off, if it is at least `least`. */
  payOut(accountId: AccountId, least: NanoUsd): Promise<Payout> {
    return this.#payoutRun.pay(accountId, least);
  }

  /** What earns pays what it owes; then everyone who has reached their threshold is paid, and one that fails holds up nobody. */
  async payOutAllDue(): Promise<void> {
    const { payouts, log } = this.#options;
    const setOff = await payouts.setOffAll();
    if (setOff > 0n) log.info("earnings-set-off", { usd: formatUsd(setOff) });
    for (const accountId of await payouts.due()) {
      const threshold = (await payouts.settings(accountId))?.threshold ?? defaultPayoutThreshold;
      await this.#attempt("payout", accountId, () => this.#payoutRun.pay(accountId, threshold));
    }
  }

  /** Stored when this resolves, and worked off soon after. */
  async receiveWebhook(headers: IncomingHttpHeaders, body: Buffer): Promise<void> {
    await this.#inbox.receive(headers, body);
    this.#nudge.abort();
  }

  /** One round: the inbox, then every payment, subscription and payout that is not final. */
  async round(): Promise<void> {
    const { payments, subscriptions, payouts } = this.#options;
    await this.#readInbox();
    for (const payment of await payments.open(objectsPerRound)) {
      await this.#attempt("payment", payment.id, () => this.#checkout.advance(payment));
    }
    for (const subscription of await subscriptions.open(objectsPerRound)) {
      await this.#attempt("subscription", subscription.id, () => this.#memberships.advance(subscription));
    }
    for (const payout of await payouts.open(objectsPerRound)) {
      await this.#attempt("payout", payout.id, () => this.#payoutRun.advance(payout));
    }
  }

  /** Writes what PayPal's list of transactions has and the books lack, and compares both. */
  reconcile(): Promise<Reconciliation> {
    return this.#reconciliation.reconcile({ isPosting: true });
  }

  /** Compares the books with PayPal's list of transactions, and writes nothing. */
  compare(): Promise<Reconciliation> {
    return this.#reconciliation.reconcile({ isPosting: false });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#rounds;
  }

  async #work(intervalMs: number): Promise<void> {
    const { signal } = this.#closing;
    const { clock } = this.#options;
    let nextPayoutsAt = clock.monotonic();
    let nextReconciliationAt = clock.monotonic();
    let nextRoundAt = clock.monotonic();
    while (!signal.aborted) {
      this.#nudge = new AbortController();
      const isDue = clock.monotonic() >= nextRoundAt;
      await this.#attempt("round", "all", () => (isDue ? this.round() : this.#readInbox()));
      if (isDue) nextRoundAt = clock.monotonic() + intervalMs;
      if (clock.monotonic() >= nextPayoutsAt) {
        nextPayoutsAt = clock.monotonic() + dayMs;
        await this.#attempt("payouts", "due", () => this.payOutAllDue());
      }
      if (clock.monotonic() >= nextReconciliationAt) {
        nextReconciliationAt = clock.monotonic() + reconcileAgainMs;
        await this.#attempt("reconciliation", "daily", async () => {
          await this.#reconcileAndTell();
          nextReconciliationAt = clock.monotonic() + dayMs;
        });
      }
      const restMs = Math.max(0, nextRoundAt - clock.monotonic());
      await clock.sleep(restMs, AbortSignal.any([signal, this.#nudge.signal])).catch(() => undefined);
    }
  }

  #readInbox(): Promise<void> {
    return this.#inbox.process((eventId, error) => this.#note("webhook", eventId, error));
  }

  async #reconcileAndTell(): Promise<void> {
    const { comparison, posted, lacking, unlisted } = await this.reconcile();
    const { log } = this.#options;
    if (posted > 0) log.warn("paypal-posted", { transactions: posted });
    if (comparison === "different") {
      log.error("paypal-differs", { lacking: lacking.length, unlisted: unlisted.length });
    }
  }

  async #own(accountId: AccountId, id: SubscriptionId): Promise<Subscription> {
    const subscription = await this.#options.subscriptions.find(id);
    if (subscription?.accountId === accountId) return subscription;
    throw new PeerError("not_found", `This account has no subscription ${id}.`);
  }

  /** What fails now is asked again next round: the record says what is open. */
  async #attempt(what: string, id: string, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#note(what, id, error);
    }
  }

  #note(what: string, id: string, error: unknown): void {
    this.#options.log.warn("paypal-not-done", { what, id, error });
  }
}
