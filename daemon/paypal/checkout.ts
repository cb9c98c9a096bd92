import { type Clock, dayMs } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import { type AccountId, newId, type PaymentId } from "../../src/ids.ts";
import type { Payment, PaymentPurpose, PaymentStore } from "../../src/ledger/payment.ts";
import { type NanoUsd, zeroUsd } from "../../src/money.ts";
import type { Orders, PayPalOrder } from "./orders.ts";
import { refused } from "./paypal-error.ts";

export interface CheckoutOptions {
  readonly orders: Orders;
  readonly payments: PaymentStore;
  readonly clock: Clock;
  /** Where PayPal sends the payer's browser when it is done. */
  readonly returnUrl: string;
}

export interface NewPayment {
  readonly accountId: AccountId;
  readonly purpose: PaymentPurpose;
  /** Whole cents. */
  readonly amount: NanoUsd;
}

/** PayPal remembers an order's request id for six hours; what it was not told by then it will not be. */
const orderAttemptsMs = 5 * 3_600_000;
const descriptionLengthMax = 127;
/** An order nobody approved by then is given up; PayPal itself forgets it. */
const approvalMs = 3 * dayMs;

/**
 * One-time payments. `advance` is the whole of it: it asks PayPal what is so, does what follows, and may be called at any
 * time, by a webhook, by a poll or by someone waiting, any number of times.
 */
export function newCheckout({ orders, payments, clock, returnUrl }: CheckoutOptions) {
  const underway = new Map<PaymentId, Promise<Payment>>();

  /** The record comes first: its id is the key of every attempt to tell PayPal. */
  async function begin({ accountId, purpose, amount }: NewPayment): Promise<Payment> {
    return advance(await payments.create({ id: newId("payment"), accountId, purpose, amount }));
  }

  async function order(payment: Payment): Promise<Payment> {
    const { id, amount, purpose } = payment;
    const made = await orders.create({ requestId: id, amount, description: descriptionOf(purpose), returnUrl });
    return payments.ordered(payment.id, { orderId: made.id, approvalUrl: made.approvalUrl });
  }

  /** Whoever asks while another does shares the answer: a declined order would be captured a second time. */
  function advance({ id }: Payment): Promise<Payment> {
    const running = underway.get(id) ?? look(id).finally(() => underway.delete(id));
    underway.set(id, running);
    return running;
  }

  async function look(id: PaymentId): Promise<Payment> {
    const payment = await payments.find(id);
    if (payment === null) throw new PeerError("not_found", `There is no payment ${id} on this network.`);
    if (payment.state === "failed") return payment;
    const age = clock.now() - payment.createdAt;
    if (payment.orderId === null) {
      // Bought with credit: PayPal has no part in it.
      if (payment.state === "completed") return payment;
      return age > orderAttemptsMs ? payments.fail(payment.id) : order(payment);
    }
    const found = await orders.find(payment.orderId);
    if (payment.state === "completed") return found === null ? payment : takeBack(payment, found);
    if (found === null || found.status === "VOIDED") return payments.fail(payment.id);
    if (found.status === "APPROVED") return capture(payment, payment.orderId);
    if (found.status === "COMPLETED") return settle(payment, found);
    return age > approvalMs ? payments.fail(payment.id) : payment;
  }

  async function capture(payment: Payment, orderId: string): Promise<Payment> {
    const outcome = await orders.capture(orderId, `${payment.id}-capture`);
    if (outcome.isDone) return settle(payment, outcome.result);
    if (outcome.refusal.issue === "ORDER_ALREADY_CAPTURED") {
      const found = await orders.find(orderId);
      return found === null ? payment : settle(payment, found);
    }
    if (outcome.refusal.issue === "INSTRUMENT_DECLINED") return payments.fail(payment.id);
    throw refused("capture an order", outcome.refusal);
  }

  /** An order may be COMPLETED while its capture is not: only a COMPLETED capture is money. */
  async function settle(payment: Payment, order: PayPalOrder): Promise<Payment> {
    const [capture] = order.captures;
    if (capture === undefined || capture.status === "PENDING") return payment;
    if (capture.status === "DECLINED" || capture.status === "FAILED") return payments.fail(payment.id);
    const { id, amount, fee } = capture;
    const completed = await payments.complete(payment.id, id, { key: `capture:${id}`, amount, fee });
    return takeBack(completed, order);
  }

  async function takeBack(payment: Payment, order: PayPalOrder): Promise<Payment> {
    let now = payment;
    for (const { id, status, amount } of order.refunds) {
      if (status !== "COMPLETED") continue;
      now = await payments.refund(payment.id, { key: `refund:${id}`, amount, fee: zeroUsd });
    }
    return now;
  }

  return { begin, advance };
}

export type Checkout = ReturnType<typeof newCheckout>;

/** What the payer reads, no longer than PayPal takes. */
function descriptionOf(purpose: PaymentPurpose): string {
  const what = purpose.kind === "model" ? `model ${purpose.model}` : purpose.kind;
  return `PeerLLM ${what}`.slice(0, descriptionLengthMax);
}
