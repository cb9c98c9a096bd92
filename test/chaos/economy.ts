import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { openBooks } from "../../daemon/sqlite/books.ts";
import { Database } from "../../daemon/sqlite/database.ts";
import { systemClock } from "../../src/clock.ts";
import { newId } from "../../src/ids.ts";
import { packageFile } from "../../src/paths.ts";
import { PayPalSimulator } from "../paypal-simulator/simulator.ts";
import { openEconomy } from "../worlds/treasury.ts";
import { type Random, seeded } from "./random.ts";

export interface EconomyResult {
  readonly seed: number;
  readonly kills: number;
  /** Settlements and credits that were told as durable before a kill. */
  readonly told: number;
  /** Holds that a kill left open and the next start released. */
  readonly released: number;
  readonly transfers: number;
  /** What PayPal did meanwhile. */
  readonly paypal: { readonly captures: number; readonly subscriptions: number; readonly payouts: number };
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
  const result = await killBooks(seed, Number(values.runs));
  if (result.problems.length > 0) process.exitCode = 1;
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : describeResult(result));
}

/**
 * Kills a process that writes books with SIGKILL, `kills` times at moments the seed chooses, starting it again on the
 * same file each time; after each life the books are audited, and must hold all that the dead process had told.
 */
export async function killBooks(seed: number, kills: number): Promise<EconomyResult> {
  const folder = await mkdtemp(join(tmpdir(), "peerllm-economy-"));
  const path = join(folder, "network.db");
  const paypal = await PayPalSimulator.start();
  const random = seeded(seed);
  const consumers = Array.from({ length: 5 }, () => newId("account")).join(",");
  const hosts = Array.from({ length: 3 }, () => newId("host")).join(",");
  const access = [paypal.url, paypal.clientId, paypal.clientSecret];
  const problems: string[] = [];
  let told = 0;
  let released = 0;
  let transfers = 0;
  try {
    for (let life = 0; life < kills; life += 1) {
      troublePayPal(paypal, random);
      const child = [path, `${seed + life}`, consumers, hosts, ...access];
      const lines = await liveAndDie(child, 5 + random.below(400), random);
      const durable = lines.filter((line) => !line.startsWith("started"));
      told += durable.length;
      released += Number(lines[0]?.split(" ")[1] ?? 0);
      const found = await inspect(path, durable);
      transfers = found.transfers;
      problems.push(...found.problems.map((problem) => `life ${life}: ${problem}`));
    }
    problems.push(...(await lastRites(path, paypal)));
  } finally {
    await paypal.close();
    await rm(folder, { recursive: true });
  }
  const { subscriptions } = paypal.subscriptions.counts();
  const done = { captures: paypal.orders.captureIds().length, subscriptions, payouts: paypal.payouts.itemIds().length };
  return { seed, kills, told, released, transfers, paypal: done, problems };
}

/** Runs the child until it has told `lineCount` lines and a random moment more, kills it, and returns what it told. */
async function liveAndDie(childArgs: readonly string[], lineCount: number, random: Random): Promise<string[]> {
  const script = packageFile("test/chaos/economy-child.ts");
  const child = spawn(process.execPath, ["--import", "tsx", script, ...childArgs], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once("close", (_code, signal) => resolve(signal)),
  );
  const lines: string[] = [];
  const delayMs = random.below(20);
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === lineCount) setTimeout(() => child.kill("SIGKILL"), delayMs);
  }
  const signal = await exited;
  if (signal !== "SIGKILL") throw new Error("the books' process ended before it was killed");
  return lines;
}

async function inspect(path: string, durable: readonly string[]): Promise<{ transfers: number; problems: string[] }> {
  const database = new Database(path);
  try {
    const report = await openBooks(database, systemClock).audit();
    const problems = [...report.problems];
    const find = database.connection.prepare<[string, string]>(
      "SELECT 1 FROM transfers WHERE id = ? OR idempotency_key = ?",
    );
    const missing = durable.filter((line) => {
      const [, key = ""] = line.split(" ");
      return find.get(key, key) === undefined;
    });
    problems.push(...missing.slice(0, 5).map((line) => `told as durable and lost: ${line}`));
    return { transfers: report.transfers, problems };
  } finally {
    database.close();
  }
}

/** A few of the next calls fail, before or after PayPal acted. */
function troublePayPal(paypal: PayPalSimulator, random: Random): void {
  const calls = [/capture$/, /POST \/v1\/payments\/payouts$/, /POST \/v1\/billing\/subscriptions$/, /POST .*orders$/];
  paypal.faults.splice(0);
  for (let count = random.below(4); count > 0; count -= 1) {
    paypal.faults.push({ match: random.pick(calls), kind: random.pick(["error", "lost-answer"]) });
  }
}

const roundsMax = 100;

/** A last start: what was open is released or asked for, nothing stays held, and PayPal says the same as the books. */
async function lastRites(path: string, paypal: PayPalSimulator): Promise<readonly string[]> {
  paypal.faults.splice(0);
  const database = new Database(path);
  try {
    const { books, treasury, payouts, payments } = openEconomy(database, paypal);
    await books.releaseAll();
    for (let round = 0; round < roundsMax; round += 1) {
      await treasury.round();
      if ((await payouts.open(1)).length === 0 && (await treasury.reconcile()).isEqual) break;
    }
    const { problems, openHolds, totals } = await books.audit();
    const found = [...problems];
    if (openHolds > 0 || (totals.holds ?? 0n) !== 0n) found.push(`${openHolds} holds stay open`);
    if ((await payouts.open(1)).length > 0) found.push("a payout stays open");
    const unpaid = (await payments.open(1_000)).filter((payment) => payment.orderId === null);
    if (unpaid.length > 0) found.push(`${unpaid.length} payments never became orders`);
    const { isEqual, paypalBalance, booksBalance } = await treasury.reconcile();
    if (!isEqual) found.push(`PayPal has ${paypalBalance}, the books ${booksBalance} nano-dollars`);
    return [...found, ...doubled(database, paypal)];
  } finally {
    database.close();
  }
}

/** What PayPal did more or less often than the books say. */
function doubled(database: Database, paypal: PayPalSimulator): string[] {
  const sent = database.connection
    .prepare<[], { receiver: string; cents: bigint }>(
      `SELECT receiver, sum(host_part + producer_part) / 10000000 AS cents FROM payouts WHERE state = 'paid' GROUP BY 1`,
    )
    .all();
  const paid = paypal.payouts.paid();
  const wrong = sent.filter(({ receiver, cents }) => paid.get(receiver) !== Number(cents));
  const problems = wrong.map(({ receiver, cents }) => `${receiver} was paid ${paid.get(receiver)} cents, not ${cents}`);
  if (sent.length !== paid.size) problems.push(`PayPal paid ${paid.size} receivers, the books ${sent.length}`);
  const subscribed = database.connection
    .prepare<[], bigint>("SELECT count(*) FROM subscriptions WHERE paypal_id IS NOT NULL")
    .pluck()
    .get();
  const { subscriptions } = paypal.subscriptions.counts();
  if (Number(subscribed) !== subscriptions)
    problems.push(`PayPal has ${subscriptions} subscriptions, the books ${subscribed}`);
  return problems;
}

function describeResult({ seed, kills, told, released, transfers, paypal, problems }: EconomyResult): string {
  return [
    `seed ${seed}: ${kills} kills, ${told} settlements and credits told, ${released} holds released, ${transfers} transfers`,
    `PayPal: ${paypal.captures} captures, ${paypal.subscriptions} subscriptions, ${paypal.payouts} payouts`,
    ...(problems.length === 0 ? ["nothing lost, nothing made"] : problems),
    "",
  ].join("\n");
}
