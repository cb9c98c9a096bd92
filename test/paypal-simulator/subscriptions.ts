import { feeOf, type Merchant } from "./merchant.ts";
import { type Call, centsOf, decimal, type Handler, id, notFound, now, type Reply, refusal, usd } from "./reply.ts";
import type { Webhooks } from "./webhooks.ts";

interface Plan {
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: the plan as it was sent.
  readonly request: any;
  readonly cents: number;
  status: "ACTIVE" | "INACTIVE";
}

interface Sale {
  readonly id: string;
  status: "COMPLETED" | "REFUNDED";
  readonly cents: number;
  readonly feeCents: number;
  readonly time: string;
}

interface Subscription {
  readonly id: string;
  readonly plan: Plan;
  readonly customId: string;
  /** Who agreed to it. */
  payerId: string;
  status: "APPROVAL_PENDING" | "ACTIVE" | "SUSPENDED" | "CANCELLED" | "EXPIRED";
  outstandingCents: number;
  failedPayments: number;
  readonly createdAt: string;
  readonly sales: Sale[];
}

/** Products, plans and subscriptions. Time passes when `bill` is called. */
export class Subscriptions {
  /** PayPal's id of whoever approves next. */
  payerId = "PAYERABCD2345";
  readonly #products = new Map<string, unknown>();
  readonly #plans = new Map<string, Plan>();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #merchant: Merchant;
  readonly #webhooks: Webhooks;
  readonly #baseUrl: () => string;

  constructor(merchant: Merchant, webhooks: Webhooks, baseUrl: () => string) {
    this.#merchant = merchant;
    this.#webhooks = webhooks;
    this.#baseUrl = baseUrl;
  }

  /** Subscriptions that wait for their payer. */
  open(): string[] {
    return [...this.#subscriptions.values()].filter(({ status }) => status === "APPROVAL_PENDING").map(({ id }) => id);
  }

  counts(): { products: number; plans: number; subscriptions: number } {
    return { products: this.#products.size, plans: this.#plans.size, subscriptions: this.#subscriptions.size };
  }

  /** What a payer does on the approval page: the first month is paid at once. */
  approve(subscriptionId: string): boolean {
    const subscription = this.#subscriptions.get(subscriptionId);
    if (subscription?.status !== "APPROVAL_PENDING") return subscription?.status === "ACTIVE";
    subscription.status = "ACTIVE";
    subscription.payerId = this.payerId;
    this.#emit("BILLING.SUBSCRIPTION.ACTIVATED", subscription);
    this.bill(subscriptionId);
    return true;
  }

  /** A month passes: PayPal collects, or fails to. */
  bill(subscriptionId: string, isFailing = false): string | null {
    const subscription = this.#subscriptions.get(subscriptionId);
    if (subscription?.status !== "ACTIVE") throw new Error(`${subscriptionId} is not active`);
    if (isFailing) {
      subscription.failedPayments += 1;
      subscription.outstandingCents += subscription.plan.cents;
      this.#emit("BILLING.SUBSCRIPTION.PAYMENT.FAILED", subscription);
      return null;
    }
    const cents = subscription.plan.cents + subscription.outstandingCents;
    subscription.outstandingCents = 0;
    const sale: Sale = { id: id("S"), status: "COMPLETED", cents, feeCents: feeOf(cents), time: now() };
    subscription.sales.push(sale);
    const names = { customField: subscription.customId, transactionId: sale.id, reference: subscription.id };
    this.#merchant.move("T0002", cents, sale.feeCents, names);
    this.#webhooks.emit("PAYMENT.SALE.COMPLETED", "sale", this.#saleBody(sale, subscription));
    return sale.id;
  }

  /** A payer's bank takes a month back. */
  reverse(subscriptionId: string): void {
    const subscription = this.#subscriptions.get(subscriptionId);
    const sale = subscription?.sales.findLast((candidate) => candidate.status === "COMPLETED");
    if (subscription === undefined || sale === undefined) throw new Error(`${subscriptionId} has no sale to reverse`);
    sale.status = "REFUNDED";
    const refundId = id("RF");
    this.#merchant.move("T1201", -sale.cents, 0, { transactionId: refundId, reference: sale.id });
    const body = { ...this.#saleBody(sale, subscription), id: refundId, sale_id: sale.id, state: "completed" };
    this.#webhooks.emit("PAYMENT.SALE.REVERSED", "sale", body);
  }

  #saleBody(sale: Sale, subscription: Subscription) {
    return {
      id: sale.id,
      billing_agreement_id: subscription.id,
      custom: subscription.customId,
      state: "completed",
      amount: { total: decimal(sale.cents), currency: "USD" },
      transaction_fee: { value: decimal(sale.feeCents), currency: "USD" },
      create_time: sale.time,
    };
  }

  #emit(eventType: string, subscription: Subscription): void {
    this.#webhooks.emit(eventType, "subscription", this.#body(subscription));
  }

  #create({ body }: Call): Reply {
    const plan = this.#plans.get(body.plan_id);
    if (plan === undefined) return refusal(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID");
    if (plan.status !== "ACTIVE") return refusal(422, "UNPROCESSABLE_ENTITY", "PLAN_STATUS_INVALID");
    const subscription: Subscription = {
      id: id("I-"),
      plan,
      customId: body.custom_id ?? "",
      payerId: "",
      status: "APPROVAL_PENDING",
      outstandingCents: 0,
      failedPayments: 0,
      createdAt: now(),
      sales: [],
    };
    this.#subscriptions.set(subscription.id, subscription);
    this.#emit("BILLING.SUBSCRIPTION.CREATED", subscription);
    return { status: 201, body: this.#body(subscription) };
  }

  #body(subscription: Subscription) {
    const { plan, status, createdAt } = subscription;
    const last = subscription.sales.at(-1);
    const approvalUrl = `${this.#baseUrl()}/webapps/billing/subscriptions?ba_token=${subscription.id}`;
    const self = `${this.#baseUrl()}/v1/billing/subscriptions/${subscription.id}`;
    return {
      id: subscription.id,
      plan_id: plan.id,
      custom_id: subscription.customId,
      status,
      status_update_time: createdAt,
      create_time: createdAt,
      start_time: createdAt,
      ...(status === "APPROVAL_PENDING"
        ? {}
        : {
            subscriber: { email_address: "payer@example.com", payer_id: subscription.payerId },
            billing_info: {
              outstanding_balance: usd(subscription.outstandingCents),
              failed_payments_count: subscription.failedPayments,
              ...(last === undefined ? {} : { last_payment: { amount: usd(last.cents), time: last.time } }),
            },
          }),
      links: [
        ...(status === "APPROVAL_PENDING" ? [{ href: approvalUrl, rel: "approve", method: "GET" }] : []),
        { href: self, rel: "self", method: "GET" },
      ],
    };
  }

  #change(to: Subscription["status"], from: readonly Subscription["status"][], eventType: string): Handler {
    return ({ parameters }) => {
      const subscription = this.#subscriptions.get(parameters.id ?? "");
      if (subscription === undefined) return notFound();
      if (!from.includes(subscription.status))
        return refusal(422, "UNPROCESSABLE_ENTITY", "SUBSCRIPTION_STATUS_INVALID");
      subscription.status = to;
      this.#emit(eventType, subscription);
      return { status: 204 };
    };
  }

  #self(path: string) {
    return [{ href: this.#baseUrl() + path, rel: "self", method: "GET" }];
  }

  #planBody(plan: Plan) {
    const { request } = plan;
    return {
      id: plan.id,
      product_id: request.product_id,
      name: request.name,
      status: plan.status,
      links: this.#self(`/v1/billing/plans/${plan.id}`),
    };
  }

  readonly handlers: Readonly<Record<string, Handler>> = {
    "POST /v1/catalogs/products": ({ body }) => {
      const productId = body.id ?? id("PROD-");
      if (this.#products.has(productId)) return refusal(400, "INVALID_REQUEST", "DUPLICATE_RESOURCE_IDENTIFIER");
      this.#products.set(productId, body);
      return {
        status: 201,
        body: {
          id: productId,
          name: body.name,
          create_time: now(),
          links: this.#self(`/v1/catalogs/products/${productId}`),
        },
      };
    },
    "POST /v1/billing/plans": ({ body }) => {
      if (!this.#products.has(body.product_id)) return refusal(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID");
      const cents = centsOf(body.billing_cycles[0].pricing_scheme.fixed_price.value);
      const plan: Plan = { id: id("P-"), request: body, cents, status: "ACTIVE" };
      this.#plans.set(plan.id, plan);
      return { status: 201, body: this.#planBody(plan) };
    },
    "GET /v1/billing/plans": ({ query }) => {
      const all = [...this.#plans.values()].filter((plan) => plan.request.product_id === query.get("product_id"));
      const size = Number(query.get("page_size") ?? 10);
      const start = (Number(query.get("page") ?? 1) - 1) * size;
      const plans = all.slice(start, start + size).map((plan) => this.#planBody(plan));
      return { status: 200, body: { plans, links: this.#self("/v1/billing/plans") } };
    },
    "POST /v1/billing/subscriptions": (call) => this.#create(call),
    "GET /v1/billing/subscriptions/:id": ({ parameters }) => {
      const subscription = this.#subscriptions.get(parameters.id ?? "");
      return subscription === undefined ? notFound() : { status: 200, body: this.#body(subscription) };
    },
    "GET /v1/billing/subscriptions/:id/transactions": ({ parameters }) => {
      const subscription = this.#subscriptions.get(parameters.id ?? "");
      if (subscription === undefined) return notFound();
      const transactions = subscription.sales.map((sale) => ({
        id: sale.id,
        status: sale.status,
        time: sale.time,
        amount_with_breakdown: {
          gross_amount: usd(sale.cents),
          fee_amount: usd(sale.feeCents),
          net_amount: usd(sale.cents - sale.feeCents),
        },
      }));
      return {
        status: 200,
        body: { transactions, links: this.#self(`/v1/billing/subscriptions/${subscription.id}/transactions`) },
      };
    },
    "POST /v1/billing/subscriptions/:id/cancel": this.#change(
      "CANCELLED",
      ["ACTIVE", "SUSPENDED"],
      "BILLING.SUBSCRIPTION.CANCELLED",
    ),
    "POST /v1/billing/subscriptions/:id/suspend": this.#change(
      "SUSPENDED",
      ["ACTIVE"],
      "BILLING.SUBSCRIPTION.SUSPENDED",
    ),
    "POST /v1/billing/subscriptions/:id/activate": this.#change(
      "ACTIVE",
      ["SUSPENDED"],
      "BILLING.SUBSCRIPTION.ACTIVATED",
    ),
  };
}
