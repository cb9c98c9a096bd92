import { feeOf, type Merchant } from "./merchant.ts";
import { type Call, centsOf, type Handler, id, notFound, now, type Reply, refusal, usd } from "./reply.ts";
import type { Webhooks } from "./webhooks.ts";

interface Capture {
  readonly id: string;
  status: "COMPLETED" | "PENDING" | "DECLINED" | "PARTIALLY_REFUNDED" | "REFUNDED";
  readonly cents: number;
  readonly feeCents: number;
  refundedCents: number;
  readonly order: Order;
}

interface Refund {
  readonly id: string;
  readonly cents: number;
  readonly captureId: string;
}

interface Order {
  readonly id: string;
  status: "CREATED" | "APPROVED" | "COMPLETED" | "VOIDED";
  readonly cents: number;
  // biome-ignore lint/suspicious/noExplicitAny: the purchase unit as it was sent.
  readonly unit: any;
  readonly createdAt: string;
  readonly captures: Capture[];
  readonly refunds: Refund[];
}

/** Checkout: orders, captures and refunds, with PayPal's states. */
export class Orders {
  /** The next capture is declined, or stays pending until `release`. */
  nextCapture: "COMPLETED" | "DECLINED" | "PENDING" = "COMPLETED";
  readonly #orders = new Map<string, Order>();
  readonly #captures = new Map<string, Capture>();
  readonly #merchant: Merchant;
  readonly #webhooks: Webhooks;
  readonly #baseUrl: () => string;

  constructor(merchant: Merchant, webhooks: Webhooks, baseUrl: () => string) {
    this.#merchant = merchant;
    this.#webhooks = webhooks;
    this.#baseUrl = baseUrl;
  }

  /** What a payer does on the approval page. */
  approve(orderId: string): boolean {
    const order = this.#orders.get(orderId);
    if (order?.status !== "CREATED") return order?.status === "APPROVED";
    order.status = "APPROVED";
    this.#webhooks.emit("CHECKOUT.ORDER.APPROVED", "checkout-order", this.#orderBody(order));
    return true;
  }

  /** A pending capture turns out well. */
  release(captureId: string): void {
    const capture = this.#captures.get(captureId);
    if (capture?.status !== "PENDING") throw new Error(`${captureId} is not pending`);
    this.#complete(capture);
  }

  /** Gives money back; `isReversal` as a dispute does, else as the merchant does. */
  refund(captureId: string, cents: number, isReversal = false): string {
    const capture = this.#captures.get(captureId);
    if (capture === undefined) throw new Error(`no capture ${captureId}`);
    return this.#refund(capture, cents, isReversal ? "PAYMENT.CAPTURE.REVERSED" : "PAYMENT.CAPTURE.REFUNDED").id;
  }

  /** A dispute is decided for the merchant after all: the money comes back, and no webhook says so. */
  restore(captureId: string, cents: number): void {
    const capture = this.#captures.get(captureId);
    if (capture === undefined) throw new Error(`no capture ${captureId}`);
    capture.refundedCents -= cents;
    capture.status = capture.refundedCents === 0 ? "COMPLETED" : "PARTIALLY_REFUNDED";
    this.#merchant.move("T1202", cents, 0, { reference: captureId });
  }

  /** Orders that wait for their payer. */
  openOrders(): string[] {
    return [...this.#orders.values()].filter((order) => order.status === "CREATED").map((order) => order.id);
  }

  completedCaptureIds(): string[] {
    return [...this.#captures.values()].filter(({ status }) => status === "COMPLETED").map((capture) => capture.id);
  }

  captureIds(): string[] {
    return [...this.#captures.keys()];
  }

  #complete(capture: Capture): void {
    capture.status = "COMPLETED";
    this.#merchant.move("T0006", capture.cents, capture.feeCents, {
      customField: capture.order.unit.custom_id,
      transactionId: capture.id,
    });
    this.#webhooks.emit("PAYMENT.CAPTURE.COMPLETED", "capture", this.#captureBody(capture));
  }

  #refund(capture: Capture, cents: number, eventType: string): Refund {
    const refund = { id: id("RF"), cents, captureId: capture.id };
    capture.refundedCents += cents;
    capture.status = capture.refundedCents === capture.cents ? "REFUNDED" : "PARTIALLY_REFUNDED";
    capture.order.refunds.push(refund);
    const code = eventType.endsWith("REVERSED") ? "T1201" : "T1107";
    this.#merchant.move(code, -cents, 0, { transactionId: refund.id, reference: capture.id });
    this.#webhooks.emit(eventType, "refund", this.#refundBody(refund));
    return refund;
  }

  #create({ body }: Call): Reply {
    const [unit] = body.purchase_units;
    if (!/^\d+\.\d{2}$/.test(unit.amount.value)) return refusal(422, "UNPROCESSABLE_ENTITY", "DECIMAL_PRECISION");
    const order: Order = {
      id: id("O"),
      status: "CREATED",
      cents: centsOf(unit.amount.value),
      unit,
      createdAt: now(),
      captures: [],
      refunds: [],
    };
    this.#orders.set(order.id, order);
    return { status: 201, body: this.#orderBody(order) };
  }

  #capture({ parameters, headers }: Call): Reply {
    const order = this.#orders.get(parameters.id ?? "");
    if (order === undefined) return notFound();
    if (order.status === "CREATED") return refusal(422, "UNPROCESSABLE_ENTITY", "ORDER_NOT_APPROVED");
    if (order.status === "COMPLETED") return refusal(422, "UNPROCESSABLE_ENTITY", "ORDER_ALREADY_CAPTURED");
    const isMocked = headers["paypal-mock-response"]?.includes("INSTRUMENT_DECLINED") === true;
    const outcome = isMocked ? "DECLINED" : this.nextCapture;
    this.nextCapture = "COMPLETED";
    if (outcome === "DECLINED") return refusal(422, "UNPROCESSABLE_ENTITY", "INSTRUMENT_DECLINED");
    const feeCents = feeOf(order.cents);
    const capture: Capture = { id: id("C"), status: "PENDING", cents: order.cents, feeCents, refundedCents: 0, order };
    this.#captures.set(capture.id, capture);
    order.captures.push(capture);
    order.status = "COMPLETED";
    if (outcome === "COMPLETED") this.#complete(capture);
    else this.#webhooks.emit("PAYMENT.CAPTURE.PENDING", "capture", this.#captureBody(capture));
    return { status: 201, body: this.#orderBody(order) };
  }

  #orderBody(order: Order) {
    const payments = {
      captures: order.captures.map((capture) => this.#captureBody(capture)),
      ...(order.refunds.length === 0 ? {} : { refunds: order.refunds.map((refund) => this.#refundBody(refund)) }),
    };
    const approvalUrl = `${this.#baseUrl()}/checkoutnow?token=${order.id}`;
    return {
      id: order.id,
      intent: "CAPTURE",
      status: order.status,
      create_time: order.createdAt,
      purchase_units: [
        { reference_id: "default", ...order.unit, ...(order.captures.length === 0 ? {} : { payments }) },
      ],
      links: [
        { href: `${this.#baseUrl()}/v2/checkout/orders/${order.id}`, rel: "self", method: "GET" },
        ...(order.status === "CREATED" ? [{ href: approvalUrl, rel: "approve", method: "GET" }] : []),
      ],
    };
  }

  #captureBody(capture: Capture) {
    const breakdown = {
      gross_amount: usd(capture.cents),
      paypal_fee: usd(capture.feeCents),
      net_amount: usd(capture.cents - capture.feeCents),
    };
    return {
      id: capture.id,
      status: capture.status,
      amount: usd(capture.cents),
      final_capture: true,
      custom_id: capture.order.unit.custom_id,
      ...(capture.status === "PENDING" ? {} : { seller_receivable_breakdown: breakdown }),
      create_time: now(),
      links: [{ href: `${this.#baseUrl()}/v2/payments/captures/${capture.id}`, rel: "self", method: "GET" }],
    };
  }

  #refundBody(refund: Refund) {
    const href = `${this.#baseUrl()}/v2/payments/captures/${refund.captureId}`;
    return {
      id: refund.id,
      status: "COMPLETED",
      amount: usd(refund.cents),
      create_time: now(),
      links: [{ href, rel: "up", method: "GET" }],
    };
  }

  readonly handlers: Readonly<Record<string, Handler>> = {
    "POST /v2/checkout/orders": (call) => this.#create(call),
    "GET /v2/checkout/orders/:id": ({ parameters }) => {
      const order = this.#orders.get(parameters.id ?? "");
      return order === undefined ? notFound() : { status: 200, body: this.#orderBody(order) };
    },
    "POST /v2/checkout/orders/:id/capture": (call) => this.#capture(call),
    "GET /v2/payments/captures/:id": ({ parameters }) => {
      const capture = this.#captures.get(parameters.id ?? "");
      return capture === undefined ? notFound() : { status: 200, body: this.#captureBody(capture) };
    },
    "POST /v2/payments/captures/:id/refund": ({ parameters, body }) => {
      const capture = this.#captures.get(parameters.id ?? "");
      if (capture === undefined) return notFound();
      const cents = body?.amount === undefined ? capture.cents - capture.refundedCents : centsOf(body.amount.value);
      if (cents > capture.cents - capture.refundedCents) {
        return refusal(422, "UNPROCESSABLE_ENTITY", "REFUND_AMOUNT_EXCEEDED");
      }
      return { status: 201, body: this.#refundBody(this.#refund(capture, cents, "PAYMENT.CAPTURE.REFUNDED")) };
    },
  };
}
