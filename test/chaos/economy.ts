import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { stopDaemon } from "../../commands/daemon-process.ts";
import { openBooks } from "../../daemon/sqlite/books.ts";
import { openReader } from "../../daemon/sqlite/connection.ts";
import { Database } from "../../daemon/sqlite/database.ts";
import { callDaemon } from "../../src/client/control.ts";
import { systemClock } from "../../src/clock.ts";
import { hashOfSecret } from "../../src/identity/api-key.ts";
import { parseUsd } from "../../src/money.ts";
import { networkMethods } from "../../src/protocol/control-methods.ts";
import type { PayPalSimulator } from "../paypal-simulator/simulator.ts";
import { startLoad, type Told } from "./economy-load.ts";
import { type EconomyNetwork, startEconomyNetwork, untilHolds } from "./economy-network.ts";
import { type Random, seeded } from "./random.ts";

export interface EconomyResult {
  readonly seed: number;
  readonly kills: number;
  /** What the network had said before a kill: answers settled, and dealings done. */
  readonly told: Readonly<Record<Told["kind"], number>>;
  /** Holds that a kill left open and the next start released. */
  readonly released: number;
  readonly transfers: number;
  /** What PayPal did meanwhile. */
  readonly paypal: {
    readonly captures: number;
    readonly subscriptions: number;
    readonly payouts: number;
    readonly takenBack: number;
  };
  readonly seconds: number;
  /** What went wrong; empty where nothing was lost or made. */
  readonly problems: readonly string[];
}

/** `npm run chaos -- economy [--seed N] [--runs N]`: exit code 1 where money was lost or made. */
export async function run(args: readonly string[], json: boolean): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { seed: { type: "string" }, runs: { type: "string", default: "200" } },
  });
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const kills = Number(values.runs);
  if (!Number.isInteger(kills) || kills < 1) throw new RangeError("--runs takes a number from 1");
  process.stderr.write(`seed ${seed}\n`);
  const result = await killOrchestrator(seed, kills, (line) => process.stderr.write(`${line}\n`));
  if (result.problems.length > 0) process.exitCode = 1;
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : describeResult(result));
}

/**
 * Kills an orchestrator with SIGKILL, `kills` times at moments the seed chooses, while consumers are answered and money
 * moves at PayPal, starting it again each time; after each life the books are audited, and must hold all that the dead
 * process had said.
 */
export async function killOrchestrator(
  seed: number,
  kills: number,
  progress: (line: string) => void,
): Promise<EconomyResult> {
  const startedAt = performance.now();
  const random = seeded(seed);
  const told = { settled: 0, redeemed: 0, paid: 0, subscribed: 0, payout: 0 };
  const problems: string[] = [];
  let released = 0;
  const network = await startEconomyNetwork();
  const { paypal } = network;
  // What the hosts' owners bought stays theirs, or nobody would serve.
  const spared = new Set(paypal.orders.captureIds());
  const refunded = new Set<string>();
  try {
    for (let life = 0; life < kills; life += 1) {
      const lived = await liveAndDie(network, random, { isFirst: life === 0, spared, refunded });
      for (const { kind } of lived.told) told[kind] += 1;
      const found = await inspect(network, lived.told);
      released += found.openHolds;
      problems.push(...[...lived.problems, ...found.problems].map((problem) => `life ${life}: ${problem}`));
      if ((life + 1) % 10 === 0) {
        progress(`${life + 1} of ${kills} kills, ${told.settled} answers settled, ${problems.length} problems`);
      }
    }
    const last = await lastRites(network);
    problems.push(...last.problems);
    const { subscriptions } = paypal.subscriptions.counts();
    const payouts = paypal.payouts.itemIds().length;
    const done = { captures: paypal.orders.captureIds().length, subscriptions, payouts, takenBack: refunded.size };
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    return { seed, kills, told, released, transfers: last.transfers, paypal: done, seconds, problems };
  } finally {
    await network.close();
  }
}

interface Course {
  /** It is up already. */
  readonly isFirst: boolean;
  readonly spared: ReadonlySet<string>;
  readonly refunded: Set<string>;
}

interface Lived {
  readonly told: readonly Told[];
  readonly problems: readonly string[];
}

const startMsMax = 1_500;
const answersMax = 20;
const dealingsMax = 8;
const momentMsMax = 50;

/**
 * Starts the orchestrator and puts it under load until it has answered some times, or dealt some times, and a moment
 * more; then kills it. One in ten dies while it starts.
 */
async function liveAndDie(network: EconomyNetwork, random: Random, course: Course): Promise<Lived> {
  const { paypal } = network;
  failCalls(paypal, random);
  const isEarly = !course.isFirst && random.below(10) === 0;
  const starting = course.isFirst ? Promise.resolve(true) : network.up();
  if (isEarly) {
    await delay(random.below(startMsMax));
    await network.kill();
    await starting;
    return { told: [], problems: [] };
  }
  await starting;
  const load = startLoad(network, random);
  takeBack(paypal, random, course);
  const isByAnswers = random.below(2) === 0;
  await load.until(isByAnswers ? "answers" : "dealings", 1 + random.below(isByAnswers ? answersMax : dealingsMax));
  await delay(random.below(momentMsMax));
  load.doom();
  await network.kill();
  await load.ended();
  return load;
}

const payoutStatuses = ["SUCCESS", "SUCCESS", "SUCCESS", "UNCLAIMED", "ONHOLD", "FAILED", "BLOCKED"] as const;

/**
 * A life's share of trouble: calls that fail before or after PayPal acted, captures declined or pending, payouts held,
 * webhooks doubled, disordered or lost.
 */
function failCalls(paypal: PayPalSimulator, random: Random): void {
  const calls = [/capture$/, /POST \/v1\/payments\/payouts$/, /POST \/v1\/billing\/subscriptions$/, /POST .*orders$/];
  paypal.faults.splice(0);
  for (let count = random.below(4); count > 0; count -= 1) {
    paypal.faults.push({ match: random.pick(calls), kind: random.pick(["error", "lost-answer"]) });
  }
  paypal.orders.nextCapture = random.pick(["COMPLETED", "COMPLETED", "DECLINED", "PENDING"]);
  paypal.payouts.nextStatus = random.pick(payoutStatuses);
  const isReordering = random.below(4) === 0;
  Object.assign(paypal.webhooks.faults, { copies: 1 + random.below(3), isReordering, isLossy: random.below(3) === 0 });
  paypal.webhooks.flush();
}

/** Now and then a payer has a dollar back, by a refund or a reversal. */
function takeBack(paypal: PayPalSimulator, random: Random, { spared, refunded }: Course): void {
  const captures = paypal.orders.completedCaptureIds().filter((id) => !spared.has(id) && !refunded.has(id));
  if (captures.length === 0 || random.below(3) > 0) return;
  const captureId = random.pick(captures);
  refunded.add(captureId);
  paypal.orders.refund(captureId, 100, random.below(2) === 0);
}

interface Inspection {
  readonly openHolds: number;
  readonly transfers: number;
  readonly problems: readonly string[];
}

/** The books of an orchestrator that is gone: audited from the first entry, and held to what it had said. */
async function inspect({ databaseFile }: EconomyNetwork, told: readonly Told[]): Promise<Inspection> {
  const database = new Database(databaseFile);
  try {
    const { problems, openHolds, transfers } = await openBooks(database, systemClock).audit();
    const isKept = memoryOf(database);
    const lost = told.filter((each) => !isKept(each)).map((each) => `said and lost: ${JSON.stringify(each)}`);
    return { openHolds, transfers, problems: [...problems, ...lost.slice(0, 5)] };
  } finally {
    database.close();
  }
}

/** Whether a database holds what was told, to the nano-dollar where it says an amount. */
function memoryOf({ connection }: Database): (told: Told) => boolean {
  const charged = connection
    .prepare<[string], bigint | null>(
      `SELECT sum(amount) FROM entries JOIN transfers ON sequence = transfer JOIN ledger_accounts a ON a.id = account
       WHERE reference = ? AND a.kind IN ('host-payable', 'producer-payable', 'network-revenue', 'rounding')`,
    )
    .pluck();
  const transfer = connection.prepare<[string], bigint>("SELECT 1 FROM transfers WHERE idempotency_key = ?").pluck();
  const capture = connection.prepare<[string], string>("SELECT capture_id FROM payments WHERE id = ?").pluck();
  const subscription = connection
    .prepare<[string], string>("SELECT paypal_id FROM subscriptions WHERE id = ? AND paypal_id IS NOT NULL")
    .pluck();
  const payout = connection.prepare<[string], string>("SELECT state FROM payouts WHERE id = ?").pluck();
  return (told) => {
    switch (told.kind) {
      case "settled":
        return charged.get(told.receipt) === parseUsd(told.costUsd);
      case "redeemed":
        return transfer.get(`code:${hashOfSecret(told.code).toString("hex")}`) !== undefined;
      case "paid":
        return transfer.get(`capture:${capture.get(told.paymentId)}`) !== undefined;
      case "subscribed":
        return subscription.get(told.subscriptionId) !== undefined;
      case "payout":
        return payout.get(told.payoutId) !== undefined;
    }
  };
}

const { signal } = new AbortController();
/** PayPal is asked after 50 payments every 15 s, and what was never approved stays open. */
const restMsMax = 1_200_000;

/**
 * A last start, undisturbed: what was open is released or asked for, what PayPal held goes one way or the other, nothing
 * stays held, and PayPal says the same as the books, transaction by transaction and to the cent.
 */
async function lastRites(network: EconomyNetwork): Promise<Inspection> {
  const { paypal, operator } = network;
  paypal.faults.splice(0);
  Object.assign(paypal.webhooks.faults, { copies: 1, isReordering: false, isLossy: false });
  paypal.webhooks.flush();
  paypal.orders.nextCapture = "COMPLETED";
  paypal.payouts.nextStatus = "SUCCESS";
  paypal.payouts.settleHeld();
  await network.up();
  await network.hostsServing();
  const isAtRest = async () => isQuiet(network);
  await untilHolds("no payment, subscription or payout is under way", isAtRest, restMsMax);
  await untilHolds("PayPal and the books say the same", async () => {
    await callDaemon(operator, "network", networkMethods.reconcile, {}, signal);
    const { balanced, paypal: compared } = await callDaemon(operator, "network", networkMethods.audit, {}, signal);
    return balanced && compared?.comparison === "equal";
  });
  await stopDaemon(operator, "network", false, signal);
  const found = await inspect(network, []);
  const problems = [...found.problems, ...doubled(network)];
  if (found.openHolds > 0) problems.push(`${found.openHolds} holds stay open`);
  return { ...found, problems };
}

/** No payout is under way, and every payment and subscription has reached PayPal. */
function isQuiet({ databaseFile }: EconomyNetwork): boolean {
  const reader = openReader(databaseFile);
  try {
    const open = reader
      .prepare<[], bigint>(
        `SELECT (SELECT count(*) FROM payouts WHERE state IN ('reserved', 'sent'))
           + (SELECT count(*) FROM payments WHERE state = 'open' AND order_id IS NULL)
           + (SELECT count(*) FROM subscriptions WHERE paypal_id IS NULL)`,
      )
      .pluck()
      .get();
    return open === 0n;
  } finally {
    reader.close();
  }
}

/** What PayPal did more or less often than the books say. */
function doubled({ databaseFile, paypal }: EconomyNetwork): string[] {
  const database = new Database(databaseFile);
  try {
    const sent = database.connection
      .prepare<[], { receiver: string; cents: bigint }>(
        `SELECT receiver, sum(host_part + producer_part) / 10000000 AS cents FROM payouts WHERE state = 'paid' GROUP BY 1`,
      )
      .all();
    const paid = paypal.payouts.paid();
    const wrong = sent.filter(({ receiver, cents }) => paid.get(receiver) !== Number(cents));
    const problems = wrong.map(
      ({ receiver, cents }) => `${receiver} was paid ${paid.get(receiver)} cents, not ${cents}`,
    );
    if (sent.length !== paid.size) problems.push(`PayPal paid ${paid.size} receivers, the books ${sent.length}`);
    const subscribed = database.connection.prepare<[], bigint>("SELECT count(*) FROM subscriptions").pluck().get();
    const { subscriptions } = paypal.subscriptions.counts();
    if (Number(subscribed) !== subscriptions) {
      problems.push(`PayPal has ${subscriptions} subscriptions, the books ${subscribed}`);
    }
    return problems;
  } finally {
    database.close();
  }
}

function describeResult(result: EconomyResult): string {
  const { seed, kills, told, released, transfers, paypal, seconds, problems } = result;
  const { settled, redeemed, paid, subscribed, payout } = told;
  return [
    `seed ${seed}: ${kills} kills in ${seconds} s; told before they struck: ${settled} answers settled, ${paid} payments, ${subscribed} subscriptions, ${payout} payouts, ${redeemed} codes; ${released} holds released, ${transfers} transfers`,
    `PayPal: ${paypal.captures} captures, ${paypal.subscriptions} subscriptions, ${paypal.payouts} payouts, ${paypal.takenBack} refunds and reversals`,
    ...(problems.length === 0
      ? ["nothing lost, nothing made, nothing done twice; PayPal and the books agree to the cent"]
      : problems),
    "",
  ].join("\n");
}
