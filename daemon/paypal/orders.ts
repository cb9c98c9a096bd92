import {
  CheckoutPaymentIntent,
  type Order,
  OrderApplicationContextShippingPreference,
  OrderApplicationContextUserAction,
  OrdersController,
} from "@paypal/paypal-server-sdk";
import { type NanoUsd, nanoUsd } from "../../src/money.ts";
import { parsePaypalAmount, paypalValue } from "./amount.ts";
import { type Outcome, outcomeOf, required } from "./paypal-error.ts";
import type { SdkClient } from "./sdk-client.ts";

export interface PayPalOrder {
  readonly id: string;
  readonly status: string;
  readonly approvalUrl: string | null;
  readonly captures: readonly PayPalCapture[];
  readonly refunds: readonly PayPalRefund[];
}

export interface PayPalCapture {
  readonly id: string;
  readonly status: string;
  readonly amount: NanoUsd;
  /** Zero until the capture is COMPLETED. */
  readonly fee: NanoUsd;
}

export interface PayPalRefund {
  readonly id: string;
  readonly status: string;
  readonly amount: NanoUsd;
}

export interface NewOrder {
  /** The same in every attempt; PayPal remembers it for six hours. */
  readonly requestId: string;
  readonly amount: NanoUsd;
  readonly description: string;
  readonly returnUrl: string;
}

const wholeAnswer = "return=representation";

/** PayPal's orders: created, approved by the payer in a browser, captured here. */
export function newOrders(client: SdkClient) {
  const controller = new OrdersController(client);
  return {
    create: async ({ requestId, amount, description, returnUrl }: NewOrder): Promise<PayPalOrder> => {
      const unit = { amount: { currencyCode: "USD", value: paypalValue(amount) }, customId: requestId, description };
      const answer = await required("make an order", () =>
        controller.createOrder({
          paypalRequestId: requestId,
          prefer: wholeAnswer,
          body: {
            intent: CheckoutPaymentIntent.Capture,
            purchaseUnits: [{ ...unit, invoiceId: requestId }],
            applicationContext: {
              brandName: "PeerLLM",
              returnUrl,
              cancelUrl: returnUrl,
              shippingPreference: OrderApplicationContextShippingPreference.NoShipping,
              userAction: OrderApplicationContextUserAction.PayNow,
            },
          },
        }),
      );
      return orderOf(answer.result);
    },

    /** Null where PayPal no longer knows it: it was never approved. */
    find: async (orderId: string): Promise<PayPalOrder | null> => {
      const outcome = await outcomeOf("show an order", () => controller.getOrder({ id: orderId }));
      return outcome.isDone ? orderOf(outcome.result.result) : null;
    },

    capture: async (orderId: string, requestId: string): Promise<Outcome<PayPalOrder>> =>
      outcomeOf("capture an order", async () => {
        const answer = await controller.captureOrder({ id: orderId, paypalRequestId: requestId, prefer: wholeAnswer });
        return orderOf(answer.result);
      }),
  };
}

export type Orders = ReturnType<typeof newOrders>;

function orderOf(order: Order): PayPalOrder {
  const payments = order.purchaseUnits?.map((unit) => unit.payments) ?? [];
  return {
    id: order.id ?? "",
    status: order.status ?? "",
    approvalUrl: order.links?.find(({ rel }) => rel === "approve" || rel === "payer-action")?.href ?? null,
    captures: payments
      .flatMap((payment) => payment?.captures ?? [])
      .map(({ id, status, amount, sellerReceivableBreakdown }) => ({
        id: id ?? "",
        status: status ?? "",
        amount: parsePaypalAmount(amount),
        fee: parsePaypalAmount(sellerReceivableBreakdown?.paypalFee),
      })),
    refunds: payments
      .flatMap((payment) => payment?.refunds ?? [])
      .map(({ id, status, amount }) => ({
        id: id ?? "",
        status: status ?? "",
        amount: amount === undefined ? nanoUsd(0n) : parsePaypalAmount(amount),
      })),
  };
}
