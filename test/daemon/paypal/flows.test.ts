import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Treasury } from "../../../daemon/paypal/treasury.ts";
import { isPeerError } from "../../../src/errors.ts";
import { noBudget } from "../../../src/identity/api-key.ts";
import { newId } from "../../../src/ids.ts";
import { networkAccount, ownedAccount } from "../../../src/ledger/account.ts";
import { parseUsd } from "../../../src/money.ts";
import { settlementOf, usageOf } from "../../contracts/books.ts";
import { type Fault, PayPalSimulator } from "../../paypal-simulator/simulator.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { listenForWebhooks, openEconomy } from "../../worlds/treasury.ts";

const consumer = newId("account");
const owner = newId("account");
const producer = newId("account");
const model = { kind: "model", model: "acme/tiny:1.0.0", producerId: producer } as const;
const orderCalls = {
  "making the order": /POST \/v2\/checkout\/orders$/,
  "showing the order": /GET \/v2\/checkout\/orders/,
  "capturing it": /POST .*\/capture$/,
};
const planCalls = {
  "making the product": /POST \/v1\/catalogs\/products$/,
  "listing plans": /GET \/v1\/billing\/plans$/,
  "making the plan": /POST \/v1\/billing\/plans$/,
};
const subscriptionCalls = {
  "making the subscription": /POST \/v1\/billing\/subscriptions$/,
  "showing the subscription": /GET \/v1\/billing\/subscriptions\/[^/]+$/,
  "listing its sales": /GET \/v1\/billing\/subscriptions\/[^/]+\/transactions$/,
};
/** Of a call that never answers; all others answer at once. */
const impatienceMs = 400;
const roundsMax = 12;

interface Flow {
  readonly name: string;
  readonly calls: Readonly<Record<string, RegExp>>;
  begin(treasury: Treasury): Promise<unknown>;
  /** What it comes to, whatever went wrong on the way; null until it has. */
  result(): Promise<unknown>;
  readonly expected: unknown;
}

const flows: readonly Flow[] = [
  {
    name: "a top-up",
    calls: orderCalls,
    begin: (treasury) => treasury.topUp(consumer, parseUsd("20")),
    result: async () => ({ credit: await creditOf(consumer), captures: simulator.orders.captureIds().length }),
    expected: { credit: parseUsd("20"), captures: 1 },
  },
  {
    name: "a model sold once",
    calls: orderCalls,
    begin: (treasury) => treasury.buyModel(consumer, model, parseUsd("10")),
    result: async () => ({ payable: await payableTo(producer), captures: simulator.orders.captureIds().length }),
    // $10 less 5% and PayPal's 84 cents.
    expected: { payable: parseUsd("8.66"), captures: 1 },
  },
  {
    name: "a host's subscription",
    calls: { ...planCalls, ...subscriptionCalls },
    begin: (treasury) => treasury.subscribeHost(owner, newId("host"), parseUsd("5")),
    result: async () => ({
      revenue: await economy.books.balanceOf(networkAccount("network-revenue")),
      ...simulator.subscriptions.counts(),
    }),
    expected: { revenue: parseUsd("5"), products: 1, plans: 1, subscriptions: 1 },
  },
  {
    name: "monthly credit",
    calls: subscriptionCalls,
    begin: (treasury) => treasury.subscribeCredit(consumer, parseUsd("10")),
    result: async () => ({ credit: await creditOf(consumer), ...simulator.subscriptions.counts() }),
    expected: { credit: parseUsd("10"), products: 1, plans: 1, subscriptions: 1 },
  },
  {
    name: "a model sold monthly",
    calls: subscriptionCalls,
    begin: (treasury) => treasury.subscribeModel(consumer, model, parseUsd("10")),
    result: async () => ({ payable: await payableTo(producer), ...simulator.subscriptions.counts() }),
    expected: { payable: parseUsd("8.66"), products: 1, plans: 1, subscriptions: 1 },
  },
  {
    name: "a payout",
    calls: { "sending it": /POST \/v1\/payments\/payouts$/, "showing it": /GET \/v1\/payments\/payouts/ },
    begin: async (treasury) => {
      await earnings();
      return treasury.payOut(owner, parseUsd("1"));
    },
    result: async () => ({
      paid: await economy.payouts.paid(owner),
      receivers: [...simulator.payouts.paid()],
    }),
    expected: { paid: parseUsd("38"), receivers: [["owner@example.com", 3_800]] },
  },
];

let simulator: PayPalSimulator;
let open: OpenDatabase;
let economy: ReturnType<typeof openEconomy>;
let listener: Awaited<ReturnType<typeof listenForWebhooks>>;
const approved = new Set<string>();

beforeEach(async () => {
  approved.clear();
  simulator = await PayPalSimulator.start();
  open = await freshDatabase();
  economy = openEconomy(open.database, simulator);
  listener = await listenForWebhooks(() => economy.treasury);
});

afterEach(async () => {
  await simulator.webhooks.settled();
  expect(simulator.violations).toEqual([]);
  expect(simulator.faults).toEqual([]);
  expect(await economy.books.audit()).toMatchObject({ balanced: true, problems: [], openHolds: 0 });
  await economy.treasury.close();
  await listener.close();
  await simulator.close();
  await open.close();
});

async function creditOf(account: typeof consumer) {
  return (await economy.books.balance(account)).available;
}

function payableTo(account: typeof consumer) {
  return economy.books.balanceOf(ownedAccount("producer-payable", account));
}

/** $38 for a host's owner, of $100 that a consumer paid; no fault meets this part. */
async function earnings(): Promise<void> {
  const faults = simulator.faults.splice(0);
  const payment = await economy.treasury.topUp(consumer, parseUsd("100"));
  await simulator.approve(payment.approvalUrl ?? "");
  await economy.treasury.payment(consumer, payment.id);
  const request = { accountId: consumer, apiKeyId: newId("key"), budget: noBudget, amount: parseUsd("40") };
  const holdId = await economy.books.hold({ ...request, idempotencyKey: newId("request") });
  await economy.books.settle(holdId, settlementOf(usageOf({ hostId: newId("host"), accountId: owner }, 0, 4_000_000)));
  const receiver = "owner@example.com";
  await economy.payouts.setSettings(owner, { receiver, receiverType: "EMAIL", threshold: parseUsd("25") });
  simulator.faults.push(...faults);
}

/** PayPal did not say: the network goes on asking. Anything else is a failure. */
async function unlessUnanswered(act: Promise<unknown>): Promise<void> {
  await act.catch((error: unknown) => {
    if (!isPeerError(error, "upstream_failed")) throw error;
  });
}

/** The payer approves whatever waits for it; rounds do the rest, until it has come to what is expected. */
async function carryThrough({ begin, result, expected }: Flow): Promise<void> {
  await unlessUnanswered(begin(economy.treasury));
  for (let round = 0; round < roundsMax; round += 1) {
    const waiting = [...(await economy.payments.open(10)), ...(await economy.subscriptions.open(10))];
    for (const { approvalUrl } of waiting) {
      if (approvalUrl === null || approved.has(approvalUrl)) continue;
      approved.add(approvalUrl);
      await simulator.approve(approvalUrl);
    }
    simulator.webhooks.flush();
    await simulator.webhooks.settled();
    await economy.treasury.round();
    if (simulator.faults.length === 0 && isSame(await result(), expected)) return;
  }
}

function isSame(a: unknown, b: unknown): boolean {
  const text = (value: unknown) => JSON.stringify(value, (_key, part) => (typeof part === "bigint" ? `${part}` : part));
  return text(a) === text(b);
}

async function expectDone({ result, expected }: Flow): Promise<void> {
  expect(await result()).toEqual(expected);
  await economy.treasury.round();
  expect(await result()).toEqual(expected);
  const { comparison, posted, paypalBalance, booksBalance } = await economy.treasury.reconcile();
  expect({ comparison, posted }).toEqual({ comparison: "equal", posted: 0 });
  expect(paypalBalance).toBe(booksBalance);
}

describe.each(flows)("$name", (flow) => {
  const kinds = ["error", "busy", "lost-answer", "timeout"] as const satisfies readonly Fault["kind"][];
  const cases = Object.entries(flow.calls).flatMap(([call, match]) =>
    kinds.map((kind) => [kind, call, match] as const),
  );

  it.each(cases)("is done once after: %s, %s", async (kind, _call, match) => {
    if (kind === "timeout") economy = openEconomy(open.database, { ...accessOf(simulator), timeoutMs: impatienceMs });
    // A payer that waits asks again and again: every call of the flow is made, also where webhooks would do.
    simulator.webhooks.faults.isLossy = true;
    simulator.faults.push({ kind, match });
    await carryThrough(flow);
    economy = openEconomy(open.database, simulator);
    await carryOn(flow);
    await expectDone(flow);
  });

  it.each([
    ["doubled", { copies: 3 }],
    ["disordered", { isReordering: true }],
    ["lost", { isLossy: true }],
  ])("is done once where webhooks are %s", async (_what, faults) => {
    Object.assign(simulator.webhooks.faults, faults);
    await carryThrough(flow);
    await expectDone(flow);
  });
});

/** Where impatience cost more than the one fault, patience makes up for it. */
async function carryOn(flow: Flow): Promise<void> {
  if (!isSame(await flow.result(), flow.expected)) await carryThrough({ ...flow, begin: async () => {} });
}

function accessOf({ url, clientId, clientSecret }: PayPalSimulator) {
  return { url, clientId, clientSecret };
}
