import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parseUsd } from "../../src/money.ts";
import type { Fault } from "../paypal-simulator/simulator.ts";
import { faultsOf, type Market, openMarket, paid, purchases } from "../worlds/paypal-flows.ts";

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

/** The product is made once on a network: only the first meets that fault. */
const productFault: Fault = { kind: "error", match: /POST \/v1\/catalogs\/products$/ };

describe.each([
  ["PayPal answers 500 to every call, before it does anything", [productFault, ...faultsOf("error")]],
  ["PayPal does what it is asked, and every answer is lost", faultsOf("lost-answer")],
])("where %s", (_what, faults) => {
  beforeAll(() => void market.network.simulator.faults.push(...faults));

  test.concurrent.each(named)("%s is had once, and paid for once", (_name, buy) => buy(market), slow);

  test("the books are PayPal's to the cent, and nobody was asked to pay for the same again", async () => {
    const { simulator, audit } = market.network;
    expect(simulator.faults).toEqual([]);
    await audit();
    const { products, subscriptions } = simulator.subscriptions.counts();
    const months = simulator.merchant.movements.filter(({ eventCode }) => eventCode === "T0002");
    expect({ products, subscriptions }).toEqual({ products: 1, subscriptions: months.length });
  });
});

test(
  "credit that is taken back after it was spent is owed, and nothing is answered until it is paid",
  async () => {
    const { network, owner, hostId, hostsServing } = market;
    const { simulator } = network;
    const prompt = ["chat", "What is PeerLLM?"];
    const member = await network.member();
    const topup = () => paid(simulator, member.run, ["billing", "topup", "20"]);
    expect(await topup()).toMatchObject({ code: 0 });
    const captureId = simulator.orders.completedCaptureIds().at(-1) ?? "";
    expect(await paid(simulator, owner, ["host", "subscribe", hostId])).toMatchObject({ code: 0 });
    await vi.waitUntil(async () => (await hostsServing()) === 1, { timeout: 60_000, interval: 200 });
    expect(await member.run(prompt)).toMatchObject({ code: 0 });
    const left = parseUsd(await member.available());
    expect(left).toBeLessThan(parseUsd("20"));

    simulator.orders.refund(captureId, 2_000, true);
    await vi.waitUntil(async () => (await member.available()) === "0.00", { timeout: 60_000, interval: 200 });
    const owed = String((await network.audit()).totals.receivable);
    expect(parseUsd(owed)).toBe(parseUsd("20") - left);
    const refused = await member.run(prompt);
    expect(refused).toMatchObject({ code: 3 });
    expect(refused.json()).toMatchObject({ error: { code: "payment_required" } });

    expect(await topup()).toMatchObject({ code: 0 });
    expect(parseUsd(await member.available())).toBe(left);
    expect(await member.run(prompt)).toMatchObject({ code: 0 });
    expect((await network.audit()).totals.receivable).toBe("0.00");
  },
  slow,
);
