import * as z from "zod";
import { type Clock, dayMs } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { AccountId } from "../../src/ids.ts";
import type { Payout, PayoutStore } from "../../src/ledger/payout.ts";
import { formatUsd, type NanoUsd, parseUsd, zeroUsd } from "../../src/money.ts";
import { paypalValue } from "./amount.ts";
import type { PayerSeen } from "./memberships.ts";
import { outcomeOf, type Refusal, refused, required } from "./paypal-error.ts";
import type { Rest } from "./rest.ts";

export interface PayoutRunOptions {
  readonly rest: Rest;
  readonly payouts: PayoutStore;
  readonly payerSeen: PayerSeen;
  readonly clock: Clock;
}

const batchAnswer = z.looseObject({
  batch_header: z.looseObject({ payout_batch_id: z.string(), batch_status: z.string() }),
  items: z
    .array(
      z.looseObject({
        payout_item_id: z.string(),
        transaction_status: z.string().optional(),
        payout_item_fee: z.looseObject({ value: z.string() }).optional(),
        payout_item: z.looseObject({ sender_item_id: z.string().optional() }),
      }),
    )
    .optional(),
});

/** PayPal remembers a `sender_batch_id` for 30 days: sent again later, it would be another batch. */
const attemptsMs = 28 * dayMs;

/** A batch that PayPal gave up on pays nobody. */
const deadBatches = new Set(["DENIED", "CANCELED"]);

/**
 * Refusals of what a request says. It says the same in every attempt, so that none before this one was taken either. Any
 * other refusal speaks of this attempt alone: want of funds, say, may be due to the first one.
 */
const unsendable: ReadonlySet<string | null> = new Set(["INVALID_REQUEST", "VALIDATION_ERROR"]);

/**
 * Payouts, one item to a batch, so that one bad receiver holds up nobody. What is sent was set aside before; PayPal
 * de-duplicates by `sender_batch_id`, which is the payout's own for ever, and answers a repeated one by its name.
 */
export function newPayoutRun({ rest, payouts, payerSeen, clock }: PayoutRunOptions) {
  /** Sets aside and sends. Where PayPal does not answer, the payout stays reserved and `advance` asks again. */
  async function pay(accountId: AccountId, least: NanoUsd): Promise<Payout> {
    return send(await payouts.reserve(accountId, least));
  }

  async function send(payout: Payout): Promise<Payout> {
    const outcome = await outcomeOf("send a payout", () =>
      rest({
        method: "POST",
        path: "/v1/payments/payouts",
        requestId: payout.batchId,
        body: {
          sender_batch_header: { sender_batch_id: payout.batchId, email_subject: "Your PeerLLM earnings" },
          items: [
            {
              recipient_type: payout.receiverType,
              receiver: payout.receiver,
              amount: { currency: "USD", value: paypalValue(payout.amount) },
              sender_item_id: payout.id,
              note: "PeerLLM earnings",
            },
          ],
        },
      }),
    );
    if (outcome.isDone) return note(payout, outcome.result);
    if (isDuplicate(outcome.refusal)) return adopt(payout, outcome.refusal);
    if (unsendable.has(outcome.refusal.name)) return payouts.close(payout.id, "FAILED", zeroUsd);
    throw refused("send a payout", outcome.refusal);
  }

  /**
   * The batch exists though its answer was lost: PayPal's refusal of the second one points to it. Where it doesn't, the
   * payout stays reserved until a webhook about its item names the batch.
   */
  async function adopt(payout: Payout, refusal: Refusal): Promise<Payout> {
    const batchId = refusal.links.map((link) => /\/v1\/payments\/payouts\/([^/?]+)/.exec(link)?.[1]).find(isText);
    if (batchId === undefined) throw refused("send a payout", refusal);
    return show(payout, batchId);
  }

  async function show(payout: Payout, batchId: string): Promise<Payout> {
    const path = `/v1/payments/payouts/${encodeURIComponent(batchId)}`;
    return note(payout, await required("show a payout", () => rest({ method: "GET", path })));
  }

  /** `batchId`: PayPal's id of the batch, where a webhook names it. */
  async function advance(payout: Payout, batchId = payout.paypalBatchId): Promise<Payout> {
    if (batchId !== null) return show(payout, batchId);
    if (clock.now() - payout.createdAt < attemptsMs) return send(payout);
    throw sentTooLongAgo(payout);
  }

  async function note(payout: Payout, answer: unknown): Promise<Payout> {
    const { batch_header: header, items } = batchAnswer.parse(answer);
    const item = items?.find((candidate) => candidate.payout_item.sender_item_id === payout.id);
    const status = item?.transaction_status ?? header.batch_status;
    const batchId = header.payout_batch_id;
    const noted = await payouts.sent(payout.id, { batchId, itemId: item?.payout_item_id ?? null, status });
    if (deadBatches.has(header.batch_status)) return payouts.close(payout.id, "DENIED", zeroUsd);
    if (item?.transaction_status === undefined) return noted;
    const fee = item.payout_item_fee === undefined ? zeroUsd : parseUsd(item.payout_item_fee.value);
    const closed = await payouts.close(payout.id, item.transaction_status, fee);
    // PayPal does not say whose an e-mail address is.
    const isNamed = closed.state === "paid" && closed.receiverType === "PAYPAL_ID";
    if (isNamed) await payerSeen(closed.accountId, closed.receiver, "was-paid");
    return closed;
  }

  return { pay, advance };
}

export type PayoutRun = ReturnType<typeof newPayoutRun>;

/** What an operator can do. Source: PayPal's REST documentation, "Webhooks Events dashboard". */
function sentTooLongAgo({ id, batchId, amount }: Payout): PeerError {
  return new PeerError(
    "payment_failed",
    `PayPal did not say within 28 days that it took ${id}, which is not sent again: it could be paid twice. Look for the batch "${batchId}" at paypal.com. If it is there, press "Resend" beside its item's event at developer.paypal.com/dashboard/webhooks/live, which keeps 30 days: that settles it. If not, nothing was paid, and $${formatUsd(amount)} stay set aside: no command gives them back.`,
  );
}

/** Of payouts the issue is a sentence, and has been more than one. Source: plutov/paypal, unit_test.go. */
function isDuplicate({ field, issue }: Refusal): boolean {
  return field === "SENDER_BATCH_ID" || /duplicate|already exists/i.test(issue);
}

function isText(value: string | undefined): value is string {
  return value !== undefined;
}
