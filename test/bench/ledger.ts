import { parseArgs } from "node:util";
import { openBooks } from "../../daemon/sqlite/books.ts";
import type { Database } from "../../daemon/sqlite/database.ts";
import { systemClock } from "../../src/clock.ts";
import { noBudget } from "../../src/identity/api-key.ts";
import { newId } from "../../src/ids.ts";
import type { Books } from "../../src/ledger/books.ts";
import { firstPriceSheet, type PaidHost } from "../../src/ledger/pricing.ts";
import { parseUsd } from "../../src/money.ts";
import { freshDatabase } from "../worlds/database.ts";

interface Measured {
  readonly concurrency: number;
  readonly settlementsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Growth {
  readonly entries: number;
  readonly settlementsPerSecond: number;
}

const sheet = firstPriceSheet("credits", 0);
const consumers = Array.from({ length: 100 }, () => ({ accountId: newId("account"), apiKeyId: newId("key") }));
const hosts: readonly PaidHost[] = Array.from({ length: 300 }, () => ({
  hostId: newId("host"),
  accountId: newId("account"),
}));

/**
 * Settlements per second, each a hold before and durable after, on one SQLite file: beside what the same disk gives to
 * bare commits of one row, and how it changes while the books grow to `--entries` (1,000,000).
 */
export async function run(args: readonly string[], json: boolean): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { entries: { type: "string", default: "1000000" }, seconds: { type: "string", default: "3" } },
  });
  const seconds = Number(values.seconds);
  const rawCommitsPerSecond = await measureRawCommits(seconds);
  const { database, close } = await freshDatabase();
  try {
    const books = await fundedBooks(database);
    const measured: Measured[] = [];
    for (const concurrency of [1, 16, 256]) measured.push(await measureSettlements(books, concurrency, seconds));
    const growth = await grow(database, books, Number(values.entries));
    const startedAt = performance.now();
    const audit = await books.audit();
    const auditSeconds = (performance.now() - startedAt) / 1_000;
    report(
      { rawCommitsPerSecond, measured, growth, auditSeconds, balanced: audit.balanced, entries: audit.entries },
      json,
    );
  } finally {
    await close();
  }
}

interface Report {
  readonly rawCommitsPerSecond: number;
  readonly measured: readonly Measured[];
  readonly growth: readonly Growth[];
  readonly auditSeconds: number;
  readonly balanced: boolean;
  readonly entries: number;
}

async function measureRawCommits(seconds: number): Promise<number> {
  const { database, close } = await freshDatabase();
  database.connection.exec("CREATE TABLE raw (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL) STRICT");
  const insert = database.connection.prepare<[bigint]>("INSERT INTO raw (amount) VALUES (?)");
  const startedAt = performance.now();
  let commits = 0;
  while (performance.now() - startedAt < seconds * 1_000) {
    insert.run(BigInt(commits));
    commits += 1;
  }
  const rate = commits / ((performance.now() - startedAt) / 1_000);
  await close();
  return Math.round(rate);
}

async function fundedBooks(database: Database): Promise<Books> {
  const books = openBooks(database, systemClock);
  await Promise.all(
    consumers.map(({ accountId }) =>
      books.credit({
        accountId,
        amount: parseUsd("1000000"),
        source: { kind: "promotion" },
        idempotencyKey: `grant:${accountId}`,
        reference: null,
      }),
    ),
  );
  return books;
}

async function measureSettlements(books: Books, concurrency: number, seconds: number): Promise<Measured> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  const client = async () => {
    while (performance.now() - startedAt < seconds * 1_000) latencies.push(await settleOne(books));
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  const elapsedSeconds = (performance.now() - startedAt) / 1_000;
  latencies.sort((a, b) => a - b);
  return {
    concurrency,
    settlementsPerSecond: Math.round(latencies.length / elapsedSeconds),
    p50Ms: rounded(latencies[Math.floor(latencies.length * 0.5)] ?? 0),
    p99Ms: rounded(latencies[Math.floor(latencies.length * 0.99)] ?? 0),
  };
}

/** One request: held, then paid to two hosts. Returns how long it took to settle, in milliseconds. */
async function settleOne(books: Books): Promise<number> {
  const consumer = pick(consumers);
  const requestId = newId("request");
  const amount = parseUsd("0.05");
  const holdId = await books.hold({ ...consumer, budget: noBudget, amount, idempotencyKey: requestId });
  const [first, second] = [pick(hosts), pick(hosts)];
  const usage = { model: "acme/tiny:1.0.0", royalty: null, promptTokens: 200, promptHost: first };
  const answers = [
    { host: first, tokens: 300 },
    { host: second, tokens: 100 },
  ];
  const startedAt = performance.now();
  const subtasks = [{ subtaskId: newId("subtask"), ...usage, answers }];
  await books.settle(holdId, { sheet, subtasks, cap: null, reference: requestId });
  return performance.now() - startedAt;
}

async function grow(database: Database, books: Books, entriesMax: number): Promise<Growth[]> {
  const count = database.connection.prepare<[], bigint>("SELECT count(*) FROM entries").pluck();
  const growth: Growth[] = [];
  const step = Math.ceil(entriesMax / 10);
  let entries = Number(count.get() ?? 0n);
  while (entries < entriesMax) {
    const target = Math.min(entriesMax, entries + step);
    const startedAt = performance.now();
    let settlements = 0;
    while (entries < target) {
      const batch = Math.min(512, Math.ceil((target - entries) / 5));
      await Promise.all(Array.from({ length: batch }, () => settleOne(books)));
      settlements += batch;
      entries = Number(count.get() ?? 0n);
    }
    const elapsedSeconds = (performance.now() - startedAt) / 1_000;
    growth.push({ entries, settlementsPerSecond: Math.round(settlements / elapsedSeconds) });
  }
  return growth;
}

function pick<T>(from: readonly T[]): T {
  const picked = from[Math.floor(Math.random() * from.length)];
  if (picked === undefined) throw new RangeError("nothing to pick from");
  return picked;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function report(result: Report, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const lines = [
    `raw commits of one row, synchronous=FULL: ${result.rawCommitsPerSecond} /s`,
    ...result.measured.map(
      (row) =>
        `settlements, ${row.concurrency} at once: ${row.settlementsPerSecond} /s, p50 ${row.p50Ms} ms, p99 ${row.p99Ms} ms`,
    ),
    ...result.growth.map((row) => `at ${row.entries} entries: ${row.settlementsPerSecond} settlements /s`),
    `audit of ${result.entries} entries: ${rounded(result.auditSeconds)} s, balanced: ${result.balanced}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
