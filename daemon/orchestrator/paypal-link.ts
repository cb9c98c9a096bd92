import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { HostId } from "../../src/ids.ts";
import type { PriceBook } from "../../src/ledger/price-book.ts";
import { type SubscriptionStore, standingOf } from "../../src/ledger/subscription.ts";
import { type Route, readBody, strangerLimits } from "../http/route.ts";
import type { Treasury } from "../paypal/treasury.ts";

const webhookPath = "/paypal/webhooks";
const returnPath = "/paypal/return";

export function returnUrlAt(networkUrl: string): string {
  return `${networkUrl}${returnPath}`;
}

export function webhookUrlAt(networkUrl: string): string {
  return `${networkUrl}${webhookPath}`;
}

/** What PayPal and payers' browsers call: webhooks by their raw bytes, and the page a payer comes back to. */
export function paypalRoutes(treasury: () => Treasury | null): readonly Route[] {
  return [
    {
      method: "POST",
      path: webhookPath,
      handle: async (exchange) => {
        const open = treasury();
        if (open === null) throw new PeerError("not_found", "This network expects no webhooks.");
        await open.receiveWebhook(exchange.request.headers, await readBody(exchange, strangerLimits));
        exchange.response.writeHead(204).end();
      },
    },
    {
      method: "GET",
      path: returnPath,
      handle: async ({ response }) => {
        response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(returnPage);
      },
    },
  ];
}

const returnPage = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>PeerLLM</title>
<p>Thank you. You can close this page; the terminal goes on by itself.</p></html>
`;

/** Whether a host may be given paid work: its subscription is paid for, or its payment is not late for long. */
export async function mayServe(
  hostId: HostId,
  { subscriptions, prices, clock }: { subscriptions: SubscriptionStore; prices: PriceBook; clock: Clock },
): Promise<boolean> {
  return standingOf(await subscriptions.ofHost(hostId), await prices.list(), clock.now()) !== "unpaid";
}
