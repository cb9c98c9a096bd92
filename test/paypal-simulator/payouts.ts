import type { Merchant } from "./merchant.ts";
import { type Call, centsOf, decimal, type Handler, id, notFound, now, type Reply, refusal } from "./reply.ts";
import type { Webhooks } from "./webhooks.ts";

export type ItemStatus =
  | "PENDING"
  | "SUCCESS"
  | "FAILED"
  | "UNCLAIMED"
  | "RETURNED"
  | "ONHOLD"
  | "BLOCKED"
  | "REFUNDED"
  | "REVERSED"
  | "DENIED";

interface Item {
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: the item as it was sent.
  readonly request: any;
  readonly cents: number;
  status: ItemStatus;
  isTaken: boolean;
  /** Of the payment that left the merchant's account last. */
  transactionId: string;
}

interface Batch {
  readonly id: string;
  readonly senderBatchId: string;
  readonly items: Item[];
  readonly createdAt: string;
}

const feeCents = 25;
/** Statuses in which the money has left the merchant's account. */
const taken: ReadonlySet<ItemStatus> = new Set(["SUCCESS", "UNCLAIMED", "ONHOLD"]);
const eventNames: Readonly<Record<ItemStatus, string>> = {
  PENDING: "PENDING",
  SUCCESS: "SUCCEEDED",
  FAILED: "FAILED",
  UNCLAIMED: "UNCLAIMED",
  RETURNED: "RETURNED",
  ONHOLD: "HELD",
  BLOCKED: "BLOCKED",
  REFUNDED: "REFUNDED",
  REVERSED: "REFUNDED",
  DENIED: "DENIED",
};

/** How a repeated `sender_batch_id` is refused: all three were seen, or told by PayPal's documentation. */
export type DuplicateWording = "already-exists" | "duplicate" | "duplicate-unlinked";

/** Payout batches: de-duplicated by `sender_batch_id` for ever, their items' states moved by the test. */
export class Payouts {
  /** What becomes of an item as soon as its batch is made; PENDING waits for `move`. */
  nextStatus: ItemStatus = "SUCCESS";
  /** What every batch is answered while it is set. */
  refusal: Reply | null = null;
  duplicateWording: DuplicateWording = "already-exists";
  readonly #batches = new Map<string, Batch>();
  readonly #merchant: Merchant;
  readonly #webhooks: Webhooks;
  readonly #baseUrl: () => string;

  constructor(merchant: Merchant, webhooks: Webhooks, baseUrl: () => string) {
    this.#merchant = merchant;
    this.#webhooks = webhooks;
    this.#baseUrl = baseUrl;
  }

  /** How often each receiver was really paid, in cents. */
  paid(): Map<string, number> {
    const paid = new Map<string, number>();
    for (const item of this.#items()) {
      if (!item.isTaken) continue;
      paid.set(item.request.receiver, (paid.get(item.request.receiver) ?? 0) + item.cents);
    }
    return paid;
  }

  itemIds(): string[] {
    return this.#items().map((item) => item.id);
  }

  /** Whatever waits is claimed or let go. */
  settleHeld(): void {
    for (const item of this.#items()) {
      if (["PENDING", "UNCLAIMED", "ONHOLD"].includes(item.status)) this.move(item.id, "SUCCESS");
    }
  }

  move(itemId: string, status: ItemStatus): void {
    for (const batch of this.#batches.values()) {
      for (const item of batch.items) if (item.id === itemId) this.#move(batch, item, status);
    }
  }

  #items(): Item[] {
    return [...this.#batches.values()].flatMap((batch) => batch.items);
  }

  #move(batch: Batch, item: Item, status: ItemStatus): void {
    item.status = status;
    const isTaken = taken.has(status);
    if (isTaken && !item.isTaken) {
      const customField = item.request.sender_item_id;
      const names = { customField, status: status === "SUCCESS" ? "S" : "P" };
      item.transactionId = this.#merchant.move("T0001", -item.cents, feeCents, names);
    }
    // What comes back comes back without the fee of a payment that had arrived.
    if (!isTaken && item.isTaken) {
      const keptCents = status === "REVERSED" ? 0 : -feeCents;
      this.#merchant.move("T1114", item.cents, keptCents, { reference: item.transactionId });
    }
    item.isTaken = isTaken;
    if (status !== "PENDING") {
      this.#webhooks.emit(`PAYMENT.PAYOUTS-ITEM.${eventNames[status]}`, "payouts_item", this.#itemBody(batch, item));
    }
  }

  #create({ body }: Call): Reply {
    const senderBatchId = body.sender_batch_header.sender_batch_id;
    const before = [...this.#batches.values()].find((batch) => batch.senderBatchId === senderBatchId);
    if (before !== undefined) return this.#duplicate(before);
    if (this.refusal !== null) return this.refusal;
    // biome-ignore lint/suspicious/noExplicitAny: items as they were sent.
    const requests: any[] = body.items;
    const total = requests.reduce((sum, request) => sum + centsOf(request.amount.value) + feeCents, 0);
    if (total > this.#merchant.balanceCents) return refusal(422, "INSUFFICIENT_FUNDS", "INSUFFICIENT_FUNDS");
    const items = requests.map((request): Item => {
      const cents = centsOf(request.amount.value);
      return { id: id("PI"), request, cents, status: "PENDING", isTaken: false, transactionId: "" };
    });
    const batch: Batch = { id: id("PB"), senderBatchId, items, createdAt: now() };
    this.#batches.set(batch.id, batch);
    for (const item of items) {
      const isBad = item.request.note === "ERRPYO002";
      this.#move(batch, item, isBad ? "FAILED" : this.nextStatus);
    }
    const header = {
      payout_batch_id: batch.id,
      batch_status: "PENDING",
      sender_batch_header: body.sender_batch_header,
    };
    return { status: 201, body: { batch_header: header } };
  }

  /**
   * The link was within the detail in 2017 and nowhere in 2015; the documentation does not say where it is.
   * Sources: plutov/paypal, `TestTypeErrorResponseOne` in unit_test.go; paypal/PayPal-Ruby-SDK, issue 120.
   */
  #duplicate({ id: batchId }: Batch): Reply {
    const link = [{ href: `${this.#baseUrl()}/v1/payments/payouts/${batchId}`, rel: "self", method: "GET" }];
    const { body } = refusal(400, "USER_BUSINESS_ERROR", "Duplicate batch request");
    const field = "SENDER_BATCH_ID";
    const exists = { field, issue: "Batch with given sender_batch_id already exists", link };
    const duplicate = { field, issue: "Duplicate batch request" };
    const wordings = {
      "already-exists": { details: [exists], links: [] },
      duplicate: { details: [duplicate], links: link },
      "duplicate-unlinked": { details: [duplicate], links: [] },
    } satisfies Record<DuplicateWording, unknown>;
    return { status: 400, body: { ...Object(body), ...wordings[this.duplicateWording] } };
  }

  #itemBody(batch: Batch, item: Item) {
    return {
      payout_item_id: item.id,
      payout_batch_id: batch.id,
      transaction_status: item.status === "DENIED" ? "FAILED" : item.status,
      payout_item_fee: { currency: "USD", value: decimal(item.isTaken || item.status === "REVERSED" ? feeCents : 0) },
      payout_item: item.request,
      links: [],
    };
  }

  readonly handlers: Readonly<Record<string, Handler>> = {
    "POST /v1/payments/payouts": (call) => this.#create(call),
    "GET /v1/payments/payouts/:id": ({ parameters }) => {
      const batch = this.#batches.get(parameters.id ?? "");
      if (batch === undefined) return notFound();
      const header = {
        payout_batch_id: batch.id,
        batch_status: batch.items.some((item) => item.status === "DENIED") ? "DENIED" : "SUCCESS",
        time_created: batch.createdAt,
        sender_batch_header: { sender_batch_id: batch.senderBatchId },
      };
      const items = batch.items.map((item) => this.#itemBody(batch, item));
      return { status: 200, body: { batch_header: header, items, links: [] } };
    },
  };
}
