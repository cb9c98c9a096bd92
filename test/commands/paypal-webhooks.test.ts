import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { WebhookFaults } from "../paypal-simulator/webhooks.ts";
import { type Market, openMarket, purchases } from "../worlds/paypal-flows.ts";

const soon = { timeout: 60_000, interval: 100 };
const healthy: WebhookFaults = { copies: 1, isLossy: false, isReordering: false };
const slow = 300_000;
const named = purchases.map(({ name, buy }) => [name, buy] as const);
const ends: (() => Promise<void>)[] = [];
let market: Market;

beforeAll(async () => {
  market = await openMarket((end) => ends.unshift(end));
});

afterAll(async () => {
  for (const end of ends) await end();
});

describe.each([
  ["come three times", { copies: 3 }],
  ["come late, the last first", { isReordering: true }],
  ["are lost", { isLossy: true }],
])("where webhooks %s", (_what, faults) => {
  beforeAll(() => void Object.assign(market.network.simulator.webhooks.faults, faults));

  test.concurrent.each(named)("%s is had once, and paid for once", (_name, buy) => buy(market), slow);

  test("the books are PayPal's to the cent, before and after what was late has come", async () => {
    const { simulator, audit, isEqual } = market.network;
    expect(await isEqual()).toBe(true);
    Object.assign(simulator.webhooks.faults, healthy);
    simulator.webhooks.flush();
    // Told last: once it is in the books, all that came before it was worked off.
    const [captureId = ""] = simulator.orders.completedCaptureIds();
    simulator.orders.refund(captureId, 100);
    await simulator.webhooks.settled();
    await vi.waitUntil(isEqual, soon);
    await audit();
    const months = simulator.merchant.movements.filter(({ eventCode }) => eventCode === "T0002");
    expect(simulator.subscriptions.counts().subscriptions).toBe(months.length);
  });
});
