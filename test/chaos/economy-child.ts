import { Database } from "../../daemon/sqlite/database.ts";
import { isPeerError } from "../../src/errors.ts";
import { noBudget } from "../../src/identity/api-key.ts";
import { type HoldId, newId, parseId } from "../../src/ids.ts";
import type { Books } from "../../src/ledger/books.ts";
import { firstPriceSheet } from "../../src/ledger/pricing.ts";
import { nanoUsd, parseUsd } from "../../src/money.ts";
import { listenForWebhooks, openEconomy } from "../worlds/treasury.ts";
import { type Random, seeded } from "./random.ts";

/**
 * The money side of an orchestrator under load, to be killed: releases what an earlier life left open, then credits,
 * holds, settles and releases at random for ever, with payments, subscriptions and payouts at PayPal in flight and its
 * webhooks coming in. What was told as durable is written to stdout, one line each, after the books said so: what its
 * parent may hold it to.
 */
const [path = "", seed = "0", consumers = "", hosts = "", webhookPort = "0", ...access] = process.argv.slice(2);
const [url = "", clientId = "", clientSecret = ""] = access;
const economy = openEconomy(new Database(path), { url, clientId, clientSecret });
const { books, treasury, payouts } = economy;
const random = seeded(Number(seed));
const consumerIds = consumers.split(",").map((id) => parseId("account", id));
const hostIds = hosts.split(",").map((id) => parseId("host", id));
const apiKeyId = newId("key");
const sheet = firstPriceSheet("credits", 0);
const workers = 6;

tell("started", await books.releaseAll());
await listenForWebhooks(() => treasury, Number(webhookPort)).catch(ignoreUnanswered);
for (let worker = 0; worker < workers; worker += 1) void work(books, random);
void dealWithPayPal(random);

/** One thing after the other; what PayPal leaves unsaid is left to the next round, or the next life. */
async function dealWithPayPal(from: Random): Promise<never> {
  const threshold = parseUsd("1");
  for (const accountId of consumerIds) {
    const receiver = `${accountId}@example.com`;
    await payouts.setSettings(accountId, { receiver, receiverType: "EMAIL", threshold });
  }
  const acts = [buy, buy, subscribe, () => treasury.payOutAllDue(), () => treasury.round()];
  for (;;) {
    try {
      await from.pick(acts)(from);
    } catch (error) {
      ignoreUnanswered(error);
    }
    tell("dealt");
  }
}

function ignoreUnanswered(error: unknown): void {
  if (!isPeerError(error, "upstream_failed")) throw error;
}

async function buy(from: Random): Promise<void> {
  const accountId = from.pick(consumerIds);
  const begun = await treasury.topUp(accountId, parseUsd(`${1 + from.below(50)}`));
  await fetch(begun.approvalUrl ?? "", { method: "POST" });
  if (from.below(2) === 0) return;
  const { captureId } = await treasury.payment(accountId, begun.id);
  if (captureId !== null) tell("bought", `capture:${captureId}`);
}

async function subscribe(from: Random): Promise<void> {
  const accountId = from.pick(consumerIds);
  const begun = await treasury.subscribeHost(accountId, from.pick(hostIds), parseUsd("5"));
  await fetch(begun.approvalUrl ?? "", { method: "POST" });
  await treasury.subscription(accountId, begun.id);
}

async function work(on: Books, from: Random): Promise<never> {
  for (;;) {
    const accountId = from.pick(consumerIds);
    if (from.below(4) === 0) await credit(on, accountId, from);
    else await request(on, accountId, from);
  }
}

async function credit(on: Books, accountId: (typeof consumerIds)[number], from: Random): Promise<void> {
  const idempotencyKey = newId("transfer");
  const amount = nanoUsd(BigInt(from.below(2_000_000_000)));
  const source = { kind: "promotion" } as const;
  await on.credit({ accountId, amount, source, idempotencyKey, reference: null });
  tell("credited", idempotencyKey, accountId, amount);
}

async function request(on: Books, accountId: (typeof consumerIds)[number], from: Random): Promise<void> {
  const holdId = await tryHold(on, accountId, from);
  if (holdId === null) return;
  if (from.below(5) === 0) return on.release(holdId);
  const host = { hostId: from.pick(hostIds), accountId: from.pick(consumerIds) };
  const subtask = { subtaskId: newId("subtask"), model: "acme/tiny:1.0.0", royalty: null, promptHost: host };
  const answers = [{ host, tokens: from.below(20_000) }];
  const subtasks = [{ ...subtask, promptTokens: from.below(20_000), answers }];
  const result = await on.settle(holdId, { sheet, subtasks, cap: null, reference: null });
  tell("settled", result.transferId, accountId, result.charged);
}

async function tryHold(on: Books, accountId: (typeof consumerIds)[number], from: Random): Promise<HoldId | null> {
  try {
    const amount = parseUsd(`0.${1 + from.below(9)}`);
    return await on.hold({ accountId, apiKeyId, budget: noBudget, amount, idempotencyKey: newId("request") });
  } catch (error) {
    if (isPeerError(error, "insufficient_quota") || isPeerError(error, "payment_required")) return null;
    throw error;
  }
}

function tell(what: string, ...values: readonly (string | number | bigint)[]): void {
  process.stdout.write(`${[what, ...values].join(" ")}\n`);
}
