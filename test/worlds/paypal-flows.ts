import { expect } from "vitest";
import * as z from "zod";
import type { Fault, PayPalSimulator } from "../paypal-simulator/simulator.ts";
import { type BillingNetwork, billingNetwork, documentOf, type Member } from "./billing-network.ts";
import { type Ending, peerllm, type Ran } from "./command.ts";

/** A network with a model for sale and a host that asks for work, on which everything that is bought can be bought. */
export interface Market {
  readonly network: BillingNetwork;
  readonly model: string;
  readonly digest: string;
  /** Runs a command of the host's owner. */
  readonly owner: Member["run"];
  readonly hostId: string;
  /** How many hosts serve the model now. */
  readonly hostsServing: () => Promise<number>;
}

export async function openMarket(atEnd: Ending): Promise<Market> {
  const network = await billingNetwork("paypal", atEnd);
  const owner = await network.join("owner");
  const digest = await owner.publish("--price", "20", "--monthly", "3");
  const hostId = await owner.host();
  const run: Member["run"] = (words, options = {}) => peerllm([...words, "--json"], { ...options, home: owner.home });
  return { network, model: "peerllm/demo:1.0.0", digest, owner: run, hostId, hostsServing: owner.hostsServing };
}

export interface Purchase {
  readonly name: string;
  /** Buys it by commands; fails unless it was had once, and paid for once. */
  readonly buy: (market: Market) => Promise<void>;
}

export const purchases: readonly Purchase[] = [
  { name: "credit", buy: buyCredit },
  { name: "credit by the month", buy: buyCreditMonthly },
  { name: "a host's subscription", buy: buyHost },
  { name: "a model", buy: buyModel },
  { name: "a model by the month", buy: buyModelMonthly },
];

const subscriptionShape = z.looseObject({ subscriptionId: z.string() });
const paymentShape = z.looseObject({ paymentId: z.string() });
const attemptsMax = 12;

async function buyCredit({ network }: Market): Promise<void> {
  const member = await network.member();
  const ran = await paid(network.simulator, member.run, ["billing", "topup", "20"]);
  const { paymentId, ...payment } = documentOf(ran, paymentShape);
  expect(payment).toMatchObject({ usd: "20.00", state: "completed" });
  expect(await member.available()).toBe("20.00");
  expectPaidOnce(network.simulator, paymentId);
}

async function buyCreditMonthly({ network }: Market): Promise<void> {
  const member = await network.member();
  // A plan of its own for each time it is bought, so that PayPal is asked for one.
  const usd = 10 + network.simulator.subscriptions.counts().plans;
  const ran = await paid(network.simulator, member.run, ["billing", "plan", "subscribe", `${usd}`]);
  const { subscriptionId, ...plan } = documentOf(ran, subscriptionShape);
  expect(plan).toMatchObject({ kind: "credit", standing: "paid", status: "ACTIVE" });
  const cancelled = documentOf(await answered(member.run, ["billing", "plan", "cancel", subscriptionId]), z.unknown());
  expect(cancelled).toMatchObject({ standing: "paid", status: "CANCELLED" });
  expect(await member.available()).toBe(`${usd}.00`);
  expect(await member.subscriptions()).toMatchObject([{ subscriptionId }]);
  expectPaidOnce(network.simulator, subscriptionId);
}

/** The owner buys it each time anew. */
async function buyHost({ network, owner, hostId }: Market): Promise<void> {
  const ran = await paid(network.simulator, owner, ["host", "subscribe", hostId]);
  const { subscriptionId, ...bought } = documentOf(ran, subscriptionShape.extend({ paidThrough: z.number() }));
  expect(bought).toMatchObject({ hostId, standing: "paid", status: "ACTIVE" });
  const { paidThrough } = bought;
  const cancelled = documentOf(await answered(owner, ["host", "unsubscribe", hostId]), subscriptionShape);
  expect(cancelled).toMatchObject({ subscriptionId, standing: "paid", status: "CANCELLED", paidThrough });
  expectPaidOnce(network.simulator, subscriptionId);
}

async function buyModel({ network, model, digest }: Market): Promise<void> {
  const member = await network.member();
  expect(await member.download(digest)).toBe(402);
  const ran = await paid(network.simulator, member.run, ["models", "buy", model]);
  const { paymentId, ...bought } = documentOf(ran, paymentShape);
  expect(bought).toMatchObject({ usd: "20.00", state: "completed" });
  expect(await member.download(digest)).toBe(206);
  expectPaidOnce(network.simulator, paymentId);
}

async function buyModelMonthly({ network, model, digest }: Market): Promise<void> {
  const member = await network.member();
  expect(await member.download(digest)).toBe(402);
  const ran = await paid(network.simulator, member.run, ["models", "subscribe", model]);
  const { subscriptionId, ...bought } = documentOf(ran, subscriptionShape.extend({ paidThrough: z.number() }));
  expect(bought).toMatchObject({ model, standing: "paid", status: "ACTIVE", usdPerMonth: "3.00" });
  const cancelled = documentOf(await answered(member.run, ["models", "subscribe", model, "--cancel"]), z.unknown());
  expect(cancelled).toMatchObject({ standing: "paid", status: "CANCELLED", paidThrough: bought.paidThrough });
  expect(await member.download(digest)).toBe(206);
  expect(await member.subscriptions()).toMatchObject([{ subscriptionId }]);
  expectPaidOnce(network.simulator, subscriptionId);
}

/** A command that waits for its payer, who agrees to what it shows and to nothing else. */
export function paid(simulator: PayPalSimulator, run: Member["run"], words: readonly string[]): Promise<Ran> {
  const onMessage = (text: string) => {
    const url = /Approve it at PayPal: (\S+)/.exec(text)?.[1];
    if (url !== undefined) void simulator.approve(url);
  };
  return answered(run, words, onMessage);
}

/** A command that PayPal did not answer is given again, as it says. */
export async function answered(
  run: Member["run"],
  words: readonly string[],
  onMessage?: (text: string) => void,
): Promise<Ran> {
  const options = onMessage === undefined ? {} : { onMessage };
  let ran = await run(words, options);
  for (let attempt = 1; attempt < attemptsMax && ran.code === 4; attempt += 1) {
    expect(ran.json()).toMatchObject({ error: { code: "upstream_failed" } });
    ran = await run(words, options);
  }
  return ran;
}

/** What PayPal took under an id of ours, which every payment of a purchase carries. */
export function expectPaidOnce(simulator: PayPalSimulator, id: string): void {
  const received = simulator.merchant.movements.filter(({ customField }) => customField === id);
  expect(received.map(({ eventCode }) => eventCode)).toEqual([id.startsWith("payment") ? "T0006" : "T0002"]);
}

const orderCalls = [/POST \/v2\/checkout\/orders$/, /GET \/v2\/checkout\/orders\/[^/]+$/, /\/capture$/];
const planCalls = [/GET \/v1\/billing\/plans$/, /POST \/v1\/billing\/plans$/];
const subscriptionCalls = [
  /POST \/v1\/billing\/subscriptions$/,
  /GET \/v1\/billing\/subscriptions\/[^/]+$/,
  /GET \/v1\/billing\/subscriptions\/[^/]+\/transactions$/,
  /\/cancel$/,
];

/** A fault for every call of every purchase: two make an order, three subscribe, one needs a new plan. */
export function faultsOf(kind: Fault["kind"]): Fault[] {
  const matches = [...planCalls, ...orderCalls.flatMap(twice), ...subscriptionCalls.flatMap(thrice)];
  return matches.map((match) => ({ kind, match }));
}

const twice = (call: RegExp) => [call, call];
const thrice = (call: RegExp) => [call, call, call];
