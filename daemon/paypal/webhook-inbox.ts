import type { IncomingHttpHeaders } from "node:http";
import * as z from "zod";
import { PeerError } from "../../src/errors.ts";
import { isId } from "../../src/ids.ts";
import type { PaymentStore } from "../../src/ledger/payment.ts";
import type { PayoutStore } from "../../src/ledger/payout.ts";
import type { PayPalRecords } from "../../src/ledger/paypal-records.ts";
import type { SubscriptionStore } from "../../src/ledger/subscription.ts";
import { parseUsd, zeroUsd } from "../../src/money.ts";
import type { Checkout } from "./checkout.ts";
import type { Memberships } from "./memberships.ts";
import type { PayoutRun } from "./payout-run.ts";
import { required } from "./paypal-error.ts";
import type { Rest } from "./rest.ts";
import type { newWebhookVerifier } from "./webhook-signature.ts";

export interface WebhookInboxOptions {
  readonly records: PayPalRecords;
  readonly verify: ReturnType<typeof newWebhookVerifier>;
  readonly rest: Rest;
  readonly payments: PaymentStore;
  readonly subscriptions: SubscriptionStore;
  readonly payouts: PayoutStore;
  readonly checkout: Checkout;
  readonly memberships: Memberships;
  readonly payoutRun: PayoutRun;
}

const eventTypes = [
  "BILLING.SUBSCRIPTION.CREATED",
  "BILLING.SUBSCRIPTION.ACTIVATED",
  "BILLING.SUBSCRIPTION.UPDATED",
  "BILLING.SUBSCRIPTION.SUSPENDED",
  "BILLING.SUBSCRIPTION.CANCELLED",
  "BILLING.SUBSCRIPTION.EXPIRED",
  "BILLING.SUBSCRIPTION.PAYMENT.FAILED",
  "PAYMENT.SALE.COMPLETED",
  "PAYMENT.SALE.REFUNDED",
  "PAYMENT.SALE.REVERSED",
  "CHECKOUT.ORDER.APPROVED",
  "CHECKOUT.ORDER.COMPLETED",
  "PAYMENT.CAPTURE.COMPLETED",
  "PAYMENT.CAPTURE.PENDING",
  "PAYMENT.CAPTURE.DENIED",
  "PAYMENT.CAPTURE.REFUNDED",
  "PAYMENT.CAPTURE.REVERSED",
  "PAYMENT.PAYOUTSBATCH.PROCESSING",
  "PAYMENT.PAYOUTSBATCH.SUCCESS",
  "PAYMENT.PAYOUTSBATCH.DENIED",
  "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
  "PAYMENT.PAYOUTS-ITEM.FAILED",
  "PAYMENT.PAYOUTS-ITEM.UNCLAIMED",
  "PAYMENT.PAYOUTS-ITEM.RETURNED",
  "PAYMENT.PAYOUTS-ITEM.HELD",
  "PAYMENT.PAYOUTS-ITEM.BLOCKED",
  "PAYMENT.PAYOUTS-ITEM.REFUNDED",
  "PAYMENT.PAYOUTS-ITEM.CANCELED",
  "PAYMENT.PAYOUTS-ITEM.DENIED",
];

const eventShape = z.looseObject({
  id: z.string().min(1).max(128),
  event_type: z.string(),
  resource: z.looseObject({
    id: z.string().optional(),
    custom_id: z.string().optional(),
    billing_agreement_id: z.string().optional(),
    sale_id: z.string().optional(),
    payout_batch_id: z.string().optional(),
    payout_item: z.looseObject({ sender_item_id: z.string().optional() }).optional(),
    amount: z.looseObject({ value: z.string().optional(), total: z.string().optional() }).optional(),
    links: z.array(z.looseObject({ rel: z.string(), href: z.string() })).optional(),
  }),
});
type Event = z.output<typeof eventShape>;

const listAnswer = z.looseObject({
  webhooks: z.array(z.looseObject({ id: z.string(), url: z.string() })).default([]),
});
const waitingPerRound = 100;

/**
 * Webhooks: verified, stored under PayPal's event id, answered, processed later. An event is a hint to look: what it is
 * about is asked of PayPal, so duplicates and disorder change nothing. Only a reversal speaks for itself, since PayPal
 * shows it nowhere else at once.
 */
export function newWebhookInbox(options: WebhookInboxOptions) {
  const { records, rest, payments, subscriptions, payouts, checkout, memberships, payoutRun } = options;

  /** Tells PayPal where to send events, once per address. */
  async function subscribe(url: string): Promise<void> {
    const name = `webhook:${url}`;
    if ((await records.find("webhook")) !== null && (await records.find(name)) !== null) return;
    const path = "/v1/notifications/webhooks";
    const listed = listAnswer.parse(await required("list webhooks", () => rest({ method: "GET", path })));
    const known = listed.webhooks.find((webhook) => webhook.url === url)?.id;
    const webhookId = known ?? (await registerAt(path, url));
    await records.remember("webhook", webhookId);
    await records.remember(name, webhookId);
  }

  async function registerAt(path: string, url: string): Promise<string> {
    const body = { url, event_types: eventTypes.map((name) => ({ name })) };
    const made = await required("register a webhook", () => rest({ method: "POST", path, body }));
    return z.looseObject({ id: z.string() }).parse(made).id;
  }

  /** Throws `authentication_failed` for what PayPal did not sign, `request_invalid` for what can't be read. */
  async function receive(headers: IncomingHttpHeaders, body: Buffer): Promise<void> {
    const webhookId = await records.find("webhook");
    if (webhookId === null) throw new PeerError("not_found", "This network expects no webhooks.");
    await options.verify({ headers, body, webhookId });
    const text = body.toString("utf8");
    await records.receive({ id: parseEvent(text).id, body: text });
  }

  /** Processes what waits, in the order it came. One that fails stays for the next round. */
  async function process(onFailure: (eventId: string, error: unknown) => void): Promise<void> {
    for (const { id, body } of await records.waiting(waitingPerRound)) {
      try {
        await act(parseEvent(body));
        await records.processed(id);
      } catch (error) {
        onFailure(id, error);
      }
    }
  }

  async function act(event: Event): Promise<void> {
    const { event_type: type, resource } = event;
    if (type.startsWith("CHECKOUT.ORDER.")) return actOnOrder(resource.id ?? "");
    if (type === "PAYMENT.CAPTURE.REFUNDED" || type === "PAYMENT.CAPTURE.REVERSED") return takeBackCapture(resource);
    if (type.startsWith("PAYMENT.CAPTURE.")) return actOnPayment(resource.custom_id ?? "");
    if (type === "PAYMENT.SALE.REFUNDED" || type === "PAYMENT.SALE.REVERSED") return takeBackSale(resource);
    if (type.startsWith("PAYMENT.SALE.")) return actOnSubscription(resource.billing_agreement_id ?? "");
    if (type.startsWith("BILLING.SUBSCRIPTION.")) return actOnSubscription(resource.id ?? "");
    if (type.startsWith("PAYMENT.PAYOUTS-ITEM.")) return actOnPayout(resource);
  }

  async function actOnOrder(orderId: string): Promise<void> {
    const payment = await payments.findByOrder(orderId);
    if (payment !== null) await checkout.advance(payment);
  }

  async function actOnPayment(paymentId: string): Promise<void> {
    const payment = isId("payment", paymentId) ? await payments.find(paymentId) : null;
    if (payment !== null) await checkout.advance(payment);
  }

  async function actOnSubscription(paypalId: string): Promise<void> {
    const subscription = await subscriptions.findByPaypal(paypalId);
    if (subscription !== null) await memberships.advance(subscription);
  }

  async function takeBackCapture({ id, amount, links }: Event["resource"]): Promise<void> {
    const captureId =
      links
        ?.find(({ rel }) => rel === "up")
        ?.href.split("/")
        .at(-1) ?? "";
    const payment = await payments.findByCapture(captureId);
    if (payment === null || id === undefined || amount?.value === undefined) return;
    await payments.refund(payment.id, { key: `refund:${id}`, amount: parseUsd(amount.value), fee: zeroUsd });
  }

  async function takeBackSale({ id, amount, billing_agreement_id: paypalId }: Event["resource"]): Promise<void> {
    const subscription = await subscriptions.findByPaypal(paypalId ?? "");
    const total = amount?.total ?? amount?.value;
    if (subscription === null || id === undefined || total === undefined) return;
    // The sale itself may not have been heard of yet: what is taken back must have come first.
    await memberships.advance(subscription);
    const taken = parseUsd(total.replace(/^-/, ""));
    await subscriptions.refund(subscription.id, { key: `refund:${id}`, amount: taken, fee: zeroUsd });
  }

  /** The event names the batch, also where the answer that made it was lost. */
  async function actOnPayout({ payout_item: item, payout_batch_id: batchId }: Event["resource"]): Promise<void> {
    const payoutId = item?.sender_item_id ?? "";
    const payout = isId("payout", payoutId) ? await payouts.find(payoutId) : null;
    if (payout !== null && batchId !== undefined) await payoutRun.advance(payout, batchId);
  }

  return { subscribe, receive, process };
}

function parseEvent(text: string): Event {
  try {
    return eventShape.parse(JSON.parse(text));
  } catch {
    // zod's and the parser's messages quote the body, which may hold a payer's address.
    throw new PeerError("request_invalid", "The webhook's body is not an event of PayPal's.");
  }
}
