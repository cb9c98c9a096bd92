import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Fault } from "../paypal-simulator/simulator.ts";
import { faultsOf, type Market, openMarket, purchases } from "../worlds/paypal-flows.ts";

const slow = 300_000;
const ends: (() => Promise<void>)[] = [];
let market: Market;

beforeAll(async () => {
  market = await openMarket((end) => ends.unshift(end));
});

afterAll(async () => {
  for (const end of ends) await end();
});

/** The product is made once on a network: only the first meets that fault. */
const productFault: Fault = { kind: "error", match: /POST \/v1\/catalogs\/products$/ };

describe.each([
  ["PayPal answers 500 to every call, before it does anything", [productFault, ...faultsOf("error")]],
  ["PayPal does what it is asked, and every answer is lost", faultsOf("lost-answer")],
])("where %s", (_what, faults) => {
  beforeAll(() => void market.network.simulator.faults.push(...faults));

  test.concurrent.each(purchases)("$name is had once, and paid for once", ({ buy }) => buy(market), slow);

  test("the books are PayPal's to the cent, and nobody was asked to pay for the same again", async () => {
    const { simulator, audit } = market.network;
    expect(simulator.faults).toEqual([]);
    await audit();
    const { products, subscriptions } = simulator.subscriptions.counts();
    const months = simulator.merchant.movements.filter(({ eventCode }) => eventCode === "T0002");
    expect({ products, subscriptions }).toEqual({ products: 1, subscriptions: months.length });
  });
});
