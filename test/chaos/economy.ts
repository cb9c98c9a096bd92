import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { build } from "tsup";
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
  /** Transactions whose webhooks were lost, posted at the end from PayPal's list. */
  readonly posted: number;
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
  process.stderr.write(`seed ${seed}\n`);
  const kills = Number(values.runs);
  let result: EconomyResult | undefined;
  for (let done = 0; done < kills; done += killsPerNetwork) {
    const progress = (line: string) => process.stderr.write(`network ${1 + done / killsPerNetwork}: ${line}\n`);
    const next = await killBooks(seed + done, Math.min(killsPerNetwork, kills - done), progress);
    result = result === undefined ? next : joined(result, next);
  }
  if (result === undefined) throw new RangeError("--runs takes a number from 1");
  if (result.problems.length > 0) process.exitCode = 1;
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : describeResult(result));
}

/** Each life is audited from the first entry, so a network that lived on and on would be read more than it is killed. */
const killsPerNetwork = 50;

function joined(one: EconomyResult, other: EconomyResult): EconomyResult {
  const sum = <Counts extends object>(a: Counts, b: Counts, keys: readonly (keyof Counts)[]) =>
    Object.fromEntries(keys.map((key) => [key, Number(a[key]) + Number(b[key])]));
  return {
    ...one,
    ...sum(one, other, ["kills", "told", "released", "transfers", "posted", "seconds"]),
    paypal: { ...one.paypal, ...sum(one.paypal, other.paypal, ["captures", "subscriptions", "payouts", "takenBack"]) },
    problems: [...one.problems, ...other.problems],
  };
}

/**
 * Kills a process that writes books with SIGKILL, `kills` times at moments the seed chooses, starting it again on the
 * same file each time; after each life the books are audited, and must hold all that the dead process had told.
 */
export async function killBooks(seed: number, kills: number, progress: (line: string) => void): Promise<EconomyResult> {
  const startedAt = performance.now();
  const folder = await mkdtemp(join(tmpdir(), "peerllm-economy-"));
  const path = join(folder, "network.db");
  const child = await buildChild();
  const paypal = await PayPalSimulator.start();
  const random = seeded(seed);
  const consumers = Array.from({ length: 5 }, () => newId("account")).join(",");
  const hosts = Array.from({ length: 3 }, () => newId("host")).join(",");
  const access = [`${await freePort()}`, paypal.url, paypal.clientId, paypal.clientSecret];
  const refunded = new Set<string>();
  const problems: string[] = [];
  let told = 0;
  let released = 0;
  let transfers = 0;
  let posted = 0;
  try {
    for (let life = 0; life < kills; life += 1) {
      troublePayPal(paypal, random, refunded);
      const lines = await liveAndDie([child.file, path, `${seed + life}`, consumers, hosts, ...access], random);
      const durable = lines.filter((line) => !/^(started|dealt)/.test(line));
      told += durable.length;
      released += Number(lines[0]?.split(" ")[1] ?? 0);
      const found = await inspect(path, durable);
      transfers = found.transfers;
      problems.push(...found.problems.map((problem) => `life ${life}: ${problem}`));
      if ((life + 1) % 10 === 0) {
        const seconds = Math.round((performance.now() - startedAt) / 1_000);
        progress(`${life + 1} of ${kills} kills, ${told} told, ${problems.length} problems, ${seconds} s`);
      }
    }
    const last = await lastRites(path, paypal);
    posted = last.posted;
    problems.push(...last.problems);
  } finally {
    await paypal.close();
    await rm(folder, { recursive: true });
    await child.remove();
  }
  const { subscriptions } = paypal.subscriptions.counts();
  const captures = paypal.orders.captureIds().length;
  const done = { captures, subscriptions, payouts: paypal.payouts.itemIds().length, takenBack: refunded.size };
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  return { seed, kills, told, released, transfers, posted, paypal: done, seconds, problems };
}

/** One file of the child and what it imports, so that 200 starts are quick; beside the packages that it needs. */
async function buildChild(): Promise<{ file: string; remove(): Promise<void> }> {
  const cache = packageFile("node_modules/.cache");
  await mkdir(cache, { recursive: true });
  const outDir = await mkdtemp(join(cache, "peerllm-economy-"));
  await build({
    config: false,
    entry: { child: packageFile("test/chaos/economy-child.ts") },
    outDir,
    format: "esm",
    platform: "node",
    target: "node20",
    splitting: false,
    silent: true,
  });
  return { file: join(outDir, "child.js"), remove: () => rm(outDir, { recursive: true }) };
}

/** Where every life's webhooks arrive. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

const linesMax = 200;
const dealingsMax = 6;
const momentMsMax = 30;

/**
 * Runs the child until it has told some lines, or dealt with PayPal some times, and a moment more; kills it, and returns
 * what it told. One in ten dies while it starts.
 */
async function liveAndDie(childArgs: readonly string[], random: Random): Promise<string[]> {
  const child = spawn(process.execPath, childArgs, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once("close", (_code, signal) => resolve(signal)),
  );
  const mark = random.below(4) === 0 ? "settled" : "dealt";
  const isEarly = random.below(10) === 0;
  const count = isEarly ? 0 : 1 + random.below(mark === "dealt" ? dealingsMax : linesMax);
  const delayMs = random.below(momentMsMax);
  const lines: string[] = [];
  let marks = 0;
  let isDoomed = false;
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.startsWith(mark)) marks += 1;
    if (isDoomed || marks < count) continue;
    isDoomed = true;
    setTimeout(() => child.kill("SIGKILL"), delayMs);
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

const payoutStatuses = ["SUCCESS", "SUCCESS", "SUCCESS", "UNCLAIMED", "ONHOLD", "FAILED", "BLOCKED"] as const;

/**
 * A life's share of trouble: calls that fail before or after PayPal acted, captures declined or pending, payouts held,
 * webhooks doubled, disordered or lost, and money taken back.
 */
function troublePayPal(paypal: PayPalSimulator, random: Random, refunded: Set<string>): void {
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
  const captures = paypal.orders.completedCaptureIds().filter((captureId) => !refunded.has(captureId));
  if (captures.length > 0 && random.below(3) === 0) {
    const captureId = random.pick(captures);
    refunded.add(captureId);
    paypal.orders.refund(captureId, 100, random.below(2) === 0);
  }
}

const roundsMax = 100;

/**
 * A last start: what was open is released or asked for, what PayPal held goes one way or the other, nothing stays held,
 * and PayPal says the same as the books, transaction by transaction and to the cent.
 */
async function lastRites(
  path: string,
  paypal: PayPalSimulator,
): Promise<{ readonly posted: number; readonly problems: readonly string[] }> {
  paypal.faults.splice(0);
  Object.assign(paypal.webhooks.faults, { copies: 1, isReordering: false, isLossy: false });
  paypal.orders.nextCapture = "COMPLETED";
  paypal.payouts.nextStatus = "SUCCESS";
  paypal.payouts.settleHeld();
  const database = new Database(path);
  try {
    const { books, treasury, payouts, payments } = openEconomy(database, paypal);
    await books.releaseAll();
    const before = await treasury.reconcile();
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
    const { comparison, paypalBalance, booksBalance, lacking, unlisted } = await treasury.reconcile();
    found.push(
      ...lacking.map(({ transaction, why }) => `the books lack ${transaction.code} ${transaction.id}: ${why}`),
    );
    found.push(...unlisted.map(({ key }) => `PayPal lacks ${key}`));
    if (comparison !== "equal" || paypalBalance !== booksBalance) {
      found.push(`PayPal has ${paypalBalance}, the books ${booksBalance} nano-dollars: ${comparison}`);
    }
    return { posted: before.posted, problems: [...found, ...doubled(database, paypal)] };
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

function describeResult(result: EconomyResult): string {
  const { seed, kills, told, released, transfers, posted, paypal, seconds, problems } = result;
  return [
    `seed ${seed}: ${kills} kills in ${seconds} s, ${told} settlements and credits told, ${released} holds released, ${transfers} transfers`,
    `PayPal: ${paypal.captures} captures, ${paypal.subscriptions} subscriptions, ${paypal.payouts} payouts, ${paypal.takenBack} refunds and reversals; ${posted} transactions whose webhooks were lost were posted from its list`,
    ...(problems.length === 0
      ? ["nothing lost, nothing made, nothing done twice; PayPal and the books agree to the cent"]
      : problems),
    "",
  ].join("\n");
}
