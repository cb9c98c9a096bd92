import { expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { documentOf } from "../worlds/billing-network.ts";
import { openMarket, paid, purchases } from "../worlds/paypal-flows.ts";

const soon = { timeout: 120_000, interval: 100 };
const payoutShape = z.looseObject({ payouts: z.tuple([z.looseObject({ state: z.string(), usd: z.string() })]) });

/** Each is waited for until the network's own patience ends, all at the same time. */
test("what PayPal does and never answers is done once: everything that is bought, and a payout", async () => {
  const market = await openMarket(onTestFinished);
  const { network, owner, model } = market;
  const { simulator } = network;
  const buyer = await network.member();
  expect(await paid(simulator, buyer.run, ["models", "buy", model])).toMatchObject({ code: 0 });
  expect(await paid(simulator, buyer.run, ["billing", "topup", "50"])).toMatchObject({ code: 0 });
  await owner(["payout", "settings", "--paypal", "owner@example.com", "--threshold", "1000"]);
  const effects = [
    /POST \/v1\/payments\/payouts$/,
    /POST \/v2\/checkout\/orders$/,
    /\/capture$/,
    /POST \/v1\/billing\/subscriptions$/,
    /\/cancel$/,
  ];
  simulator.faults.push(...effects.map((match) => ({ kind: "timeout", match }) as const));

  const requested = owner(["payout", "request"]);
  await Promise.all([requested, ...purchases.map(({ buy }) => buy(market))]);
  expect(simulator.faults).toEqual([]);
  expect(await requested).toMatchObject({ code: 4 });
  const payouts = async () => documentOf(await owner(["payout", "list"]), payoutShape).payouts;
  await vi.waitUntil(async () => (await payouts())[0].state === "paid", soon);
  const [{ usd }] = await payouts();
  expect([...simulator.payouts.paid()]).toEqual([["owner@example.com", Math.round(Number(usd) * 100)]]);
  await vi.waitUntil(network.isEqual, soon);
  await network.audit();
  const months = simulator.merchant.movements.filter(({ eventCode }) => eventCode === "T0002");
  expect(simulator.subscriptions.counts().subscriptions).toBe(months.length);
}, 400_000);
