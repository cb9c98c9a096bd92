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

/** What the books do at a size. */
interface Size {
  readonly entries: number;
  readonly settlementsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly balanceReadMicroseconds: number;
  /** A page of this month's, for the account that half of all requests came from. */
  readonly statementMs: number;
  readonly auditSeconds: number;
  readonly fileMegabytes: number;
  readonly balanced: boolean;
}

interface Report {
  /** One row and one fsync a commit: what the disk gives. */
  readonly rawCommitsPerSecond: number;
  readonly measured: readonly Measured[];
  readonly sizes: readonly Size[];
}

const sheet = firstPriceSheet("credits", 0);
const consumers = Array.from({ length: 100 }, () => ({ accountId: newId("account"), apiKeyId: newId("key") }));
const hosts: readonly PaidHost[] = Array.from({ length: 300 }, () => ({
  hostId: newId("host"),
  accountId: newId("account"),
}));
const concurrencyMeasured = 256;
/** Requests that share a transaction while books are filled. */
const fillBatch = 4_096;
const balanceReads = 2_000;

/**
 * Settlements per second, each a hold before and durable after (`synchronous=FULL`), on one SQLite file: beside what the
 * same disk gives to bare commits of one row, and at books of 0, 100,000 and `--entries` (1,000,000) entries.
 */
export async function run(args: readonly string[], json: boolean): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { entries: { type: "string", default: "1000000" }, seconds: { type: "string", default: "3" } },
  });
  const seconds = Number(values.seconds);
  const entriesMax = Number(values.entries);
  const rawCommitsPerSecond = await measureRawCommits(seconds);
  const { database, close } = await freshDatabase();
  try {
    const books = await fundedBooks(database);
    const measured: Measured[] = [];
    for (const concurrency of [1, 16]) measured.push(await measureSettlements(books, concurrency, seconds));
    const sizes: Size[] = [];
    for (const entries of new Set([0, Math.min(100_000, entriesMax), entriesMax])) {
      await fill(database, books, entries);
      sizes.push(await measureSize(database, books, seconds));
      process.stderr.write(`measured at ${sizes.at(-1)?.entries} entries\n`);
    }
    report({ rawCommitsPerSecond, measured, sizes }, json);
  } finally {
    await close();
  }
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

async function measureSize(database: Database, books: Books, seconds: number): Promise<Size> {
  const entries = countEntries(database);
  const { settlementsPerSecond, p50Ms, p99Ms } = await measureSettlements(books, concurrencyMeasured, seconds);
  const balanceMs = await elapsedMs(async () => {
    for (let read = 0; read < balanceReads; read += 1) await books.balance(pick(consumers).accountId);
  });
  const statementMs = await elapsedMs(() => readStatement(books));
  let balanced = false;
  const auditMs = await elapsedMs(async () => {
    balanced = (await books.audit()).balanced;
  });
  return {
    entries,
    settlementsPerSecond,
    p50Ms,
    p99Ms,
    balanceReadMicroseconds: rounded((balanceMs * 1_000) / balanceReads),
    statementMs: rounded(statementMs),
    auditSeconds: rounded(auditMs / 1_000),
    fileMegabytes: Math.round(fileBytes(database) / 1_000_000),
    balanced,
  };
}

async function readStatement(books: Books): Promise<void> {
  const today = new Date();
  const month = Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), 1);
  const accountId = consumers[0]?.accountId ?? newId("account");
  await books.creditAt(accountId, month);
  const until = Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + 1, 1);
  await books.creditAt(accountId, until);
  await books.entries(accountId, { from: month, until, after: null });
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
  const consumer = Math.random() < 0.5 ? (consumers[0] ?? pick(consumers)) : pick(consumers);
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

/** By the same holds and settlements, thousands to a transaction. */
async function fill(database: Database, books: Books, target: number): Promise<void> {
  for (let entries = countEntries(database); entries < target; entries = countEntries(database)) {
    const batch = Math.min(fillBatch, Math.ceil((target - entries) / 7));
    await Promise.all(Array.from({ length: batch }, () => settleOne(books)));
  }
}

function countEntries(database: Database): number {
  return Number(database.connection.prepare<[], bigint>("SELECT count(*) FROM entries").pluck().get() ?? 0n);
}

function fileBytes(database: Database): number {
  const [pages, pageBytes] = ["page_count", "page_size"].map((name) =>
    Number(database.connection.pragma(name, { simple: true })),
  );
  return (pages ?? 0) * (pageBytes ?? 0);
}

async function elapsedMs(act: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
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
  const { rawCommitsPerSecond, measured, sizes } = result;
  const header = ["entries", "settle /s", "p50 ms", "p99 ms", "balance µs", "statement ms", "audit s", "file MB"];
  const rows = sizes.map((size) => [
    size.entries,
    size.settlementsPerSecond,
    size.p50Ms,
    size.p99Ms,
    size.balanceReadMicroseconds,
    size.statementMs,
    size.auditSeconds,
    size.fileMegabytes,
  ]);
  const lines = [
    `raw commits of one row, synchronous=FULL: ${rawCommitsPerSecond} /s`,
    ...measured.map(
      (row) =>
        `settlements, ${row.concurrency} at once: ${row.settlementsPerSecond} /s, p50 ${row.p50Ms} ms, p99 ${row.p99Ms} ms`,
    ),
    "",
    `${concurrencyMeasured} at once, as the books grow:`,
    ...[header, ...rows].map((row) => row.map((cell) => String(cell).padStart(12)).join("")),
    `every audit balanced: ${sizes.every(({ balanced }) => balanced)}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
