import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dayMs, systemClock } from "../../../src/clock.ts";
import { noBudget } from "../../../src/identity/api-key.ts";
import { newId } from "../../../src/ids.ts";
import { type LogFields, silentLog } from "../../../src/log.ts";
import { parseUsd } from "../../../src/money.ts";
import { settlementOf, usageOf } from "../../contracts/books.ts";
import { refusal } from "../../paypal-simulator/reply.ts";
import { PayPalSimulator } from "../../paypal-simulator/simulator.ts";
import { freshDatabase, type OpenDatabase } from "../../worlds/database.ts";
import { listenForWebhooks, openEconomy } from "../../worlds/treasury.ts";

const consumer = newId("account");
const owner = newId("account");
const receiver = "owner@example.com";
const paidOnce = new Map([[receiver, 3_800]]);
let simulator: PayPalSimulator;
let open: OpenDatabase;
let economy: ReturnType<typeof openEconomy>;
let listener: Awaited<ReturnType<typeof listenForWebhooks>>;
let warnings: LogFields[];
let offsetMs: number;

/** $38 for a host's owner, of $100 that a consumer paid. */
beforeEach(async () => {
  warnings = [];
  offsetMs = 0;
  simulator = await PayPalSimulator.start();
  open = await freshDatabase();
  const { url, clientId, clientSecret } = simulator;
  const log = { ...silentLog, warn: (_event: string, fields: LogFields = {}) => void warnings.push(fields) };
  const clock = { ...systemClock, now: () => Date.now() + offsetMs };
  economy = openEconomy(open.database, { url, clientId, clientSecret, clock, log });
  listener = await listenForWebhooks(() => economy.treasury);
  const payment = await economy.treasury.topUp(consumer, parseUsd("100"));
  await simulator.approve(payment.approvalUrl ?? "");
  await economy.treasury.payment(consumer, payment.id);
  await simulator.webhooks.settled();
  await economy.treasury.round();
  const request = { accountId: consumer, apiKeyId: newId("key"), budget: noBudget, amount: parseUsd("40") };
  const holdId = await economy.books.hold({ ...request, idempotencyKey: newId("request") });
  await economy.books.settle(holdId, settlementOf(usageOf({ hostId: newId("host"), accountId: owner }, 0, 4_000_000)));
  await economy.payouts.setSettings(owner, { receiver, receiverType: "EMAIL", threshold: parseUsd("25") });
  simulator.webhooks.faults.isReordering = true;
});

afterEach(async () => {
  await simulator.webhooks.settled();
  await economy.treasury.close();
  expect(simulator.violations).toEqual([]);
  expect(await economy.books.audit()).toMatchObject({ balanced: true, problems: [] });
  expect(await economy.treasury.reconcile()).toMatchObject({ isEqual: true });
  await listener.close();
  await simulator.close();
  await open.close();
});

async function sendAndLoseAnswer(): Promise<void> {
  simulator.faults.push({ match: /POST \/v1\/payments\/payouts$/, kind: "lost-answer" });
  await economy.treasury.payOutAllDue();
  expect(await economy.payouts.list(owner, 10)).toMatchObject([{ state: "reserved" }]);
  warnings = [];
}

/** As a day of rounds and schedules would, with what has become payable again. */
async function carryOn(): Promise<void> {
  await economy.treasury.round();
  await economy.treasury.payOutAllDue();
  await economy.treasury.round();
}

async function webhooksArrive(): Promise<void> {
  simulator.webhooks.flush();
  await simulator.webhooks.settled();
  await economy.treasury.round();
}

describe("a payout whose answer was lost", () => {
  it.each(["already-exists", "duplicate"] as const)(
    "is the batch that PayPal points to, where it says %s",
    async (wording) => {
      simulator.payouts.duplicateWording = wording;
      await sendAndLoseAnswer();
      await carryOn();
      expect(simulator.payouts.paid()).toEqual(paidOnce);
      expect(await economy.payouts.list(owner, 10)).toMatchObject([{ state: "paid", amount: parseUsd("38") }]);
    },
  );

  it("stays open and is told of while PayPal has its batch and does not say which, until a webhook does", async () => {
    simulator.payouts.duplicateWording = "duplicate-unlinked";
    await sendAndLoseAnswer();
    await economy.treasury.round();
    expect(await economy.payouts.list(owner, 10)).toMatchObject([{ state: "reserved" }]);
    expect(warnings).toMatchObject([{ what: "payout", error: { code: "payment_failed" } }]);
    await webhooksArrive();
    expect(simulator.payouts.paid()).toEqual(paidOnce);
    expect(await economy.payouts.list(owner, 10)).toMatchObject([{ state: "paid" }]);
  });
});

describe("a payout that was never said to be taken", () => {
  const sent = () => simulator.calls.filter((call) => call === "POST /v1/payments/payouts").length;

  it("is sent again for 28 days", async () => {
    await sendAndLoseAnswer();
    offsetMs = 28 * dayMs - 60_000;
    await carryOn();
    expect(sent()).toBe(2);
    expect(await economy.payouts.list(owner, 10)).toMatchObject([{ state: "paid" }]);
  });

  it("is not sent after 28 days, when PayPal may forget it, but told of with its batch until a webhook comes", async () => {
    await sendAndLoseAnswer();
    offsetMs = 28 * dayMs;
    await economy.treasury.round();
    expect(sent()).toBe(1);
    const [{ id, batchId, state } = {}] = await economy.payouts.list(owner, 10);
    expect(state).toBe("reserved");
    expect(warnings).toMatchObject([{ id, error: { message: expect.stringContaining(`"${batchId}"`) } }]);
    await webhooksArrive();
    expect(sent()).toBe(1);
    expect(simulator.payouts.paid()).toEqual(paidOnce);
    expect(await economy.payouts.list(owner, 10)).toMatchObject([{ state: "paid" }]);
  });
});

describe("a payout that PayPal refuses", () => {
  it.each([
    ["VALIDATION_ERROR", 400, "Receiver is invalid or does not match with type"],
    ["INVALID_REQUEST", 400, "INVALID_PARAMETER_SYNTAX"],
  ] as const)("for what it asks (%s) is payable again", async (name, status, issue) => {
    simulator.payouts.refusal = refusal(status, name, issue);
    await economy.treasury.payOutAllDue();
    expect(await economy.payouts.list(owner, 10)).toMatchObject([{ state: "returned", paypalStatus: "FAILED" }]);
    expect(await economy.payouts.due()).toEqual([owner]);
  });

  it.each([
    ["INSUFFICIENT_FUNDS", 422, "INSUFFICIENT_FUNDS"],
    ["USER_BUSINESS_ERROR", 400, "User business error."],
    ["SENDER_ACCOUNT_UNVERIFIED", 403, "SENDER_ACCOUNT_UNVERIFIED"],
  ] as const)(
    "for another reason (%s) stays open, is told of, and is the one sent again",
    async (name, status, issue) => {
      simulator.payouts.refusal = refusal(status, name, issue);
      await economy.treasury.payOutAllDue();
      await economy.treasury.round();
      expect(await economy.payouts.list(owner, 10)).toMatchObject([{ state: "reserved" }]);
      expect(warnings).toMatchObject(Array(2).fill({ what: "payout", error: { code: "payment_failed" } }));
      simulator.payouts.refusal = null;
      await carryOn();
      expect(simulator.payouts.paid()).toEqual(paidOnce);
      expect(await economy.payouts.list(owner, 10)).toMatchObject([{ state: "paid" }]);
    },
  );
});
