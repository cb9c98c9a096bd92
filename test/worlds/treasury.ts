import { createServer } from "node:http";
import { Treasury } from "../../daemon/paypal/treasury.ts";
import { openBooks } from "../../daemon/sqlite/books.ts";
import type { Database } from "../../daemon/sqlite/database.ts";
import { openPayments } from "../../daemon/sqlite/payments.ts";
import { openPayouts } from "../../daemon/sqlite/payouts.ts";
import { openPayPalRecords } from "../../daemon/sqlite/paypal-records.ts";
import { openPayPalTransactions } from "../../daemon/sqlite/paypal-transactions.ts";
import { openSubscriptions } from "../../daemon/sqlite/subscriptions.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { type Log, silentLog } from "../../src/log.ts";

export interface SimulatedAccess {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  readonly log?: Log;
}

/** Everything a network has to do with money, on one database and one simulator of PayPal. */
export function openEconomy(database: Database, access: SimulatedAccess) {
  const { url, clientId, clientSecret, timeoutMs = 20_000, clock = systemClock, log = silentLog } = access;
  const stores = {
    books: openBooks(database, clock),
    payments: openPayments(database, clock),
    payouts: openPayouts(database, clock),
    subscriptions: openSubscriptions(database, clock),
    records: openPayPalRecords(database, clock),
    transactions: openPayPalTransactions(database),
  };
  const treasury = new Treasury({
    ...stores,
    access: { clientId, clientSecret, baseUrl: url, timeoutMs },
    networkId: `network_${"a".repeat(26)}`,
    returnUrl: "https://network.example/paid",
    payerSeen: async () => {},
    clock,
    log,
  });
  return { ...stores, treasury };
}

/** Where PayPal's webhooks arrive; whoever `treasury` gives at the time receives them. */
export async function listenForWebhooks(treasury: () => Treasury, port = 0): Promise<{ close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const isTaken = await treasury()
      .receiveWebhook(request.headers, Buffer.concat(chunks))
      .then(
        () => true,
        () => false,
      );
    response.writeHead(isTaken ? 200 : 400).end();
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  const listening = typeof address === "object" && address !== null ? address.port : 0;
  await treasury().listenAt(`http://127.0.0.1:${listening}/`);
  return { close: () => new Promise((resolve) => server.close(() => resolve())) };
}
