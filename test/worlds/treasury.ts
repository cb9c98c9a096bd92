import { Treasury } from "../../daemon/paypal/treasury.ts";
import { openBooks } from "../../daemon/sqlite/books.ts";
import type { Database } from "../../daemon/sqlite/database.ts";
import { openPayments } from "../../daemon/sqlite/payments.ts";
import { openPayouts } from "../../daemon/sqlite/payouts.ts";
import { openPayPalRecords } from "../../daemon/sqlite/paypal-records.ts";
import { openSubscriptions } from "../../daemon/sqlite/subscriptions.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log.ts";

export interface SimulatedAccess {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly timeoutMs?: number;
}

/** Everything a network has to do with money, on one database and one simulator of PayPal. */
export function openEconomy(database: Database, { url, clientId, clientSecret, timeoutMs = 20_000 }: SimulatedAccess) {
  const stores = {
    books: openBooks(database, systemClock),
    payments: openPayments(database, systemClock),
    payouts: openPayouts(database, systemClock),
    subscriptions: openSubscriptions(database, systemClock),
    records: openPayPalRecords(database, systemClock),
  };
  const treasury = new Treasury({
    ...stores,
    access: { clientId, clientSecret, baseUrl: url, timeoutMs },
    networkId: `network_${"a".repeat(26)}`,
    returnUrl: "https://network.example/paid",
    clock: systemClock,
    log: silentLog,
  });
  return { ...stores, treasury };
}
